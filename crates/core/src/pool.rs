//! The lanes that a client keeps open between calls.

use crate::error::Error;
use crate::lane::{Lane, Transport};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// More lanes than this are not kept; as many calls as there are threads can be in flight.
const MOST_IDLE: usize = 64;

/// A lane that was not used for so long is closed at the next opportunity.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// Idle lanes, the longest unused first.
#[derive(Default)]
pub(crate) struct Pool {
    idle: Mutex<VecDeque<(Instant, Lane)>>,
}

impl Pool {
    /// The lane used last, whose connection is the likeliest to be open, or a new one.
    pub(crate) fn take(&self, transport: &Transport) -> Result<Lane, Error> {
        let newest = self.lock().pop_back();
        newest.map_or_else(|| Lane::open(transport), |(_, lane)| Ok(lane))
    }

    /// Puts a lane back for the next caller.
    pub(crate) fn put(&self, lane: Lane) {
        let now = Instant::now();
        let mut idle = self.lock();
        idle.push_back((now, lane));
        let too_many = idle.len() > MOST_IDLE;
        let stale = idle.front().is_some_and(|(since, _)| now.duration_since(*since) > IDLE_TIMEOUT);
        let closing = if too_many || stale { idle.pop_front() } else { None };
        // Closing a connection takes a while; other callers need not wait for it.
        drop(idle);
        drop(closing);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Instant, Lane)>> {
        // Nothing in here can be left half done by a panic.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
