//! The connections of a process, as an HTTP client pools them.

use crate::engine::Time;
use std::collections::VecDeque;
use std::io::ErrorKind;

/// A client closes connections that are idle for longer.
const IDLE_TIMEOUT: Time = 15_000_000_000;

/// How long a client tells a failure for which no operation waits.
const FAILURE_AGE: Time = 1_000_000_000;

/// How many connections a client makes ahead of its requests.
const MAX_AHEAD: usize = 16;

/// The connections of a process.
#[derive(Default)]
pub(super) struct Pool {
    /// Since when each of the connections that have served requests is idle.
    idle: Vec<Time>,
    /// What became of connections whose requests did not wait for them, and until when it is of use.
    made: VecDeque<(Time, Result<(), ErrorKind>)>,
    /// The requests that wait for a connection, and what for.
    requests: VecDeque<(u64, For)>,
    /// Operations that wait for any connection.
    waiting_for_any: Vec<u64>,
    /// How many connections are being made.
    making: usize,
}

/// What a connection is made for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    /// A request for which one that has served requests will do.
    Any,
    /// A request that needs one of its own.
    One,
    /// A later request.
    Later,
}

impl Pool {
    /// A connection that is ready, or the failure of one.
    pub(super) fn take(&mut self, now: Time, purpose: For) -> Option<Result<(), ErrorKind>> {
        self.idle.retain(|since| now - since < IDLE_TIMEOUT);
        if purpose == For::Any && self.idle.pop().is_some() {
            return Some(Ok(()));
        }
        while let Some((until, result)) = self.made.pop_front() {
            if now < until {
                return Some(result);
            }
        }
        None
    }

    /// Whether another connection may be made ahead of its request.
    pub(super) fn has_room(&self) -> bool {
        self.making + self.made.len() < MAX_AHEAD
    }

    /// The server has closed what it had.
    pub(super) fn close_idle(&mut self) {
        self.idle.clear();
        self.made.retain(|(_, result)| result.is_err());
    }

    /// A connection is being made.
    pub(super) fn begin(&mut self, request: u64, purpose: For) {
        self.requests.push_back((request, purpose));
        self.making += 1;
    }

    /// A connection was made or failed. Returns whether its request has it now.
    pub(super) fn end(
        &mut self,
        request: u64,
        still_waits: bool,
        now: Time,
        result: Result<(), ErrorKind>,
    ) -> bool {
        self.making -= 1;
        let place = self.requests.iter().position(|(other, _)| *other == request);
        match place.and_then(|place| self.requests.remove(place)) {
            Some(_) if still_waits => return true,
            // A failure concerns those that wait, also for their permits.
            Some(_) if result.is_ok() || !self.waiting_for_any.is_empty() => {
                self.made.push_back((now + IDLE_TIMEOUT, result))
            }
            Some(_) => self.made.push_back((now + FAILURE_AGE, result)),
            // It has another connection.
            None if result.is_ok() => self.idle.push(now),
            None => {}
        }
        false
    }

    /// A connection has served a request. Returns the next request that has it now.
    pub(super) fn free(&mut self, now: Time, still_waits: impl Fn(u64) -> bool) -> Option<u64> {
        let waits = |(request, purpose): &(u64, For)| *purpose == For::Any && still_waits(*request);
        let next = self.requests.iter().position(waits);
        let next = next.and_then(|place| self.requests.remove(place));
        if next.is_none() {
            self.idle.push(now);
        }
        next.map(|(request, _)| request)
    }

    /// Notes an operation that waits for any connection. Returns whether it need not wait, because there is one or none is being
    /// made; and if so, which.
    pub(super) fn wait_for_any(&mut self, operation: u64) -> Option<bool> {
        if self.made.is_empty() && self.making > 0 {
            self.waiting_for_any.push(operation);
            return None;
        }
        Some(!self.made.is_empty())
    }

    /// Those that need not wait any longer.
    pub(super) fn take_waiting_for_any(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.waiting_for_any)
    }
}
