//! Clock skew: the offset of this machine's clock from the platform's, measured from its replies.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

/// The minimum difference: `Date` has a resolution of one second.
const MIN_SKEW: Duration = Duration::from_secs(2);

/// The maximum difference that is plausible.
const MAX_SKEW: Duration = Duration::from_secs(24 * 60 * 60);

/// After a slower round trip, the `Date` is too imprecise.
const MAX_ROUND_TRIP: Duration = Duration::from_secs(2);

/// A clock sample from a reply.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClockSample {
    /// The `Date` header; `None` if it is absent, invalid, or comes from a cache (there is an `Age` header).
    pub(crate) date: Option<SystemTime>,
    /// When the request was sent, by this machine's clock.
    pub(crate) sent: SystemTime,
    /// When the head of the reply arrived.
    pub(crate) received: SystemTime,
}

/// The correction of this machine's clock, in milliseconds. Each reply updates it, so that it recovers when the clock
/// is corrected.
#[derive(Default)]
pub(crate) struct ClockSkew {
    milliseconds: AtomicI64,
}

impl ClockSkew {
    /// The platform's time when this machine's clock shows `local`.
    pub(crate) fn correct(&self, local: SystemTime) -> SystemTime {
        let milliseconds = self.milliseconds.load(Ordering::Relaxed);
        let size = Duration::from_millis(milliseconds.unsigned_abs());
        let corrected = if milliseconds < 0 { local.checked_sub(size) } else { local.checked_add(size) };
        corrected.unwrap_or(local)
    }

    /// Updates the correction from a reply. Returns whether it changed by so much that an earlier request may have been
    /// rejected for its timestamp.
    pub(crate) fn update(&self, sample: ClockSample) -> bool {
        let Some(milliseconds) = seen(sample) else { return false };
        let before = self.milliseconds.swap(milliseconds, Ordering::Relaxed);
        before.abs_diff(milliseconds) >= MIN_SKEW.as_millis() as u64
    }
}

/// The difference that a reply shows, if it is plausible.
fn seen(sample: ClockSample) -> Option<i64> {
    let milliseconds = sample.offset_milliseconds()?;
    match Duration::from_millis(milliseconds.unsigned_abs()) {
        size if size > MAX_SKEW => None,
        size if size < MIN_SKEW => Some(0),
        _ => Some(milliseconds),
    }
}

impl ClockSample {
    /// How far the server's clock is ahead of this machine's, to about half a second; negative if it is behind, `None`
    /// if the reply does not reveal it.
    pub(crate) fn offset_milliseconds(&self) -> Option<i64> {
        // If the clock was set while the request was in flight, the round trip is meaningless.
        let round_trip = self.received.duration_since(self.sent).ok()?;
        if round_trip > MAX_ROUND_TRIP {
            return None;
        }
        // Date is truncated to whole seconds; on average half a second is missing.
        let date = self.date?.checked_add(Duration::from_millis(500))?;
        let middle = self.sent.checked_add(round_trip / 2)?;
        let (size, sign) = match date.duration_since(middle) {
            Ok(ahead) => (ahead, 1),
            Err(behind) => (behind.duration(), -1),
        };
        Some(sign * i64::try_from(size.as_millis()).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> SystemTime {
        let base = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let size = Duration::from_millis(milliseconds.unsigned_abs());
        if milliseconds < 0 { base - size } else { base + size }
    }

    /// A reply after a round trip of 100 ms from a server whose clock differs by this many seconds.
    fn reply(seconds: i64) -> ClockSample {
        ClockSample { date: Some(at(seconds * 1000)), sent: at(0), received: at(100) }
    }

    #[test]
    fn clock_skew_of_an_hour_is_corrected_and_recovers() {
        for hour in [3600, -3600] {
            let skew = ClockSkew::default();
            assert!(skew.update(reply(hour)), "news");
            let corrected = skew.correct(at(0));
            let off = corrected.duration_since(at(hour * 1000)).unwrap_or_else(|before| before.duration());
            assert!(off < Duration::from_secs(1), "{off:?}");
            assert!(!skew.update(reply(hour)), "no news");
            assert!(skew.update(reply(0)), "the clock was set right");
            assert_eq!(skew.correct(at(0)), at(0));
        }
    }

    #[test]
    fn clock_skew_of_a_second_is_ignored() {
        let skew = ClockSkew::default();
        assert!(!skew.update(reply(1)) && !skew.update(reply(-1)));
        assert_eq!(skew.correct(at(0)), at(0));
    }

    #[test]
    fn clock_skew_ignores_implausible_samples() {
        let skew = ClockSkew::default();
        let hour = reply(3600);
        assert!(!skew.update(ClockSample { date: None, ..hour }), "no Date, or an Age");
        assert!(!skew.update(ClockSample { received: at(2_001), ..hour }), "a slow round trip");
        assert!(!skew.update(ClockSample { received: at(-1), ..hour }), "the clock was set meanwhile");
        assert!(!skew.update(reply(2 * 24 * 3600)), "days");
        assert_eq!(skew.correct(at(0)), at(0));
    }
}
