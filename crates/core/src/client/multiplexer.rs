//! Calls without a waiting thread: one event loop, on one thread, makes all calls of an asynchronous program.

use super::Client;
use super::attempt_tracker::AttemptTracker;
use super::permits::{Gate, Permits};
use crate::eid::Eid;
use crate::error::{Error, ErrorKind};
use crate::locked::locked;
use crate::observer::{Attempt, Notice, Observer};
use crate::protocol::{Call, REFRESH_USAGE, Reply, Request};
use crate::system;
use crate::transport::{Connections, EventLoop};
use futures_util::FutureExt;
use futures_util::future::{Either, select};
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use tokio::runtime::Handle;
use tokio::sync::{MutexGuard, Notify, Semaphore, SemaphorePermit, oneshot};

/// The maximum number of connections. More calls wait, so that ten thousand of them do not need ten thousand descriptors.
const MAX_IN_FLIGHT: usize = 128;

/// Receives the outcome of a started call, on the thread of the event loop.
pub type OnDone = Box<dyn FnOnce(Result<Reply, Error>) + Send>;

/// Runs a [`CallLoop`] on a new thread.
pub type Spawn<'a> = &'a dyn Fn(CallLoop) -> std::io::Result<()>;

/// The event loop of started calls. Its thread calls [`CallLoop::run`].
pub struct CallLoop {
    event_loop: EventLoop,
    /// Completes when the last client has gone.
    end: oneshot::Receiver<()>,
}

/// A call that was started by [`Client::start_refresh_usage`] or [`Client::start_call`]. Dropping it does not cancel the call.
#[derive(Debug, Clone)]
pub struct StartedCall {
    cancel: Arc<Notify>,
}

/// What the clients of a process share to start calls.
pub(super) struct Multiplexer {
    tasks: Handle,
    queue: Arc<Queue>,
    /// Dropping it ends the event loop.
    _end: oneshot::Sender<()>,
}

/// The order of calls that wait.
struct Queue {
    connections: Connections,
    /// Held by the call that is next. The mutex is fair: calls are admitted in the order in which they were started.
    front: tokio::sync::Mutex<()>,
    in_flight: Semaphore,
    /// Retries, and the call that is next, wait for their permits one at a time.
    gate: Gate,
}

/// The place of a call that has left the queue.
struct Place<'a> {
    front: Option<MutexGuard<'a, ()>>,
    _in_flight: Option<SemaphorePermit<'a>>,
}

enum OwnedRequest {
    RefreshUsage(Eid),
    Call(Call),
}

impl CallLoop {
    /// Runs calls until the last client that shares the event loop has gone. Sleeps while there are none.
    pub fn run(self) {
        self.event_loop.run_until(async {
            // An error means that the sender was dropped, which is the signal.
            let _ = self.end.await;
        });
    }
}

impl StartedCall {
    /// Cancels the call: it comes back at once, as [cancelled](ErrorKind::Cancelled) unless it is complete. Thread-safe.
    pub fn cancel(&self) {
        self.cancel.notify_one();
    }
}

impl Multiplexer {
    fn open(client: &Client) -> Result<(Self, CallLoop), Error> {
        let event_loop = client.open_event_loop()?;
        let tasks = event_loop.handle().ok_or_else(|| Error::internal("the event loop has no runtime"))?;
        let queue = Queue {
            connections: event_loop.connections().clone(),
            front: tokio::sync::Mutex::default(),
            in_flight: Semaphore::new(MAX_IN_FLIGHT),
            gate: Gate::new(Arc::new(Mutex::new(Box::new(())))),
        };
        let (sender, end) = oneshot::channel();
        Ok((Self { tasks, queue: Arc::new(queue), _end: sender }, CallLoop { event_loop, end }))
    }
}

impl Queue {
    /// Waits until this call is next, and until there is a connection for it.
    async fn place(&self, waits: bool) -> Place<'_> {
        let front = if waits { Some(self.front.lock().await) } else { None };
        // The semaphore is never closed.
        Place { front, _in_flight: self.in_flight.acquire().await.ok() }
    }
}

impl OwnedRequest {
    fn borrowed(&self) -> Request<'_> {
        match self {
            Self::RefreshUsage(eid) => Request::RefreshUsage(eid),
            Self::Call(call) => Request::Call(call),
        }
    }
}

impl Client {
    /// Starts a refresh and returns at once: for programs that have an event loop of their own. `done` receives the outcome.
    ///
    /// All started calls of a client, and of those made by [`Client::with_options`], share one event loop and its connections. The
    /// first one makes it, and `spawn` runs it on a thread, which ends with the last client. At most 128 calls are in flight; the
    /// others queue, in the order in which they were started, and so do those that wait for the rate limiter. A call's `timeout`
    /// starts when it is at the front of that queue.
    ///
    /// The observer and `done` are called on the event loop's thread, and must not block. `keep_going` is not called.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidEid`]; [`ErrorKind::Connect`] if the event loop or its thread could not be created. `done` is dropped.
    pub fn start_refresh_usage(
        &self,
        eid: impl AsRef<[u8]>,
        mut observer: Box<dyn Observer>,
        done: OnDone,
        spawn: Spawn<'_>,
    ) -> Result<StartedCall, Error> {
        let input = eid.as_ref();
        let parsed = self.eid(input).map_err(|error| {
            let eid = String::from_utf8_lossy(input);
            self.refuse(REFRESH_USAGE, &eid, error, |refusal| observer.attempt(refusal))
        });
        self.start(OwnedRequest::RefreshUsage(parsed?), observer, done, spawn)
    }

    /// Starts any other signed call, like [`Client::start_refresh_usage`].
    ///
    /// # Errors
    /// As [`Client::start_refresh_usage`].
    pub fn start_call(
        &self,
        call: Call,
        observer: Box<dyn Observer>,
        done: OnDone,
        spawn: Spawn<'_>,
    ) -> Result<StartedCall, Error> {
        self.start(OwnedRequest::Call(call), observer, done, spawn)
    }

    fn start(
        &self,
        request: OwnedRequest,
        observer: Box<dyn Observer>,
        done: OnDone,
        spawn: Spawn<'_>,
    ) -> Result<StartedCall, Error> {
        let multiplexer = self.multiplexer(spawn)?;
        let cancel = Arc::new(Notify::new());
        let (client, queue, cancelled) = (self.clone(), multiplexer.queue.clone(), cancel.clone());
        multiplexer.tasks.spawn(async move {
            let call = client.run_started(&queue, request.borrowed(), observer, cancelled.notified());
            // The caller waits for an outcome, whatever happens here.
            let result = AssertUnwindSafe(call).catch_unwind().await;
            done(result.unwrap_or_else(|panic| Err(Error::panicked(panic.as_ref()))));
        });
        Ok(StartedCall { cancel })
    }

    /// Where tasks of the event loop of started calls are spawned, and its connections.
    pub(crate) fn tasks(&self, spawn: Spawn<'_>) -> Result<(&Handle, &Connections), Error> {
        let multiplexer = self.multiplexer(spawn)?;
        Ok((&multiplexer.tasks, &multiplexer.queue.connections))
    }

    /// The multiplexer of this process. If two threads ask at once, both may make one, and both get the same.
    fn multiplexer(&self, spawn: Spawn<'_>) -> Result<&Multiplexer, Error> {
        let multiplexer = &self.inner.process().multiplexer;
        if multiplexer.get().is_none() {
            let (new, event_loop) = Multiplexer::open(self)?;
            spawn(event_loop).map_err(|why| {
                let text = format!("the thread of the event loop could not be started: {why}");
                Error::new(ErrorKind::Connect, text)
            })?;
            // If another thread was first, dropping this one ends its thread.
            drop(multiplexer.set(new));
        }
        multiplexer.get().ok_or_else(|| Error::internal("there is no multiplexer"))
    }

    async fn run_started(
        &self,
        queue: &Queue,
        request: Request<'_>,
        mut observer: Box<dyn Observer>,
        cancelled: impl Future<Output = ()>,
    ) -> Result<Reply, Error> {
        let process = self.inner.process();
        self.inner.report_warnings(process, |notice| observer.notice(notice));
        let observer = Mutex::new(observer);
        let on_attempt = |attempt: &Attempt<'_>| locked(&observer).attempt(attempt);
        let notice = |notice: &Notice<'_>| locked(&observer).notice(notice);
        let tracker = AttemptTracker::new(&on_attempt, &process.statistics);
        let waits = self.config.rate_wait;
        let mut cancelled = pin!(cancelled);
        let place = match select(pin!(queue.place(waits)), cancelled.as_mut()).await {
            Either::Left((place, _)) => Some(place),
            Either::Right(_) => None,
        };
        // The wait in the queue is not the call's own: its time starts here.
        let started = system::now();
        let execution = self.execution(process, request, started, &tracker);
        let Some(mut place) = place else {
            return execution.conclude(None, Err(execution.unanswered(ErrorKind::Cancelled)));
        };
        let cooldown = match request {
            Request::RefreshUsage(eid) => self.start_cooldown(process, eid, started),
            Request::Call(_) => Ok(None),
        };
        let cooldown = match cooldown {
            Ok(cooldown) => cooldown,
            Err(error) => return execution.conclude(None, Err(error)),
        };
        let result = {
            let (gate, cooldown) = (waits.then_some(&queue.gate), cooldown.as_ref());
            let run = async {
                let statistics = &process.statistics;
                let permits = Permits { first: None, gate, cooldown, statistics, notice: &notice };
                let begin = || self.inner.begin_connection(&queue.connections, request);
                let permit = permits.acquire(process.limiter()?, execution.deadline, waits, &begin).await?;
                // The next call may wait for its permit.
                place.front = None;
                execution.run(&queue.connections, Permits { first: Some(permit), ..permits }).await
            };
            let timed_out = pin!(system::sleep_until(execution.deadline));
            match select(select(pin!(run), timed_out), cancelled).await {
                Either::Left((Either::Left((result, _)), _)) => result,
                Either::Left((Either::Right(_), _)) => Err(execution.unanswered(ErrorKind::Timeout)),
                Either::Right(_) => Err(execution.unanswered(ErrorKind::Cancelled)),
            }
        };
        execution.conclude(cooldown, result)
    }
}
