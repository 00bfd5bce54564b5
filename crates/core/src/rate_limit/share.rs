//! A share of the rate by the wall clock: machines that know nothing of each other take different permits.
//!
//! The permits of the whole account lie on a grid that all machines read from the wall clock. Machine i of n takes every n-th
//! of them, the i-th first. How far its clock is off, it learns from the platform's replies, which all machines see.

use crate::locked::locked;
use crate::signing::ClockSample;
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How far clocks drift apart at most while nothing is seen, in nanoseconds per second.
const DRIFT: i64 = 100_000;

/// Permits of the whole account on the wall clock, and which of them are ours.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grid {
    /// From one of our permits to the next, in nanoseconds.
    period: u64,
    /// Ours, after a multiple of the period since 1970.
    phase: u64,
    /// The time by the platform's clock, in nanoseconds since 1970.
    wall: u64,
}

impl Grid {
    /// `interval` is that of the whole account, `share` (which, of how many).
    pub(super) fn new(interval: Duration, (which, of): (u32, u32), wall: SystemTime) -> Self {
        let since = wall.duration_since(UNIX_EPOCH).unwrap_or_default();
        let interval = super::schedule::nanoseconds(interval).max(1);
        Self {
            period: interval.saturating_mul(u64::from(of.max(1))),
            phase: interval.saturating_mul(u64::from(which.saturating_sub(1))),
            wall: super::schedule::nanoseconds(since),
        }
    }

    /// How long from `after` until one of our permits; both from now on.
    pub(super) fn next(&self, after: u64) -> u64 {
        let earliest = self.wall.saturating_add(after);
        let over = (earliest + self.period - self.phase % self.period) % self.period;
        match over {
            0 => after,
            over => after.saturating_add(self.period - over),
        }
    }
}

/// What the platform's replies say about the difference between its clock and this machine's.
#[derive(Default)]
pub(crate) struct Offset {
    bounds: Mutex<Option<Bounds>>,
}

/// The difference lies between these, in nanoseconds: seen at this time.
#[derive(Clone, Copy)]
struct Bounds {
    least: i64,
    most: i64,
    seen: SystemTime,
}

impl Offset {
    /// A reply was made in the second that its `Date` names, after its request was sent and before it came. Each reply
    /// narrows the bounds further.
    pub(crate) fn update(&self, sample: &ClockSample) {
        let Some(date) = sample.date else { return };
        let least = difference(date, sample.received);
        let most = difference(date + Duration::from_secs(1), sample.sent);
        let seen = sample.received;
        let mut bounds = locked(&self.bounds);
        let narrowed = bounds.map(|before| {
            let drift = difference(seen, before.seen).max(0) / 1_000_000_000 * DRIFT;
            (least.max(before.least - drift), most.min(before.most + drift))
        });
        *bounds = match narrowed {
            Some((least, most)) if least <= most => Some(Bounds { least, most, seen }),
            // A clock was set.
            _ if least <= most => Some(Bounds { least, most, seen }),
            _ => *bounds,
        };
    }

    /// The time by the platform's clock. As long as this machine's may be right, it counts as right, so that machines whose
    /// clocks are set by NTP agree.
    pub(crate) fn correct(&self, local: SystemTime) -> SystemTime {
        let bounds = *locked(&self.bounds);
        let offset = bounds.map_or(0, |bounds| 0.max(bounds.least).min(bounds.most));
        let size = Duration::from_nanos(offset.unsigned_abs());
        let corrected = if offset < 0 { local.checked_sub(size) } else { local.checked_add(size) };
        corrected.unwrap_or(local)
    }
}

/// How much later `one` is than `other`, in nanoseconds; no more than 200 years.
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
                        let next = grid.next(after);
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
    fn offset_is_nothing_while_the_clock_may_be_right_and_narrows_where_it_is_not() {
        let offset = Offset::default();
        assert_eq!(offset.correct(at(0)), at(0));
        // A clock that is 1.3 s behind; replies take 20 ms and come at all places of a second.
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
        // It was set right.
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
