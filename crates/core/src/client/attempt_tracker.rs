//! The progress of a call: its attempts, and what the platform received.

use super::statistics::Statistics;
use crate::error::{Delivered, Error, ErrorKind};
use crate::locked::locked;
use crate::observer::Attempt;
use crate::protocol::Request;
use crate::system;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// The progress of a call, which determines its error if it is cancelled. Dropping it before it is concluded counts the
/// call as cancelled.
pub(crate) struct AttemptTracker<'a> {
    /// Receives each attempt when it ends.
    on_attempt: &'a (dyn Fn(&Attempt<'_>) + Sync),
    statistics: &'a Statistics,
    // Uncontended while the call runs; the lock lets the call move between threads.
    state: Mutex<State>,
}

/// What failed calls for a card pass on to the next one.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct History {
    pub(crate) attempts: u32,
    /// Whether the platform received one of them: the worst case of all.
    pub(crate) delivered: Option<Delivered>,
}

#[derive(Default)]
struct State {
    /// Of this call.
    attempts: u32,
    attempts_before: u32,
    /// Of the latest attempt.
    timestamp: u64,
    nonce: u32,
    /// When the current attempt began.
    began: Option<Instant>,
    /// Whether the connection has accepted the request of the current attempt.
    sent: Option<Arc<AtomicBool>>,
    /// Whether the platform received one of the finished attempts: the worst case of all.
    earlier: Option<Delivered>,
    /// The last reply has changed the measured clock skew.
    clock_moved: bool,
    is_concluded: bool,
}

impl<'a> AttemptTracker<'a> {
    pub(super) fn new(on_attempt: &'a (dyn Fn(&Attempt<'_>) + Sync), statistics: &'a Statistics) -> Self {
        statistics.start_call();
        Self { on_attempt, statistics, state: Mutex::default() }
    }

    /// Continues the history of a card that earlier calls of a batch have tried.
    pub(crate) fn after(self, history: History) -> Self {
        {
            let mut state = self.state();
            state.attempts_before = history.attempts;
            state.earlier = history.delivered;
        }
        self
    }

    /// How many requests earlier calls of a batch have made for this card.
    pub(crate) fn attempts_before(&self) -> u32 {
        self.state().attempts_before
    }

    pub(crate) fn attempts(&self) -> u32 {
        self.state().attempts
    }

    /// Whether the platform received one of the finished attempts; `None` if there are none.
    pub(crate) fn earlier(&self) -> Option<Delivered> {
        self.state().earlier
    }

    pub(crate) fn clock_moved(&self) -> bool {
        self.state().clock_moved
    }

    pub(crate) fn note_clock(&self, moved: bool) {
        self.state().clock_moved = moved;
    }

    /// The returned flag becomes true when the connection accepts the request. `continues`: the attempt has begun before, and
    /// there was no connection in time.
    pub(crate) fn begin_attempt(&self, timestamp: u64, nonce: u32, continues: bool) -> Arc<AtomicBool> {
        let sent = Arc::new(AtomicBool::new(false));
        let mut state = self.state();
        if !continues {
            self.statistics.start_attempt(state.attempts > 0);
            state.attempts += 1;
            state.began = Some(system::now());
        }
        (state.timestamp, state.nonce) = (timestamp, nonce);
        state.clock_moved = false;
        state.sent = Some(sent.clone());
        sent
    }

    pub(crate) fn end_attempt(&self, error: &Error) {
        let mut state = self.state();
        // What happens until the next attempt, such as a wait or the end of the call, does not concern this one.
        state.sent = None;
        let earlier = match (state.earlier, error.delivered()) {
            (Some(Delivered::Unknown), _) | (_, Delivered::Unknown) => Delivered::Unknown,
            (Some(Delivered::Yes), _) | (_, Delivered::Yes) => Delivered::Yes,
            _ => Delivered::No,
        };
        state.earlier = Some(earlier);
    }

    /// Whether the connection has accepted the request of the current attempt.
    pub(crate) fn is_sent(&self) -> bool {
        self.state().sent.as_ref().is_some_and(|sent| sent.load(Ordering::Relaxed))
    }

    /// Reports the end of the current attempt, if there is one: a success and its HTTP status, or a failure.
    pub(crate) fn report(
        &self,
        request: Request<'_>,
        result: Result<u16, &Error>,
        again_after: Option<Duration>,
    ) {
        let (began, number, timestamp, nonce) = {
            let mut state = self.state();
            (state.began.take(), state.attempts, state.timestamp, state.nonce)
        };
        if let Some(began) = began {
            let took = system::elapsed(began);
            let failure = result.err();
            self.statistics.end_attempt(took, failure);
            (self.on_attempt)(&Attempt {
                path: request.path(),
                eid: request.eid().unwrap_or_default(),
                number,
                timestamp,
                nonce,
                took,
                http_status: result.map_or_else(Error::http_status, Some),
                failure,
                again_after,
                is_refresh: request.special_path().is_none(),
            });
        }
    }

    /// The call has ended, and nothing more is counted. Reports it if it was refused before anything was sent.
    pub(super) fn end(&self, request: Request<'_>, failure: Option<&Error>) {
        let was_sent = {
            let mut state = self.state();
            state.is_concluded = true;
            state.attempts > 0
        };
        self.statistics.end_call(failure.map(Error::kind));
        if let Some(failure) = failure.filter(|_| !was_sent) {
            let (path, eid) = (request.path(), request.eid().unwrap_or_default());
            (self.on_attempt)(&Attempt::refusal(path, eid, request.special_path().is_none(), failure));
        }
    }

    /// Completes the final error with the history of the whole call.
    pub(crate) fn conclude(&self, error: Error, request: Request<'_>) -> Error {
        let attempts = self.attempts().saturating_add(self.attempts_before());
        let error = error
            .with_subject(request.special_path(), request.eid())
            .with_idempotent(request.is_idempotent())
            .with_attempts(attempts);
        match (self.earlier(), error.delivered()) {
            (Some(Delivered::Unknown), Delivered::No) => error
                .with_delivered(Delivered::Unknown)
                .with_note("an earlier attempt got no response, so the request may have taken effect"),
            (Some(Delivered::Unknown), Delivered::Yes) => {
                error.with_note("an earlier attempt got no response and may have taken effect")
            }
            (Some(Delivered::Yes), Delivered::No) => error.with_delivered(Delivered::Yes),
            _ => error,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every update is complete, even if another thread panicked.
        locked(&self.state)
    }
}

impl Drop for AttemptTracker<'_> {
    fn drop(&mut self) {
        let (is_concluded, began) = {
            let mut state = self.state();
            (state.is_concluded, state.began.take())
        };
        if !is_concluded {
            if let Some(began) = began {
                let cancelled = Error::new(ErrorKind::Cancelled, "the batch was dropped");
                self.statistics.end_attempt(system::elapsed(began), Some(&cancelled));
            }
            self.statistics.end_call(Some(ErrorKind::Cancelled));
        }
    }
}
