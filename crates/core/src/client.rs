//! The client, and the way of a call.

use crate::clock::{Clock, SystemClock, timestamp};
use crate::config::{Config, RateScope};
use crate::cooldown::Cooldowns;
use crate::credentials::{Credentials, Secret};
use crate::eid::Eid;
use crate::endpoint::endpoint;
use crate::error::{Delivered, Error, ErrorKind};
use crate::host_slot::{self, HostSlot};
use crate::lane::{Driven, Lane, Transport};
use crate::nonce::Nonces;
use crate::observer::Observer;
use crate::pace::Pace;
use crate::per_process::PerProcess;
use crate::pool::Pool;
use crate::progress::Progress;
use crate::random::{Random, SystemRandom};
use crate::reply::{Reply, verdict};
use crate::retry::{self, Budget, Next};
use crate::skew::Skew;
use crate::wire::signed_body;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long everybody pauses when the platform has had too many requests and does not say for how long.
const UNTOLD_PAUSE: Duration = Duration::from_secs(1);

/// Refreshes the package usage of cloud eSIM cards of one account.
///
/// Make one and keep it: it holds connections open between calls. Clones share everything. Any number of threads
/// may call at once; each call runs on its caller's thread. A forked child may use its parent's client: it makes
/// its own connections.
#[derive(Clone)]
pub struct Client {
    /// Without the secret: one copy of it is enough.
    config: Arc<Config>,
    shared: Arc<Shared>,
}

/// What clients that come from one another have in common.
struct Shared {
    /// Those of the first of them. Only what [`Config::CALL_OPTIONS`] does not list counts here.
    config: Arc<Config>,
    credentials: Credentials,
    transport: Transport,
    skew: Skew,
    sources: Sources,
    state: PerProcess<State>,
}

/// What a process must not share with its children.
struct State {
    cooldowns: Cooldowns,
    /// An error where the file that processes share cannot be used.
    pace: Result<Pace, String>,
    lanes: Pool,
    nonces: Nonces,
    budget: Budget,
}

/// Where time and randomness come from; tests replace them.
#[derive(Clone)]
pub struct Sources {
    /// Dates the requests.
    pub clock: Arc<dyn Clock>,
    /// Seeds the order of the nonces.
    pub random: Arc<dyn Random>,
}

impl Default for Sources {
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock), random: Arc::new(SystemRandom) }
    }
}

impl Client {
    /// Checks the options and makes a client; nothing is sent yet.
    ///
    /// # Errors
    /// [`ErrorKind::Config`], which names the option and says what it takes.
    pub fn new(config: Config) -> Result<Self, Error> {
        Self::with_sources(config, Sources::default())
    }

    /// As [`Client::new`], with other sources of time and randomness.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn with_sources(mut config: Config, sources: Sources) -> Result<Self, Error> {
        config.check()?;
        let credentials = config.credentials()?;
        config.secret = Secret::default();
        let config = Arc::new(config);
        let shared = Shared {
            credentials,
            transport: Transport::new(&config, endpoint(&config.base_url, config.allow_http)?)?,
            skew: Skew::default(),
            sources,
            state: PerProcess::new(),
            config: config.clone(),
        };
        if let Err(why) = &shared.state().pace {
            return Err(Error::config("rate_scope", why));
        }
        Ok(Self { config, shared: Arc::new(shared) })
    }

    /// The options of this client, without the secret.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// A client whose calls go by other options, and that shares with this one what must not be had twice: connections,
    /// the account's rate, the cards' rest, the order of nonces and what is known of the platform's clock.
    ///
    /// Only [`Config::CALL_OPTIONS`] can change.
    ///
    /// ```
    /// # let client = eiot::Client::new(eiot::Config::new("my-appkey", "my-secret"))?;
    /// let mut options = client.config().clone();
    /// options.timeout = std::time::Duration::from_secs(3);
    /// let hasty = client.with_options(options)?;
    /// # Ok::<(), eiot::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Config`], when another option differs or a value cannot be used.
    pub fn with_options(&self, options: Config) -> Result<Self, Error> {
        if let Some(option) = self.config.shared_difference(&options) {
            return Err(Error::config(
                option,
                format!(
                    "is the same for all clients that share connections and rate; what can change is {}",
                    Config::CALL_OPTIONS.join(", ")
                ),
            ));
        }
        options.check()?;
        Ok(Self { config: Arc::new(options), shared: self.shared.clone() })
    }

    /// Asks the platform to refresh one card's package usage, and waits for its answer.
    ///
    /// Blocks for at most the client's `timeout`. The EID may be text or bytes, padded with white space.
    ///
    /// # Errors
    /// Any [`ErrorKind`]; [`Error::delivered`] says whether the platform may have acted.
    pub fn refresh_usage(&self, eid: impl AsRef<[u8]>) -> Result<Reply, Error> {
        self.refresh_usage_observed(eid, &mut ())
    }

    /// As [`Client::refresh_usage`], with an observer that is told of each attempt and can break the call off.
    ///
    /// # Errors
    /// As [`Client::refresh_usage`].
    pub fn refresh_usage_observed(
        &self,
        eid: impl AsRef<[u8]>,
        observer: &mut dyn Observer,
    ) -> Result<Reply, Error> {
        let started = Instant::now();
        let eid = if self.config.strict_eid { Eid::parse_strict(eid) } else { Eid::parse(eid) }?;
        outside_of_any_runtime(|| self.call(&eid, started, observer))
    }

    /// One call, within its deadline and as long as its caller wants.
    fn call(&self, eid: &Eid, started: Instant, observer: &mut dyn Observer) -> Result<Reply, Error> {
        let state = self.shared.state();
        let deadline = started + self.config.timeout;
        state.cooldowns.start(eid, started)?;
        let progress = Progress::new(observer);
        let result = self.drive(state, eid, deadline, &progress);
        match &result {
            Ok(reply) => state.budget.success(reply.attempts()),
            Err(error) if error.kind() == ErrorKind::Cooldown => {}
            Err(_) => state.cooldowns.undo(eid, started),
        }
        result.map_err(|error| progress.conclude(error, eid))
    }

    fn drive(
        &self,
        state: &State,
        eid: &Eid,
        deadline: Instant,
        progress: &Progress<'_>,
    ) -> Result<Reply, Error> {
        let mut keep_going = || progress.observer.borrow_mut().keep_going();
        if keep_going().is_break() {
            return Err(self.unanswered(ErrorKind::Cancelled, eid, progress));
        }
        let lane = state.lanes.take(&self.shared.transport)?;
        // The lane of a call that is broken off is not put back: dropping it closes the connection at once.
        match lane.drive(deadline, &mut keep_going, self.attempts(state, &lane, eid, deadline, progress)) {
            Driven::Done(result) => {
                state.lanes.put(lane);
                result
            }
            Driven::TimedOut => Err(self.unanswered(ErrorKind::Timeout, eid, progress)),
            Driven::Interrupted => Err(self.unanswered(ErrorKind::Cancelled, eid, progress)),
        }
    }

    /// `pace → attempt`, and again after a wait while that is worth it.
    async fn attempts(
        &self,
        state: &State,
        lane: &Lane,
        eid: &Eid,
        deadline: Instant,
        progress: &Progress<'_>,
    ) -> Result<Reply, Error> {
        let pace = state.pace.as_ref().map_err(|why| Error::config("rate_scope", why))?;
        let retry = retry::Policy { max_attempts: self.config.max_attempts };
        let most = retry.max_attempts;
        let mut clock_was_corrected = false;
        let mut last_failure: Option<Error> = None;
        loop {
            match (pace.take(deadline, self.config.rate_wait), last_failure.take()) {
                (Ok(None), _) => {}
                (Ok(Some(slot)), _) => wait_until(slot).await,
                (Err(refusal), None) => return Err(refusal),
                // What went wrong before says more than that there is no slot to try again.
                (Err(_), Some(error)) => {
                    return Err(error.with_note("the account's rate leaves no slot to try again"));
                }
            }
            let error = match self.attempt(state, lane, eid, progress).await {
                Ok(reply) => {
                    progress.tell(eid, None, None);
                    return Ok(reply);
                }
                Err(error) => error,
            };
            progress.end_attempt(&error);
            if error.kind() == ErrorKind::RateLimited {
                let now = Instant::now();
                let wait = error.retry_after().unwrap_or(UNTOLD_PAUSE).min(retry::LONGEST_RETRY_AFTER);
                pace.pause(now, now + wait)?;
            }
            // The code for a stale timestamp is not published. So when a refusal comes with the news that the clock is
            // off, the request is dated anew, once.
            let refused = matches!(error.kind(), ErrorKind::Platform | ErrorKind::Auth);
            let attempts = progress.attempts.get();
            let next = if refused && progress.clock_moved.get() && !clock_was_corrected && attempts < most {
                clock_was_corrected = true;
                Next::TryAfter(Duration::ZERO)
            } else {
                let random = self.shared.sources.random.as_ref();
                retry.after(&error, attempts, retry::time_left(deadline), &state.budget, random)
            };
            match next {
                Next::TryAfter(wait) => {
                    progress.tell(eid, Some(&error), Some(wait));
                    last_failure = Some(error);
                    wait_until(Instant::now() + wait).await;
                }
                Next::GiveUp(why) => {
                    progress.tell(eid, Some(&error), None);
                    return Err(match why {
                        Some(why) => error.with_note(&why),
                        None => error,
                    });
                }
            }
        }
    }

    /// `sign → send → read → verdict`: one request and its answer; time, nonce and signature are fresh in each.
    async fn attempt(
        &self,
        state: &State,
        lane: &Lane,
        eid: &Eid,
        progress: &Progress<'_>,
    ) -> Result<Reply, Error> {
        let shared = self.shared.as_ref();
        let clock = shared.sources.clock.as_ref();
        let timestamp = timestamp(shared.skew.correct(clock.now()))?;
        let nonce = state.nonces.next();
        let body = signed_body(&shared.credentials, eid, timestamp, nonce, shared.config.sign_method)?;
        let sent = progress.begin_attempt();
        let raw = lane.post(&shared.transport, body, sent, clock).await?;
        if shared.config.clock_skew && shared.transport.is_trusted() {
            progress.clock_moved.set(shared.skew.learn(raw.sighting));
        }
        verdict(raw, eid, progress.attempts.get(), &self.config.codes)
    }

    /// The error of a call that ended without an answer.
    fn unanswered(&self, kind: ErrorKind, eid: &Eid, progress: &Progress<'_>) -> Error {
        let (delivered, outcome) = match progress.is_sent() {
            true => (Delivered::Unknown, "the request was sent, so the refresh may have happened"),
            false if progress.earlier.get().is_some() => (Delivered::No, "the last attempt sent nothing"),
            false => (Delivered::No, "nothing was sent"),
        };
        let (host, timeout) = (self.shared.transport.host(), self.config.timeout);
        let text = match kind {
            ErrorKind::Timeout => format!("no answer from {host} within {timeout:?}; {outcome}"),
            _ => format!("cancelled by the caller; {outcome}"),
        };
        let error = Error::new(kind, text).with_delivered(delivered);
        progress.tell(eid, Some(&error), None);
        error
    }
}

impl Shared {
    fn state(&self) -> &State {
        self.state.get(|| State {
            cooldowns: Cooldowns::new(self.config.eid_cooldown),
            pace: self.pace(),
            lanes: Pool::default(),
            nonces: Nonces::new(self.sources.random.next_u64()),
            budget: Budget::new(),
        })
    }

    fn pace(&self) -> Result<Pace, String> {
        let rate = self.config.rate();
        match self.config.rate_scope {
            RateScope::Process => Ok(Pace::of_process(&rate)),
            RateScope::Host => {
                let slot =
                    HostSlot::open(host_slot::path_for(&self.credentials.appkey, &self.transport.host()));
                slot.map(|slot| Pace::of_host(&rate, slot)).map_err(|why| why.to_string())
            }
        }
    }
}

/// Waits on the lane; at once when the time has come, since the engine's timer rounds up to a millisecond.
async fn wait_until(time: Instant) {
    if time > Instant::now() {
        tokio::time::sleep_until(time.into()).await;
    }
}

/// A lane's engine cannot run inside another one. When the caller's thread belongs to an asynchronous program, the
/// call moves to a thread of its own for as long as it takes; it blocks its caller all the same.
fn outside_of_any_runtime<T: Send>(call: impl FnOnce() -> T + Send) -> T {
    if tokio::runtime::Handle::try_current().is_err() {
        return call();
    }
    std::thread::scope(|scope| match scope.spawn(call).join() {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("host", &self.shared.transport.host())
            .field("config", &self.config)
            .finish()
    }
}
