//! The rate of a client.

use std::time::Duration;

/// How much of the limit is used.
pub(crate) const RATE_USED: f64 = 0.95;

/// The rate of a client.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rate {
    /// Calls per second of the account; `None` is unlimited.
    pub(crate) limit: Option<f64>,
    /// Which part of the limit is this client's: (which, of how many).
    pub(crate) share: (u32, u32),
}

impl Rate {
    /// The time from one call of the whole account to the next.
    pub(super) fn undivided(&self) -> Option<Duration> {
        Duration::try_from_secs_f64(1.0 / (self.limit? * RATE_USED)).ok()
    }

    /// The time from one call of this share to the next.
    pub(super) fn interval(&self) -> Option<Duration> {
        Some(self.undivided()?.saturating_mul(self.share.1.max(1)))
    }
}
