//! A flag that tasks wait for. Unlike a `watch` channel it wakes them in the order in which they came, not in a random one.

use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;

/// A flag that is set once, and that tasks wait for.
#[derive(Debug, Default)]
pub(crate) struct Latch {
    is_set: AtomicBool,
    waiting: Notify,
}

impl Latch {
    /// Sets the flag and wakes those that wait for it.
    pub(crate) fn set(&self) {
        self.is_set.store(true, Ordering::SeqCst);
        self.waiting.notify_waiters();
    }

    /// Completes once the flag is set.
    pub(crate) async fn wait(&self) {
        // Woken by what happens from here on, so that no `set` is lost between the look and the wait.
        let set = self.waiting.notified();
        if !self.is_set.load(Ordering::SeqCst) {
            set.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[test]
    fn latch_wakes_those_that_wait_and_does_not_stop_those_that_come_later() {
        let latch = Latch::default();
        let mut waits = Box::pin(latch.wait());
        assert!((&mut waits).now_or_never().is_none());
        latch.set();
        assert!(waits.now_or_never().is_some() && latch.wait().now_or_never().is_some());
    }
}
