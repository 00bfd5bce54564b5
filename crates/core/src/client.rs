//! The client, and the request path.

use crate::call::Call;
use crate::clock::{Clock, SystemClock, timestamp};
use crate::config::Config;
use crate::credentials::Secret;
use crate::eid::Eid;
use crate::endpoint::endpoint;
use crate::error::{Delivered, Error, ErrorKind};
use crate::lane::{Connections, Driven, Lane, Post, Transport};
use crate::observer::{Attempt, Notice, Observer};
use crate::per_process::PerProcess;
use crate::progress::{History, Progress};
use crate::random::{Random, SystemRandom};
use crate::rate_limit::{Cooldown, Permit, RateLimiter};
use crate::redact::redact;
use crate::reply::{Reply, verdict};
use crate::request::Request;
use crate::retry::{self, Next};
use crate::shared::{Shared, State};
use crate::skew::Skew;
use crate::standstill::Standstill;
use crate::wire::sign_in;
use futures_util::future::{Either, select};
use std::fmt;
use std::future::Future;
use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A batch waits for its permits without a deadline: this is longer than any wait.
const NO_DEADLINE: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// How long everybody pauses when the platform has had too many requests and does not say for how long.
const UNTOLD_PAUSE: Duration = Duration::from_secs(1);

/// A client of one account.
///
/// Create one and reuse it: it keeps a connection pool. Clones share everything. Thread-safe; each call runs on its caller's
/// thread. A forked child may use its parent's client: it makes its own connections.
#[derive(Clone)]
pub struct Client {
    /// Without the secret: one copy of it is enough.
    config: Arc<Config>,
    pub(crate) shared: Arc<Shared>,
}

/// What a card of a batch needs to be called. Dropping it gives all of it back.
pub(crate) struct Turn {
    pub(crate) permit: Permit,
    pub(crate) cooldown: Option<Cooldown>,
}

/// Lets the calls of a batch reserve one permit at a time, so that a call beside the batch need not wait behind all of them.
pub(crate) struct Gate {
    queue: tokio::sync::Mutex<()>,
    /// Is told of long waits.
    observer: Arc<Mutex<Box<dyn Observer>>>,
}

impl Gate {
    pub(crate) fn new(observer: Arc<Mutex<Box<dyn Observer>>>) -> Self {
        Self { queue: tokio::sync::Mutex::default(), observer }
    }
}

/// Where time and randomness come from; tests replace them.
pub(crate) struct Sources {
    /// Dates the requests.
    pub(crate) clock: Arc<dyn Clock>,
    /// Seeds the order of the nonces.
    pub(crate) random: Arc<dyn Random>,
}

impl Default for Sources {
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock), random: Arc::new(SystemRandom) }
    }
}

impl Client {
    /// Creates a client. Validates all options and reads the files they name. Sends nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Config`], which names the option and says what it takes.
    pub fn new(config: Config) -> Result<Self, Error> {
        Self::with_sources(config, Sources::default())
    }

    /// Like [`Client::new`], with another clock and another source of random numbers. For tests.
    ///
    /// # Errors
    /// As [`Client::new`].
    #[doc(hidden)]
    pub fn with_clock_and_rng(
        config: Config,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Random>,
    ) -> Result<Self, Error> {
        Self::with_sources(config, Sources { clock, random: rng })
    }

    fn with_sources(mut config: Config, sources: Sources) -> Result<Self, Error> {
        config.check()?;
        let credentials = config.credentials()?;
        config.secret = Secret::default();
        let config = Arc::new(config);
        let shared = Shared {
            credentials,
            transport: Transport::new(&config, endpoint(&config.base_url, config.allow_http)?)?,
            skew: Skew::default(),
            sources,
            warnings: Mutex::new(config.warnings()),
            state: PerProcess::new(),
            config: config.clone(),
        };
        shared.state().limiter()?;
        Ok(Self { config, shared: Arc::new(shared) })
    }

    /// The options of this client, without the secret.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Returns a client with different options per call. It shares connections, rate limiter, cooldowns, nonces and clock skew with
    /// this one.
    ///
    /// Only [`Config::CALL_OPTIONS`] can differ.
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
    /// [`ErrorKind::Config`] if another option differs or a value is invalid.
    pub fn with_options(&self, options: Config) -> Result<Self, Error> {
        if let Some(option) = self.config.shared_difference(&options) {
            return Err(Error::config(
                option,
                format!(
                    "cannot differ between clients that share connections and rate limit; options that can differ: {}",
                    Config::CALL_OPTIONS.join(", ")
                ),
            ));
        }
        options.check()?;
        Ok(Self { config: Arc::new(options), shared: self.shared.clone() })
    }

    /// Refreshes the package usage of one card and waits for the platform's reply.
    ///
    /// Blocks for at most the client's `timeout`. The EID may be text or bytes; surrounding whitespace is ignored.
    ///
    /// # Errors
    /// Any [`ErrorKind`]; [`Error::delivered`] says whether the platform may have acted.
    pub fn refresh_usage(&self, eid: impl AsRef<[u8]>) -> Result<Reply, Error> {
        self.refresh_usage_observed(eid, &mut ())
    }

    /// Like [`Client::refresh_usage`], with an observer that receives each attempt and can cancel the call.
    ///
    /// # Errors
    /// As [`Client::refresh_usage`].
    pub fn refresh_usage_observed(
        &self,
        eid: impl AsRef<[u8]>,
        observer: &mut dyn Observer,
    ) -> Result<Reply, Error> {
        let started = Instant::now();
        let eid = self.eid(eid)?;
        outside_of_any_runtime(|| {
            let state = self.shared.state();
            let cooldown = self.start_cooldown(state, &eid, started)?;
            self.request(state, Request::RefreshUsage(&eid), (started, cooldown), observer)
        })
    }

    /// Makes any other signed call of the platform's API and waits for the reply. Rate limit, retries and errors are those of a
    /// refresh. The cooldown (`eid_cooldown`) applies to refreshes only.
    ///
    /// Blocks for at most the client's `timeout`.
    ///
    /// # Errors
    /// As [`Client::refresh_usage`].
    pub fn call(&self, call: &Call) -> Result<Reply, Error> {
        self.call_observed(call, &mut ())
    }

    /// Like [`Client::call`], with an observer that receives each attempt and can cancel the call.
    ///
    /// # Errors
    /// As [`Client::refresh_usage`].
    pub fn call_observed(&self, call: &Call, observer: &mut dyn Observer) -> Result<Reply, Error> {
        let started = Instant::now();
        outside_of_any_runtime(|| {
            self.request(self.shared.state(), Request::Call(call), (started, None), observer)
        })
    }

    /// Reads an EID as this client's options want it.
    pub(crate) fn eid(&self, eid: impl AsRef<[u8]>) -> Result<Eid, Error> {
        if self.config.strict_eid { Eid::parse_strict(eid) } else { Eid::parse(eid) }
    }

    /// One call, within its deadline and as long as its caller wants.
    fn request(
        &self,
        state: &State,
        request: Request<'_>,
        (started, cooldown): (Instant, Option<Cooldown>),
        observer: &mut dyn Observer,
    ) -> Result<Reply, Error> {
        self.shared.tell_warnings(|notice| observer.notice(notice));
        let observer = Mutex::new(observer);
        let tell = |attempt: &Attempt<'_>| locked(&observer).attempt(attempt);
        let progress = Progress::new(&tell);
        let mut keep_going = || locked(&observer).keep_going();
        let deadline = started + self.config.timeout;
        let notice = |notice: &Notice<'_>| locked(&observer).notice(notice);
        let permits = Permits { first: None, gate: None, cooldown: cooldown.as_ref(), notice: &notice };
        let result = self.drive(state, (request, permits), deadline, &mut keep_going, &progress);
        conclude(state, request, cooldown, result, &progress)
    }

    fn start_cooldown(&self, state: &State, eid: &Eid, now: Instant) -> Result<Option<Cooldown>, Error> {
        Cooldown::start(&state.account, eid, now, self.shared.config.eid_cooldown)
    }

    fn drive(
        &self,
        state: &State,
        (request, permits): (Request<'_>, Permits<'_>),
        deadline: Instant,
        keep_going: &mut dyn FnMut() -> ControlFlow<()>,
        progress: &Progress<'_>,
    ) -> Result<Reply, Error> {
        if keep_going().is_break() {
            return Err(self.unanswered(ErrorKind::Cancelled, request, progress));
        }
        let lanes = &state.lanes;
        let lane = lanes.take(&self.shared.transport)?;
        let attempts = self.attempts(state, lane.connections(), request, deadline, permits, progress);
        // The lane of a cancelled call is not put back: dropping it closes the connection at once.
        match lane.drive(Some(deadline), keep_going, attempts) {
            Driven::Done(result) => {
                lanes.put(lane);
                result
            }
            Driven::TimedOut => Err(self.unanswered(ErrorKind::Timeout, request, progress)),
            Driven::Interrupted => Err(self.unanswered(ErrorKind::Cancelled, request, progress)),
        }
    }

    /// Appkey and platform, which tell one account from another.
    pub(crate) fn account(&self) -> (&str, String) {
        (&self.shared.credentials.appkey, self.shared.transport.host())
    }

    /// A lane for a batch, which keeps it to itself.
    pub(crate) fn open_lane(&self) -> Result<Lane, Error> {
        Lane::open_for_many(&self.shared.transport)
    }

    /// Starts a card's cooldown and waits for its permit, however long that takes.
    pub(crate) async fn take_turn(self, eid: Eid, gate: Arc<Gate>) -> Result<Turn, Error> {
        let state = self.shared.state();
        let now = Instant::now();
        let cooldown = self.start_cooldown(state, &eid, now)?;
        let notice = |notice: &Notice<'_>| locked(&gate.observer).notice(notice);
        let permits =
            Permits { first: None, gate: Some(&gate), cooldown: cooldown.as_ref(), notice: &notice };
        let permit = permits.acquire(state.limiter()?, now + NO_DEADLINE, true).await?;
        Ok(Turn { permit, cooldown })
    }

    /// One call of many on a lane, whose turn has come. `cancelled` cancels it.
    pub(crate) async fn call_among_many(
        &self,
        connections: &Connections,
        eid: &Eid,
        (turn, gate, history): (Turn, Arc<Gate>, History),
        tell: &(dyn Fn(&Attempt<'_>) + Sync),
        standstill: Standstill,
        cancelled: impl Future<Output = ()>,
    ) -> Result<Reply, Error> {
        let (state, request) = (self.shared.state(), Request::RefreshUsage(eid));
        let deadline = Instant::now() + self.config.timeout;
        let progress = Progress::new(tell).after(history);
        let Turn { permit, cooldown } = turn;
        let notice = |notice: &Notice<'_>| locked(&gate.observer).notice(notice);
        let permits =
            Permits { first: Some(permit), gate: Some(&gate), cooldown: cooldown.as_ref(), notice: &notice };
        let result = {
            let attempts = pin!(self.attempts(state, connections, request, deadline, permits, &progress));
            let end = pin!(standstill.passed(self.config.timeout));
            match select(select(attempts, end), pin!(cancelled)).await {
                Either::Left((Either::Left((result, _)), _)) => result,
                Either::Left((Either::Right(_), _)) => {
                    Err(self.unanswered(ErrorKind::Timeout, request, &progress))
                }
                Either::Right(_) => Err(self.unanswered(ErrorKind::Cancelled, request, &progress)),
            }
        };
        conclude(state, request, cooldown, result, &progress)
    }

    /// `permit → attempt`, and again after a wait while that is worth it.
    async fn attempts(
        &self,
        state: &State,
        connections: &Connections,
        request: Request<'_>,
        deadline: Instant,
        mut permits: Permits<'_>,
        progress: &Progress<'_>,
    ) -> Result<Reply, Error> {
        let limiter = state.limiter()?;
        let retry =
            retry::Policy { max_attempts: self.config.max_attempts, idempotent: request.is_idempotent() };
        let most = retry.max_attempts;
        let mut clock_was_corrected = false;
        let mut refused_before = None;
        let mut last_failure: Option<Error> = None;
        loop {
            let permit = match permits.first.take() {
                Some(permit) => Ok(permit),
                None => permits.acquire(limiter, deadline, self.config.rate_wait).await,
            };
            let permit = match (permit, last_failure.take()) {
                (Ok(permit), _) => permit,
                (Err(refusal), None) => return Err(refusal),
                // The failure of the last attempt says more than that there is no permit for another.
                (Err(_), Some(error)) => {
                    return Err(error.with_note(
                        "not retried: the rate limit allows no further attempt before the deadline",
                    ));
                }
            };
            let error = match self.attempt((state, permit), connections, request, progress).await {
                Ok(reply) => {
                    state.account.backpressure.succeeded(refused_before);
                    progress.tell(request, None, None);
                    return Ok(reply);
                }
                Err(error) => error,
            };
            progress.end_attempt(&error);
            if error.kind() == ErrorKind::RateLimited {
                let now = Instant::now();
                let pause = match (error.retry_after(), error.meaning()) {
                    // A code may speak of the card; HTTP 429 speaks of the caller, and a Retry-After is to be obeyed.
                    (None, Some(_)) => {
                        let (pause, refused) = state.account.backpressure.refused(now, refused_before);
                        refused_before = Some(refused);
                        pause
                    }
                    (None, None) => Some(UNTOLD_PAUSE),
                    (Some(wait), _) => Some(wait.min(retry::LONGEST_RETRY_AFTER)),
                };
                if let Some(pause) = pause {
                    limiter.pause(pause).await?;
                }
            }
            // The code for a stale timestamp is not published. So when a refusal comes with the news that the clock is
            // off, the request is dated again, once.
            let refused = matches!(error.kind(), ErrorKind::Platform | ErrorKind::Auth) && !error.is_final();
            let attempts = progress.attempts();
            let again = refused && progress.clock_moved() && !clock_was_corrected && attempts < most;
            let next = if again && request.is_idempotent() {
                clock_was_corrected = true;
                Next::TryAfter(Duration::ZERO)
            } else {
                let random = self.shared.sources.random.as_ref();
                retry.after(&error, attempts, retry::time_left(deadline), &state.budget, random)
            };
            match next {
                Next::TryAfter(wait) => {
                    progress.tell(request, Some(&error), Some(wait));
                    last_failure = Some(error);
                    wait_until(Instant::now() + wait).await;
                }
                Next::GiveUp(why) => {
                    progress.tell(request, Some(&error), None);
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
        (state, permit): (&State, Permit),
        connections: &Connections,
        request: Request<'_>,
        progress: &Progress<'_>,
    ) -> Result<Reply, Error> {
        let shared = self.shared.as_ref();
        let clock = shared.sources.clock.as_ref();
        let timestamp = timestamp(shared.skew.correct(clock.now()))?;
        let nonce = permit.spend();
        let body = request.body(&shared.credentials, timestamp, nonce, shared.config.sign_method)?;
        let post = Post { body, request };
        let sign = sign_in(&post.body);
        let sent = progress.begin_attempt(timestamp, nonce);
        let secrets = [shared.credentials.secret.expose().as_bytes(), &sign];
        let exchange = connections.post(&shared.transport, post, sent, clock).await;
        let mut raw = exchange.map_err(|error| error.with_redacted_evidence(secrets))?;
        if shared.config.clock_skew && shared.transport.is_trusted() {
            state.account.offset.learn(&raw.sighting);
            progress.note_clock(shared.skew.learn(raw.sighting));
        }
        redact(&mut raw.body, secrets);
        verdict(raw, request, progress.attempts(), &self.config.error_codes)
            .map_err(|error| shared.transport.with_proxy(error))
            .map_err(|error| error.with_redacted_evidence(secrets))
    }

    /// The error of a call that ended without an answer.
    fn unanswered(&self, kind: ErrorKind, request: Request<'_>, progress: &Progress<'_>) -> Error {
        let (delivered, outcome) = match progress.is_sent() {
            true => (Delivered::Unknown, "the request was sent and may have taken effect"),
            false if progress.earlier().is_some() => (Delivered::No, "the last attempt sent nothing"),
            false => (Delivered::No, "nothing was sent"),
        };
        let (host, timeout) = (self.shared.transport.host(), self.config.timeout);
        let text = match kind {
            ErrorKind::Timeout => format!("no response from {host} within {timeout:?}; {outcome}"),
            _ => format!("cancelled by the caller; {outcome}"),
        };
        let error = Error::new(kind, text).with_delivered(delivered);
        progress.tell(request, Some(&error), None);
        error
    }
}

/// Where the permits of a call come from.
struct Permits<'a> {
    /// Acquired before.
    first: Option<Permit>,
    /// Holds back all calls of a batch but one.
    gate: Option<&'a Gate>,
    /// That of the card.
    cooldown: Option<&'a Cooldown>,
    /// Is told of long waits.
    notice: &'a (dyn Fn(&Notice<'_>) + Sync),
}

impl Permits<'_> {
    /// Waits for a permit; of the calls that share a gate, one at a time.
    async fn acquire(
        &self,
        limiter: &Arc<RateLimiter>,
        deadline: Instant,
        wait: bool,
    ) -> Result<Permit, Error> {
        let _passed = match self.gate {
            None => None,
            // Past the deadline there is no permit either: asking for one says how long it would take.
            Some(gate) => tokio::time::timeout_at(deadline.into(), gate.queue.lock()).await.ok(),
        };
        limiter.acquire(deadline, wait, self.cooldown, self.notice).await
    }
}

/// What a call leaves behind for those that come: its retries are accounted for, and its cooldown stays or is taken back.
fn conclude(
    state: &State,
    request: Request<'_>,
    cooldown: Option<Cooldown>,
    result: Result<Reply, Error>,
    progress: &Progress<'_>,
) -> Result<Reply, Error> {
    if let Ok(reply) = &result {
        state.budget.success(reply.attempts());
    }
    // What the platform itself says of a cooldown is news; what was known before is not.
    let is_resting =
        |error: &Error| error.kind() == ErrorKind::Cooldown && error.delivered() != Delivered::No;
    let refreshed = result.as_ref().map_or_else(is_resting, |_| true);
    if let Some(cooldown) = cooldown.filter(|_| refreshed) {
        cooldown.keep();
    }
    result
        .map(|reply| reply.with_attempts_before(progress.attempts_before()))
        .map_err(|error| progress.conclude(error, request))
}

/// Waits on the lane; at once when the time has come, since the engine's timer rounds up to a millisecond.
async fn wait_until(time: Instant) {
    if time > Instant::now() {
        tokio::time::sleep_until(time.into()).await;
    }
}

pub(crate) fn locked<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A lane's engine cannot run inside another one. When the caller's thread belongs to an asynchronous program, the
/// call moves to a thread of its own for as long as it takes; it blocks its caller all the same.
pub(crate) fn outside_of_any_runtime<T: Send>(call: impl FnOnce() -> T + Send) -> T {
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
