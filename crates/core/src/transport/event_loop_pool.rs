//! The pool of event loops, and so of connections, that a client keeps between calls.

use super::{EventLoop, Transport};
use crate::error::Error;
use crate::locked::locked;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// More event loops than this are not kept; as many calls as there are threads can be in flight.
const MAX_IDLE: usize = 64;

/// An event loop that was not used for so long is closed at the next opportunity.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// Idle event loops, the longest unused first.
#[derive(Default)]
pub(crate) struct EventLoopPool {
    idle: Mutex<VecDeque<(Instant, EventLoop)>>,
}

impl EventLoopPool {
    /// The event loop used last, whose connection is the likeliest to be open, or a new one.
    pub(crate) fn take(&self, transport: &Transport) -> Result<EventLoop, Error> {
        let newest = self.lock().pop_back();
        newest.map_or_else(|| EventLoop::open(transport), |(_, event_loop)| Ok(event_loop))
    }

    /// Puts an event loop back for the next caller.
    pub(crate) fn put(&self, event_loop: EventLoop) {
        let now = Instant::now();
        let mut idle = self.lock();
        idle.push_back((now, event_loop));
        let too_many = idle.len() > MAX_IDLE;
        let stale = idle.front().is_some_and(|(since, _)| now.duration_since(*since) > IDLE_TIMEOUT);
        let closing = if too_many || stale { idle.pop_front() } else { None };
        // Closing a connection takes a while; other callers need not wait for it.
        drop(idle);
        drop(closing);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Instant, EventLoop)>> {
        // Nothing in here can be left half done by a panic.
        locked(&self.idle)
    }
}
