//! The client, and the request path.

mod attempt_tracker;
mod execute;
mod inner;
mod latch;
mod multiplexer;
mod permits;
mod probe;
mod statistics;

pub(crate) use attempt_tracker::History;
pub(crate) use latch::Latch;
pub use multiplexer::{CallLoop, OnDone, Spawn, StartedCall};
pub(crate) use permits::{Gate, Reservation};
pub use probe::{Answer, Probe};

use crate::config::Config;
use crate::eid::Eid;
use crate::error::{Error, ErrorKind};
use crate::escape::beginning;
use crate::locked::locked;
use crate::observer::{Attempt, Notice, Observer};
use crate::protocol::{Call, REFRESH_USAGE, Reply, Request};
use crate::rate_limit::Cooldown;
use crate::signing::{Clock, ClockSample, SystemClock};
use crate::system::{self, Random, SystemRandom};
use crate::transport::{Connecting, Connections, EventLoop, RunResult, Times};
use attempt_tracker::AttemptTracker;
use execute::Execution;
use futures_util::future::{Either, select};
use inner::{ClientInner, ProcessState};
use permits::Permits;
use sha1::{Digest, Sha1};
use std::fmt;
use std::future::Future;
use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A batch waits for its permits without a deadline: this is longer than any wait.
const NO_DEADLINE: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A client of one account.
///
/// Create one and reuse it: it keeps a connection pool. Clones share everything. Thread-safe; each call runs on its caller's
/// thread. A forked child may use its parent's client: it makes its own connections.
#[derive(Clone)]
pub struct Client {
    /// Without the secret, which is kept once.
    config: Arc<Config>,
    inner: Arc<ClientInner>,
}

/// The sources of time and randomness; tests replace them.
pub(crate) struct Sources {
    /// Provides the timestamps of requests.
    pub(crate) clock: Arc<dyn Clock>,
    /// Seeds the order of nonces.
    pub(crate) random: Arc<dyn Random>,
}

impl Default for Sources {
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock), random: Arc::new(SystemRandom) }
    }
}

impl From<Times> for ClockSample {
    fn from(Times { date, sent, received }: Times) -> Self {
        Self { date, sent, received }
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

    /// Like [`Client::new`], with a custom clock and source of random numbers. For tests.
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

    fn with_sources(config: Config, sources: Sources) -> Result<Self, Error> {
        let inner = ClientInner::new(config, sources)?;
        Ok(Self { config: inner.config.clone(), inner: Arc::new(inner) })
    }

    /// The options of this client, without the secret.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Returns a client with different options per call. It shares connections, rate limiter, cooldowns, nonces and clock skew with
    /// this one.
    ///
    /// Only the options that are [per call](crate::OptionInfo::is_per_call) can differ.
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
            let per_call = Config::TABLE.iter().filter(|info| info.is_per_call).map(|info| info.name);
            let per_call: Vec<_> = per_call.collect();
            return Err(Error::config(
                option,
                format!(
                    "cannot differ between clients that share connections and rate limit; options that can differ: {}",
                    per_call.join(", ")
                ),
            ));
        }
        options.check()?;
        Ok(Self { config: Arc::new(options), inner: self.inner.clone() })
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
        let started = system::now();
        let input = eid.as_ref();
        let parsed = self.eid(input).map_err(|error| {
            self.refuse(REFRESH_USAGE, &String::from_utf8_lossy(input), error, |refusal| {
                observer.attempt(refusal)
            })
        });
        let eid = parsed?;
        outside_of_any_runtime(|| {
            let process = self.inner.process();
            let cooldown = self.start_cooldown(process, &eid, started);
            let cooldown = cooldown.map_err(|error| {
                self.refuse(REFRESH_USAGE, eid.as_str(), error, |refusal| observer.attempt(refusal))
            })?;
            self.request(process, Request::RefreshUsage(&eid), (started, cooldown), observer)
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
        let started = system::now();
        outside_of_any_runtime(|| {
            self.request(self.inner.process(), Request::Call(call), (started, None), observer)
        })
    }

    /// Parses an EID according to this client's options.
    pub(crate) fn eid(&self, eid: impl AsRef<[u8]>) -> Result<Eid, Error> {
        Eid::parse_as(eid, self.config.eid_rules())
    }

    /// Counts and reports a call that is refused before its call begins.
    pub(crate) fn refuse(
        &self,
        path: &str,
        eid: &str,
        error: Error,
        report: impl FnOnce(&Attempt<'_>),
    ) -> Error {
        let statistics = &self.inner.process().statistics;
        statistics.start_call();
        statistics.end_call(Some(error.kind()));
        report(&Attempt::refusal(path, beginning(eid), true, &error));
        error
    }

    /// The counters of this client, its clones and the clients derived from it, as one line of JSON: calls, attempts and
    /// their outcomes, retries, waits for permits. `docs/statistics.md` describes each field.
    ///
    /// Counts what this process has done: a forked child starts at zero. Costs microseconds; thread-safe.
    pub fn stats_json(&self) -> String {
        let process = self.inner.process();
        process.statistics.to_json(&self.inner.transport.host(), process.event_loops.idle())
    }

    /// Runs one call until it completes, its deadline passes or its caller cancels it.
    fn request(
        &self,
        process: &ProcessState,
        request: Request<'_>,
        (started, cooldown): (Instant, Option<Cooldown>),
        observer: &mut dyn Observer,
    ) -> Result<Reply, Error> {
        self.inner.report_warnings(process, |notice| observer.notice(notice));
        let observer = Mutex::new(observer);
        let on_attempt = |attempt: &Attempt<'_>| locked(&observer).attempt(attempt);
        let tracker = AttemptTracker::new(&on_attempt, &process.statistics);
        let mut keep_going = || locked(&observer).keep_going();
        let notice = |notice: &Notice<'_>| locked(&observer).notice(notice);
        let statistics = &process.statistics;
        let permits =
            Permits { first: None, gate: None, cooldown: cooldown.as_ref(), statistics, notice: &notice };
        let execution = self.execution(process, request, started, &tracker);
        let result = run_alone(&execution, permits, &mut keep_going);
        execution.conclude(cooldown, result)
    }

    fn execution<'a>(
        &'a self,
        process: &'a ProcessState,
        request: Request<'a>,
        started: Instant,
        tracker: &'a AttemptTracker<'a>,
    ) -> Execution<'a> {
        let deadline = started + self.config.timeout;
        Execution { inner: &self.inner, process, options: &self.config, request, deadline, tracker }
    }

    fn start_cooldown(
        &self,
        process: &ProcessState,
        eid: &Eid,
        now: Instant,
    ) -> Result<Option<Cooldown>, Error> {
        Cooldown::start(&process.account, eid, now, self.inner.config.eid_cooldown)
    }

    /// Identifies the account and the platform without revealing either: the same for every client with this appkey and
    /// host. 40 hex digits.
    pub fn account_fingerprint(&self) -> String {
        hex::encode(Sha1::digest(self.inner.account()))
    }

    /// Creates an event loop for the exclusive use of a batch.
    pub(crate) fn open_event_loop(&self) -> Result<EventLoop, Error> {
        EventLoop::open_for_many(&self.inner.transport)
    }

    /// Reports the warnings to the observer of a client's first call.
    pub(crate) fn report_warnings(&self, notify: impl FnMut(&Notice<'_>)) {
        self.inner.report_warnings(self.inner.process(), notify);
    }

    /// Starts a card's cooldown and waits for its permit without a deadline. Meanwhile a connection is made, if the request needs one
    /// `of_its_own`.
    pub(crate) async fn reserve(
        self,
        eid: Option<Eid>,
        gate: Arc<Gate>,
        of_its_own: Option<Arc<Connecting>>,
    ) -> Result<Reservation, Error> {
        let process = self.inner.process();
        let now = system::now();
        let cooldown = match &eid {
            Some(eid) => self.start_cooldown(process, eid, now)?,
            None => None,
        };
        let notice = |notice: &Notice<'_>| gate.notice(notice);
        let (gate, statistics) = (Some(gate.as_ref()), &process.statistics);
        let permits = Permits { first: None, gate, cooldown: cooldown.as_ref(), statistics, notice: &notice };
        let begin = || of_its_own.iter().for_each(|connecting| connecting.begin(&self.inner.transport));
        let permit = permits.acquire(process.limiter()?, now + NO_DEADLINE, true, &begin).await?;
        Ok(Reservation { permit, cooldown })
    }

    /// Makes one of many calls on an event loop, with its reservation. Returns an error when `timed_out` or `cancelled`
    /// completes.
    pub(crate) async fn call_reserved(
        &self,
        connections: &Connections,
        request: Request<'_>,
        (reservation, gate, history): (Reservation, Arc<Gate>, History),
        on_attempt: &(dyn Fn(&Attempt<'_>) + Sync),
        timed_out: impl Future<Output = ()>,
        cancelled: impl Future<Output = ()>,
    ) -> Result<Reply, Error> {
        let process = self.inner.process();
        let tracker = AttemptTracker::new(on_attempt, &process.statistics).after(history);
        let Reservation { permit, cooldown } = reservation;
        let notice = |notice: &Notice<'_>| gate.notice(notice);
        let permits = Permits {
            first: Some(permit),
            gate: Some(&gate),
            cooldown: cooldown.as_ref(),
            statistics: &process.statistics,
            notice: &notice,
        };
        let execution = self.execution(process, request, system::now(), &tracker);
        let result = {
            let run = pin!(execution.run(connections, permits));
            match select(select(run, pin!(timed_out)), pin!(cancelled)).await {
                Either::Left((Either::Left((result, _)), _)) => result,
                Either::Left((Either::Right(_), _)) => Err(execution.unanswered(ErrorKind::Timeout)),
                Either::Right(_) => Err(execution.unanswered(ErrorKind::Cancelled)),
            }
        };
        execution.conclude(cooldown, result)
    }
}

/// Runs a call on an event loop of the pool.
fn run_alone(
    execution: &Execution<'_>,
    permits: Permits<'_>,
    keep_going: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<Reply, Error> {
    if keep_going().is_break() {
        return Err(execution.unanswered(ErrorKind::Cancelled));
    }
    let event_loops = &execution.process.event_loops;
    let event_loop = event_loops.take(&execution.inner.transport)?;
    // On the heap: each layer below would hold a copy of its 2 KB on the stack, which small threads do not have.
    let run = Box::pin(execution.run(event_loop.connections(), permits));
    // The event loop of a cancelled call is not returned to the pool: dropping it closes the connection immediately.
    match event_loop.block_on(Some(execution.deadline), keep_going, run) {
        RunResult::Done(result) => {
            event_loops.put(event_loop);
            result
        }
        RunResult::TimedOut => Err(execution.unanswered(ErrorKind::Timeout)),
        RunResult::Interrupted => Err(execution.unanswered(ErrorKind::Cancelled)),
    }
}

/// An event loop cannot run inside another one. If the caller's thread runs an asynchronous program, the call runs on a
/// temporary thread; it still blocks its caller.
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
            .field("host", &self.inner.transport.host())
            .field("config", &self.config)
            .finish()
    }
}
