//! The client, and the way of a call.

use crate::clock::{Clock, SystemClock, timestamp};
use crate::config::Config;
use crate::credentials::Credentials;
use crate::eid::Eid;
use crate::endpoint::endpoint;
use crate::error::{Delivered, Error, ErrorKind};
use crate::lane::{Driven, Lane, Transport};
use crate::nonce::Nonces;
use crate::per_process::PerProcess;
use crate::pool::Pool;
use crate::random::{Random, SystemRandom};
use crate::reply::{Reply, verdict};
use crate::sign::SignMethod;
use crate::wire::signed_body;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Asks the caller of a waiting call, every 50 ms and on the caller's own thread, whether to go on.
pub type Interrupt<'a> = dyn FnMut() -> ControlFlow<()> + Send + 'a;

/// Refreshes the package usage of cloud eSIM cards of one account.
///
/// Make one and keep it: it holds connections open between calls. Clones share everything. Any number of threads
/// may call at once; each call runs on its caller's thread. A forked child may use its parent's client: it makes
/// its own connections.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    credentials: Credentials,
    sign_method: SignMethod,
    strict_eid: bool,
    timeout: Duration,
    transport: Transport,
    sources: Sources,
    state: PerProcess<State>,
}

/// What a process must not share with its children.
struct State {
    lanes: Pool,
    nonces: Nonces,
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
    pub fn with_sources(config: Config, sources: Sources) -> Result<Self, Error> {
        config.check()?;
        let shared = Shared {
            credentials: config.credentials()?,
            sign_method: config.sign_method,
            strict_eid: config.strict_eid,
            timeout: config.timeout,
            transport: Transport::new(&config, endpoint(&config.base_url)?)?,
            sources,
            state: PerProcess::new(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Asks the platform to refresh one card's package usage, and waits for its answer.
    ///
    /// Blocks for at most the client's `timeout`. The EID may be text or bytes, padded with white space.
    ///
    /// # Errors
    /// Any [`ErrorKind`]; [`Error::delivered`] says whether the platform may have acted.
    pub fn refresh_usage(&self, eid: impl AsRef<[u8]>) -> Result<Reply, Error> {
        self.refresh_usage_with(eid, &mut || ControlFlow::Continue(()))
    }

    /// As [`Client::refresh_usage`], and gives up with [`ErrorKind::Cancelled`] when `interrupt` breaks.
    ///
    /// # Errors
    /// As [`Client::refresh_usage`].
    pub fn refresh_usage_with(
        &self,
        eid: impl AsRef<[u8]>,
        interrupt: &mut Interrupt<'_>,
    ) -> Result<Reply, Error> {
        let deadline = Instant::now() + self.shared.timeout;
        let eid = if self.shared.strict_eid { Eid::parse_strict(eid) } else { Eid::parse(eid) }?;
        outside_of_any_runtime(|| self.shared.call(&eid, deadline, interrupt))
    }
}

impl Shared {
    /// One call: `sign → send on a lane → read the reply → verdict`, within the deadline.
    fn call(&self, eid: &Eid, deadline: Instant, interrupt: &mut Interrupt<'_>) -> Result<Reply, Error> {
        let state = self
            .state
            .get(|| State { lanes: Pool::default(), nonces: Nonces::new(self.sources.random.next_u64()) });
        let sent = Arc::new(AtomicBool::new(false));
        let lane = state.lanes.take(&self.transport)?;
        let driven = lane.drive(deadline, interrupt, self.attempt(state, &lane, eid, &sent));
        // The lane of a call that was broken off is not put back: dropping it closes the connection at once.
        match driven {
            Driven::Done(result) => {
                state.lanes.put(lane);
                result
            }
            Driven::TimedOut => Err(self.unanswered(ErrorKind::Timeout, eid, &sent)),
            Driven::Interrupted => Err(self.unanswered(ErrorKind::Cancelled, eid, &sent)),
        }
    }

    /// One request and its answer; time, nonce and signature are fresh in each.
    async fn attempt(
        &self,
        state: &State,
        lane: &Lane,
        eid: &Eid,
        sent: &Arc<AtomicBool>,
    ) -> Result<Reply, Error> {
        let timestamp = timestamp(self.sources.clock.as_ref())?;
        let nonce = state.nonces.next();
        let body = signed_body(&self.credentials, eid, timestamp, nonce, self.sign_method)?;
        let raw = lane.post(&self.transport, body, sent.clone()).await;
        let raw = raw.map_err(|error| error.with_eid(eid.as_str()).with_attempts(1))?;
        verdict(raw, eid, 1)
    }

    /// The error of a call that ended without an answer.
    fn unanswered(&self, kind: ErrorKind, eid: &Eid, sent: &AtomicBool) -> Error {
        let (delivered, outcome) = match sent.load(Ordering::Relaxed) {
            true => (Delivered::Unknown, "the request was sent, so the refresh may have happened"),
            false => (Delivered::No, "nothing was sent"),
        };
        let (host, timeout) = (self.transport.host(), self.timeout);
        let text = match kind {
            ErrorKind::Timeout => format!("no answer from {host} within {timeout:?}; {outcome}"),
            _ => format!("cancelled by the caller; {outcome}"),
        };
        Error::new(kind, text).with_eid(eid.as_str()).with_attempts(1).with_delivered(delivered)
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
            .field("credentials", &self.shared.credentials)
            .field("host", &self.shared.transport.host())
            .field("timeout", &self.shared.timeout)
            .finish_non_exhaustive()
    }
}
