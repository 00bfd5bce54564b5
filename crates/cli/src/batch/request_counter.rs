//! Counts the requests of a run.

use eiot::{Attempt, Notice, Observer};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts attempts, and hands every event on.
pub(crate) struct RequestCounter<O> {
    observer: O,
    requests: Arc<AtomicU64>,
}

impl<O: Observer> RequestCounter<O> {
    pub(crate) fn new(observer: O, requests: Arc<AtomicU64>) -> Self {
        Self { observer, requests }
    }
}

impl<O: Observer> Observer for RequestCounter<O> {
    fn keep_going(&mut self) -> ControlFlow<()> {
        self.observer.keep_going()
    }

    fn attempt(&mut self, attempt: &Attempt<'_>) {
        // 0: nothing was sent.
        if attempt.number > 0 {
            self.requests.fetch_add(1, Ordering::Relaxed);
        }
        self.observer.attempt(attempt);
    }

    fn notice(&mut self, notice: &Notice<'_>) {
        self.observer.notice(notice);
    }
}
