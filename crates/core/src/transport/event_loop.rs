//! An event loop: a single-threaded runtime that runs on the caller's thread, with its connections.

use super::Transport;
use super::connecting::Connecting;
use super::connections::Connections;
use super::http::ConnectionsFor;
use crate::error::{Error, ErrorKind};
use crate::system;
use std::future::{Future, poll_fn};
use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Handle, Runtime};

/// After this many steps of its tasks an event loop polls sockets and timers. hyper reads as long as there is data, so
/// that a flood makes each step long; with one connection, few steps lose nothing.
const STEPS_OF_ONE: u32 = 2;

/// The same with many connections, whose replies arrive together.
const STEPS_OF_MANY: u32 = 61;

/// How often [`EventLoop::poll`] lets tasks run and looks at the sockets: a response takes three rounds, to be read, to
/// be recognized, and to pass its body on.
const POLL_ROUNDS: u32 = 8;

/// How often a waiting call checks whether its caller has cancelled it.
pub(crate) const KEEP_GOING_CHECK: Duration = Duration::from_millis(50);

/// How [`EventLoop::block_on`] ended.
pub(crate) enum RunResult<T> {
    Done(T),
    /// The deadline passed first.
    TimedOut,
    /// The caller cancelled the call.
    Interrupted,
}

/// A runtime and its connections. Used by one thread at a time; it can move between threads.
pub(crate) struct EventLoop {
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
    connections: Connections,
    /// Calls outlive a run of the event loop.
    is_for_many: bool,
}

impl EventLoop {
    /// Creates the runtime; the first request connects.
    pub(crate) fn open(transport: &Transport) -> Result<Self, Error> {
        Self::open_with(transport, STEPS_OF_ONE, None)
    }

    /// Like [`EventLoop::open`], for many concurrent calls.
    pub(crate) fn open_for_many(transport: &Transport) -> Result<Self, Error> {
        Self::open_with(transport, STEPS_OF_MANY, None)
    }

    /// Like [`EventLoop::open`]; `connected` becomes true when a connection was established.
    pub(crate) fn open_for_probe(transport: &Transport, connected: Arc<AtomicBool>) -> Result<Self, Error> {
        Self::open_with(transport, STEPS_OF_ONE, Some(connected))
    }

    fn open_with(
        transport: &Transport,
        steps: u32,
        connected: Option<Arc<AtomicBool>>,
    ) -> Result<Self, Error> {
        let runtime = Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .event_interval(steps)
            // DNS lookups are the only work on another thread, which ends soon after.
            .max_blocking_threads(4)
            .thread_keep_alive(Duration::from_millis(100))
            .build()
            .map_err(|why| {
                Error::new(ErrorKind::Connect, format!("the event loop could not be created: {why}"))
            })?;
        let connecting = Arc::<Connecting>::default();
        let http = transport.http.client(ConnectionsFor::ManyRequests, connected, &connecting)?;
        let connections = Connections { http, connecting };
        Ok(Self { runtime: Some(runtime), connections, is_for_many: steps == STEPS_OF_MANY })
    }

    pub(crate) fn connections(&self) -> &Connections {
        &self.connections
    }

    /// Where tasks that run on this event loop are spawned, from any thread; `None` only while it is dropped.
    pub(crate) fn handle(&self) -> Option<Handle> {
        self.runtime.as_ref().map(|runtime| runtime.handle().clone())
    }

    /// Runs spawned tasks on this thread until `end` completes. Sleeps while they have nothing to do.
    pub(crate) fn run_until(&self, end: impl Future<Output = ()>) {
        if let Some(runtime) = &self.runtime {
            system::block_on(runtime, end);
        }
    }

    /// Runs `call` on this thread until it completes, the deadline (if any) passes, or `keep_going` returns `Break`;
    /// dropping the call cancels it.
    pub(crate) fn block_on<T>(
        &self,
        deadline: Option<Instant>,
        keep_going: &mut dyn FnMut() -> ControlFlow<()>,
        call: impl Future<Output = T>,
    ) -> RunResult<T> {
        let Some(runtime) = &self.runtime else { return RunResult::Interrupted };
        system::block_on(runtime, async {
            let mut call = pin!(call);
            let result = loop {
                let now = system::now();
                let left = deadline.map(|deadline| deadline.saturating_duration_since(now));
                if left.is_some_and(|left| left.is_zero()) {
                    break RunResult::TimedOut;
                }
                let wait = left.unwrap_or(KEEP_GOING_CHECK).min(KEEP_GOING_CHECK);
                if let Some(done) = system::timeout_at(now + wait, call.as_mut()).await {
                    break RunResult::Done(done);
                }
                if keep_going().is_break() {
                    break RunResult::Interrupted;
                }
            };
            if self.is_for_many {
                // The calls of a batch outlive this run. A task that has yielded until the runtime's next iteration
                // would never be resumed: the runtime discards it when it stops.
                tokio::task::yield_now().await;
            }
            result
        })
    }

    /// Lets `call` and the connections do what they can without waiting; `None` if the call has not completed.
    pub(crate) fn poll<T>(&self, call: impl Future<Output = T>) -> Option<T> {
        let runtime = self.runtime.as_ref()?;
        system::block_on(runtime, async {
            let mut call = pin!(call);
            for _ in 0..POLL_ROUNDS {
                let polled = poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await;
                // Lets the other tasks run and looks at the sockets; also after the last step, as in `block_on`.
                tokio::task::yield_now().await;
                if let Poll::Ready(done) = polled {
                    return Some(done);
                }
            }
            None
        })
    }
}

impl Drop for EventLoop {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Does not wait for a hanging DNS lookup, and may be called inside an asynchronous program.
            runtime.shutdown_background();
        }
    }
}
