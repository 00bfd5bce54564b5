//! A runtime on one thread, which the caller drives, and the connections that belong to it.

use super::Transport;
use super::connections::Connections;
use crate::error::{Error, ErrorKind};
use std::future::Future;
use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

/// After so many steps of its tasks an event loop polls sockets and timers. hyper reads on for as long as there is
/// something to read, so that a flood makes each step a long one; where there is one connection, few steps lose nothing.
const STEPS_OF_ONE: u32 = 2;

/// The same with many connections, whose replies come together.
const STEPS_OF_MANY: u32 = 61;

/// How often a waiting call looks whether its caller wants to stop.
pub(crate) const KEEP_GOING_CHECK: Duration = Duration::from_millis(50);

/// How [`EventLoop::block_on`] ended.
pub(crate) enum RunResult<T> {
    Done(T),
    /// The deadline passed first.
    TimedOut,
    /// The caller cancelled the call.
    Interrupted,
}

/// A runtime and its connections. Used by one thread at a time; it moves freely between threads.
pub(crate) struct EventLoop {
    /// `None` only while it is being dropped.
    runtime: Option<Runtime>,
    connections: Connections,
}

impl EventLoop {
    /// Creates the runtime; the first request connects.
    pub(crate) fn open(transport: &Transport) -> Result<Self, Error> {
        Self::open_telling(transport, STEPS_OF_ONE, None)
    }

    /// As [`EventLoop::open`], for many calls at once.
    pub(crate) fn open_for_many(transport: &Transport) -> Result<Self, Error> {
        Self::open_telling(transport, STEPS_OF_MANY, None)
    }

    /// As [`EventLoop::open`]; `connected` becomes true when a connection was made.
    pub(crate) fn open_for_probe(transport: &Transport, connected: Arc<AtomicBool>) -> Result<Self, Error> {
        Self::open_telling(transport, STEPS_OF_ONE, Some(connected))
    }

    fn open_telling(
        transport: &Transport,
        steps: u32,
        connected: Option<Arc<AtomicBool>>,
    ) -> Result<Self, Error> {
        let runtime = Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .event_interval(steps)
            // DNS lookups are the only work on another thread. It ends soon after.
            .max_blocking_threads(4)
            .thread_keep_alive(Duration::from_millis(100))
            .build()
            .map_err(|why| {
                Error::new(ErrorKind::Connect, format!("the event loop could not be created: {why}"))
            })?;
        let connections = Connections(transport.http.client(true, connected)?);
        Ok(Self { runtime: Some(runtime), connections })
    }

    pub(crate) fn connections(&self) -> &Connections {
        &self.connections
    }

    /// Runs `call` on this thread until it is done, the deadline (if there is one) passes, or `keep_going` says to break
    /// off; dropping the call is what cancels it.
    pub(crate) fn block_on<T>(
        &self,
        deadline: Option<Instant>,
        keep_going: &mut dyn FnMut() -> ControlFlow<()>,
        call: impl Future<Output = T>,
    ) -> RunResult<T> {
        let Some(runtime) = &self.runtime else { return RunResult::Interrupted };
        runtime.block_on(async {
            let mut call = pin!(call);
            let driven = loop {
                let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
                if left.is_some_and(|left| left.is_zero()) {
                    break RunResult::TimedOut;
                }
                let wait = left.unwrap_or(KEEP_GOING_CHECK).min(KEEP_GOING_CHECK);
                if let Ok(done) = tokio::time::timeout(wait, call.as_mut()).await {
                    break RunResult::Done(done);
                }
                if keep_going().is_break() {
                    break RunResult::Interrupted;
                }
            };
            if deadline.is_none() {
                // The calls of a batch live on, and what one of them has put off until the runtime's next turn (a yield) would
                // never be resumed: the runtime forgets it when it stops.
                tokio::task::yield_now().await;
            }
            driven
        })
    }
}

impl Drop for EventLoop {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Does not wait for a DNS lookup that hangs, and may be called from inside an asynchronous program.
            runtime.shutdown_background();
        }
    }
}
