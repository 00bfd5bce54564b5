//! A client's rate.

use std::time::Duration;

/// The part of the limit that is used.
pub(crate) const RATE_USED: f64 = 0.95;

/// A client's rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rate {
    /// The account's limit in calls per second; `None` is unlimited.
    pub(crate) limit: Option<f64>,
    /// This client's share of the limit: (index, count).
    pub(crate) share: (u32, u32),
}

impl Rate {
    /// The interval between calls of the whole account.
    pub(super) fn undivided(&self) -> Option<Duration> {
        Duration::try_from_secs_f64(1.0 / (self.limit? * RATE_USED)).ok()
    }

    /// The interval between calls of this share.
    pub(super) fn interval(&self) -> Option<Duration> {
        Some(self.undivided()?.saturating_mul(self.share.1.max(1)))
    }
}
