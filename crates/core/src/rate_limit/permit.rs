//! Permission to make one call.

use super::limiter::RateLimiter;
use super::schedule::Reserved;
use crate::system;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A permit is stale when it is used later than this, or than a quarter of the interval.
const MIN_LATE: Duration = Duration::from_millis(25);

/// Permission to make one call. Dropping it releases it.
pub(crate) struct Permit {
    pub(super) limiter: Arc<RateLimiter>,
    pub(super) reserved: Reserved,
    pub(super) nonce: u32,
    pub(super) at: Instant,
    pub(super) used: bool,
}

impl Permit {
    /// Uses the permit for a call that is made now, and returns its nonce.
    pub(crate) fn spend(&mut self) -> u32 {
        self.used = true;
        self.nonce
    }

    /// The call was not made, and the permit is released.
    pub(crate) fn take_back(mut self) {
        self.used = false;
    }

    /// Until when it can be used: a call long after its permit may be too close to the next one. `None` is without limit.
    pub(crate) fn latest(&self) -> Option<Instant> {
        let interval = self.limiter.rate.undivided()?;
        Some(self.at + MIN_LATE.max(interval / 4))
    }

    /// Whether it is too late to use.
    pub(crate) fn is_stale(&self) -> bool {
        self.latest().is_some_and(|latest| system::now() > latest)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        // A forked child has a copy that it does not own.
        if !self.used && self.limiter.account.is_of_this_process() {
            self.limiter.release(self.reserved);
        }
    }
}
