//! The pool of event loops, and thus of connections, that a client keeps between calls.

use super::{EventLoop, Transport};
use crate::error::Error;
use crate::locked::locked;
use crate::system;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// The maximum number of idle event loops; the number of calls in flight is not limited.
const MAX_IDLE: usize = 64;

/// An event loop that was idle for this long is closed at the next opportunity.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// Idle event loops, the least recently used first.
#[derive(Default)]
pub(crate) struct EventLoopPool {
    idle: Mutex<VecDeque<(Instant, EventLoop)>>,
}

impl EventLoopPool {
    /// Returns the most recently used event loop, whose connection is the most likely to be open, or a new one.
    pub(crate) fn take(&self, transport: &Transport) -> Result<EventLoop, Error> {
        let newest = self.lock().pop_back();
        newest.map_or_else(|| EventLoop::open(transport), |(_, event_loop)| Ok(event_loop))
    }

    /// Returns an event loop to the pool.
    pub(crate) fn put(&self, event_loop: EventLoop) {
        let now = system::now();
        let mut idle = self.lock();
        idle.push_back((now, event_loop));
        let too_many = idle.len() > MAX_IDLE;
        let stale = idle.front().is_some_and(|(since, _)| now.duration_since(*since) > IDLE_TIMEOUT);
        let closing = if too_many || stale { idle.pop_front() } else { None };
        // Closing a connection takes time; other callers need not wait for it.
        drop(idle);
        drop(closing);
    }

    /// How many event loops are idle.
    pub(crate) fn idle(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Instant, EventLoop)>> {
        // A panic cannot leave this half done.
        locked(&self.idle)
    }
}
