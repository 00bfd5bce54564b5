//! Permission to make one call.

use super::limiter::RateLimiter;
use super::schedule::Reserved;
use crate::system;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A permit is stale when it is used later than this, or than a quarter of the interval.
const MIN_LATE: Duration = Duration::from_millis(25);

/// A late permit that is older than this has left the second in which a call of the next one is counted.
const MAX_OLD: Duration = Duration::from_secs(1);

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

    /// The call goes out, however late it is.
    pub(crate) async fn make_way(&self) {
        self.limiter.make_way().await;
    }

    /// Whether a call that is made `now`, and uses up this permit and one that came too `late`, keeps the limit. It is early for
    /// this one by less than an interval, and in any second that ends with it, the place of the late one is empty.
    pub(super) fn is_next_to(&self, late: &Self, now: Instant) -> bool {
        let interval = self.limiter.rate.undivided();
        interval.is_some_and(|interval| self.at <= now + interval)
            && self.at > now
            && self.at <= late.at + MAX_OLD
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

#[cfg(test)]
mod tests {
    use super::super::account::Account;
    use super::super::rate::Rate;
    use super::*;

    /// A permit of ten calls per second, at this many milliseconds after `start`.
    fn permit(start: Instant, ms: u64) -> Permit {
        let account = Account::of("permit test", || 7);
        let rate = Rate { limit: Some(10.0), share: (1, 1) };
        let limiter = RateLimiter::in_process(account, rate, Arc::new(crate::signing::SystemClock));
        let reserved = Reserved { at: 0, position: 0 };
        Permit {
            limiter: Arc::new(limiter),
            reserved,
            nonce: 1,
            at: start + Duration::from_millis(ms),
            used: true,
        }
    }

    #[test]
    fn permit_is_used_early_only_together_with_one_of_the_same_second() {
        let start = Instant::now();
        let now = start + Duration::from_millis(2_000);
        let fits = |late, next| permit(start, next).is_next_to(&permit(start, late), now);
        assert!(fits(1_900, 2_005) && fits(1_100, 2_100));
        assert!(!fits(1_900, 2_110), "others have the permits in between");
        assert!(!fits(1_000, 2_050), "a second that ends with the call has ten others");
        assert!(!fits(1_900, 1_990), "it is due, and needs no other");
    }

    // A thread that is held up sends it at some time in the first of them.
    #[test]
    fn permit_that_is_used_late_keeps_two_seconds_free() {
        let permit = permit(Instant::now(), 0);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a loop");
        let now = Instant::now();
        let next = runtime.block_on(async {
            permit.make_way().await;
            permit.limiter.reserve(Duration::ZERO, now + Duration::from_secs(60), true, &|_| ()).await
        });
        let wait = next.expect("a permit").at - now;
        assert!((Duration::from_secs(2)..Duration::from_secs(3)).contains(&wait), "{wait:?}");
    }
}
