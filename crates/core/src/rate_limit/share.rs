//! A share of the rate by the wall clock: machines that do not communicate use different permits.
//!
//! The permits of the whole account form a grid on the wall clock, which all machines can read. Machine i of n takes
//! every n-th permit, starting with the i-th. It measures its clock skew from the platform's replies, which all
//! machines receive.

use crate::locked::locked;
use crate::signing::ClockSample;
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The maximum drift between clocks without new samples, in nanoseconds per second.
const DRIFT: i64 = 100_000;

/// The permits of the whole account on the wall clock, and this client's part of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grid {
    /// The time between this client's permits, in nanoseconds.
    period: u64,
    /// The offset of this client's permits from a multiple of the period since 1970.
    phase: u64,
    /// The time by the platform's clock, in nanoseconds since 1970.
    wall: u64,
}

impl Grid {
    /// `interval` is that of the whole account, `share` is (index, count).
    pub(super) fn new(interval: Duration, (which, of): (u32, u32), wall: SystemTime) -> Self {
        let since = wall.duration_since(UNIX_EPOCH).unwrap_or_default();
        let interval = super::schedule::nanoseconds(interval).max(1);
        Self {
            period: interval.saturating_mul(u64::from(of.max(1))),
            phase: interval.saturating_mul(u64::from(which.saturating_sub(1))),
            wall: super::schedule::nanoseconds(since),
        }
    }

    /// This client's first permit at `earliest` or later, which may be a little before `now`; all by the clock of `now`.
    pub(super) fn next(&self, now: u64, earliest: u64) -> u64 {
        let wall = self.wall.saturating_add(earliest).saturating_sub(now);
        let over = (wall + self.period - self.phase % self.period) % self.period;
        match over {
            0 => earliest,
            over => earliest.saturating_add(self.period - over),
        }
    }
}

/// The clock skew between the platform and this machine, measured from replies.
#[derive(Default)]
pub(crate) struct Offset {
    bounds: Mutex<Option<Bounds>>,
}

/// The lower and upper bound of the difference, in nanoseconds, with the time of the measurement.
#[derive(Clone, Copy)]
struct Bounds {
    lower: i64,
    upper: i64,
    seen: SystemTime,
}

impl Offset {
    /// A reply was sent in the second that its `Date` names, after its request was sent and before it arrived. Each
    /// reply narrows the bounds further.
    pub(crate) fn update(&self, sample: &ClockSample) {
        let Some(date) = sample.date else { return };
        let lower = difference(date, sample.received);
        let upper = difference(date + Duration::from_secs(1), sample.sent);
        let seen = sample.received;
        let mut bounds = locked(&self.bounds);
        let narrowed = bounds.map(|before| {
            let drift = difference(seen, before.seen).max(0) / 1_000_000_000 * DRIFT;
            (lower.max(before.lower - drift), upper.min(before.upper + drift))
        });
        *bounds = match narrowed {
            Some((lower, upper)) if lower <= upper => Some(Bounds { lower, upper, seen }),
            // A clock was set.
            _ if lower <= upper => Some(Bounds { lower, upper, seen }),
            _ => *bounds,
        };
    }

    /// The time by the platform's clock. While this machine's clock is within the bounds, it counts as right, so that
    /// machines with NTP agree.
    pub(crate) fn correct(&self, local: SystemTime) -> SystemTime {
        let bounds = *locked(&self.bounds);
        let offset = bounds.map_or(0, |bounds| 0.max(bounds.lower).min(bounds.upper));
        let size = Duration::from_nanos(offset.unsigned_abs());
        let corrected = if offset < 0 { local.checked_sub(size) } else { local.checked_add(size) };
        corrected.unwrap_or(local)
    }
}

/// How much later `one` is than `other`, in nanoseconds; at most 200 years.
fn difference(one: SystemTime, other: SystemTime) -> i64 {
    let size = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX / 2);
    match one.duration_since(other) {
        Ok(later) => size(later).min(i64::MAX / 2),
        Err(earlier) => -size(earlier.duration()).min(i64::MAX / 2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;
    const INTERVAL: Duration = Duration::from_millis(100);

    fn at(milliseconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(1_700_000_000_000 + milliseconds)
    }

    #[test]
    fn shares_of_a_grid_take_all_permits_and_none_twice() {
        for of in [1, 2, 3, 7, 20] {
            let mut all = Vec::new();
            for which in 1..=of {
                for start in 0..3 {
                    let mut after = 0;
                    for _ in 0..10 {
                        let grid = Grid::new(INTERVAL, (which, of), at(start * 37));
                        let next = grid.next(0, after);
                        assert!(next >= after && next - after <= u64::from(of) * 100 * MS);
                        all.push((start * 37 * MS + next) / MS);
                        after = next + 1;
                    }
                }
            }
            assert!(all.iter().all(|time| time % 100 == all[0] % 100), "all on one grid: {all:?}");
            all.sort_unstable();
            all.dedup();
            let whole = 9 * usize::try_from(of).expect("small");
            assert!(all.windows(2).take(whole).all(|two| two[1] - two[0] == 100), "{of}: {all:?}");
        }
    }

    #[test]
    fn permit_of_a_grid_may_be_a_little_in_the_past() {
        let grid = Grid::new(INTERVAL, (1, 2), at(205));
        let now = 50_000 * MS;
        assert_eq!(grid.next(now, now - 5 * MS), now - 5 * MS);
        assert_eq!(grid.next(now, now - 4 * MS), now + 195 * MS);
    }

    #[test]
    fn offset_is_nothing_while_the_clock_may_be_right_and_narrows_where_it_is_not() {
        let offset = Offset::default();
        assert_eq!(offset.correct(at(0)), at(0));
        // A clock that is 1.3 s behind; replies take 20 ms and arrive at all fractions of a second.
        let learn = |offset: &Offset, behind: u64, local: u64| {
            let date = at((local + behind) / 1000 * 1000);
            offset.update(&ClockSample { date: Some(date), sent: at(local - 10), received: at(local + 10) });
        };
        let error =
            |offset: &Offset, behind: u64| difference(offset.correct(at(60_000)), at(60_000 + behind)).abs();
        learn(&offset, 1_300, 5_000);
        assert!(error(&offset, 1_300) <= 1_010_000_000);
        (0..40).for_each(|call| learn(&offset, 1_300, 5_000 + call * 105));
        assert!(error(&offset, 1_300) <= 60_000_000, "{}", error(&offset, 1_300));
        // The clock was corrected.
        (0..40).for_each(|call| learn(&offset, 0, 20_000 + call * 105));
        assert_eq!(offset.correct(at(60_000)), at(60_000));
    }

    #[test]
    fn offset_learns_nothing_from_a_reply_without_a_date_or_from_before_its_request() {
        let offset = Offset::default();
        offset.update(&ClockSample { date: None, sent: at(0), received: at(10) });
        offset.update(&ClockSample { date: Some(at(60_000)), sent: at(5_000), received: at(0) });
        assert_eq!(offset.correct(at(0)), at(0));
    }
}
