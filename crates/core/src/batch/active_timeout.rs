//! A timeout that pauses while the batch is not running, because its calls make no progress then.

use crate::system;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The total time for which the calls of a batch were paused. Clones share the total.
#[derive(Debug, Clone, Default)]
pub(crate) struct ActiveTimeout {
    microseconds: Arc<AtomicU64>,
}

impl ActiveTimeout {
    pub(crate) fn add(&self, time: Duration) {
        let microseconds = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.microseconds.fetch_add(microseconds, Ordering::Relaxed);
    }

    /// Takes back what was added too much.
    pub(crate) fn subtract(&self, time: Duration) {
        let microseconds = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.microseconds
            .fetch_sub(microseconds.min(self.microseconds.load(Ordering::Relaxed)), Ordering::Relaxed);
    }

    fn total(&self) -> Duration {
        Duration::from_micros(self.microseconds.load(Ordering::Relaxed))
    }

    /// Waits for `time`, not counting pauses: a response that arrives during a pause must not be too late.
    pub(crate) async fn passed(&self, time: Duration) {
        let (started, before) = (system::now(), self.total());
        loop {
            let end = started + time + self.total().saturating_sub(before);
            if end <= system::now() {
                return;
            }
            system::sleep_until(end).await;
        }
    }
}
