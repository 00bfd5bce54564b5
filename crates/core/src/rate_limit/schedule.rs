//! The schedule of an account: when the next call is allowed, and which nonce it takes.
//!
//! Time is in nanoseconds of [`clock`], which all processes of a machine share.

use super::share::Grid;
use crate::signing::Walk;
use crate::system;
use std::time::Duration;

/// The spacing of a client's permits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spacing {
    /// The time between permits.
    pub(super) interval: Duration,
    /// The permits of this client, if it has a share of the rate.
    pub(super) grid: Option<Grid>,
}

impl Spacing {
    /// How far in the past a permit may be. Timers wake up a little late; without this, all later permits would be late too, and
    /// at 1,000 calls per second a seventh of the rate would be lost.
    ///
    /// Calls are late by at most this, so a second of calls has the permits of 1.005 s: at 95 % of the limit, fewer than
    /// the limit. The same goes for the schedule in Redis (`account.lua`) and for the calls of all machines that have shares.
    pub(super) const MAX_LATE: Duration = Duration::from_millis(5);

    /// The time of a permit that is available at `next`: a moment ago, if its call is only a little late.
    fn earliest(now: u64, next: u64) -> u64 {
        match next.saturating_add(nanoseconds(Self::MAX_LATE)) >= now {
            true => next,
            false => next.max(now),
        }
    }

    /// The earliest permit at `earliest` or later.
    fn first(&self, now: u64, earliest: u64) -> u64 {
        match &self.grid {
            Some(grid) => grid.next(now, earliest),
            None => earliest,
        }
    }

    /// When the next permit is available after one at `at`.
    fn after(&self, at: u64) -> u64 {
        let interval = nanoseconds(self.interval);
        // The grid determines the time; corrections of the clock shift it a little.
        at.saturating_add(if self.grid.is_some() { interval / 10 * 9 } else { interval })
    }
}

/// The state of an account's rate, without a lock or a clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Schedule {
    /// When the next permit is available.
    pub(super) next: u64,
    /// Permits that were reserved but not used; 0 is none.
    pub(super) released: [u64; Self::MAX_RELEASED],
    pub(super) nonces: Walk,
    /// Positions of nonces that were reserved but not used, plus one; 0 is none.
    pub(super) unused: [u64; Self::MAX_RELEASED],
}

/// A reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reserved {
    /// When the call may be made.
    pub(super) at: u64,
    /// The position of its nonce.
    pub(super) position: u64,
}

impl Schedule {
    /// How many released permits, and how many unused positions, are remembered.
    pub(super) const MAX_RELEASED: usize = 16;

    /// A position further back than this is not reused: its nonce would repeat too soon.
    const MAX_BACK: u64 = 1024;

    pub(super) fn new(seed: u64) -> Self {
        let none = [0; Self::MAX_RELEASED];
        Self { next: 0, released: none, nonces: Walk { seed, position: 0 }, unused: none }
    }

    /// Reserves the first permit that is due `ahead` of `now` or later, if it is due before `latest`; otherwise returns when it
    /// would be due. Without an interval, each call is allowed immediately.
    pub(super) fn reserve(
        &mut self,
        now: u64,
        ahead: u64,
        spacing: Option<Spacing>,
        latest: u64,
    ) -> Result<Reserved, u64> {
        let Some(spacing) = spacing else {
            return Ok(Reserved { at: now, position: self.take_place() });
        };
        for released in &mut self.released {
            if *released < now {
                *released = 0;
            }
        }
        let from = now.saturating_add(ahead);
        let first = self.released.iter_mut().filter(|released| **released != 0 && **released >= from).min();
        let at = match first {
            Some(released) if *released >= latest => return Err(*released),
            Some(released) => std::mem::take(released),
            None => {
                let at = spacing.first(now, Spacing::earliest(from, self.next));
                if at >= latest {
                    return Err(at);
                }
                self.next = spacing.after(at);
                at
            }
        };
        Ok(Reserved { at, position: self.take_place() })
    }

    /// The position of a permit that was not used, or else the next one.
    fn take_place(&mut self) -> u64 {
        let too_far_back = self.nonces.position.saturating_sub(Self::MAX_BACK);
        for unused in &mut self.unused {
            if *unused <= too_far_back {
                *unused = 0;
            }
        }
        let unused = self.unused.iter_mut().filter(|unused| **unused != 0).min().map(std::mem::take);
        unused.map_or_else(|| self.nonces.advance(), |unused| unused - 1)
    }

    /// Releases a permit that was not used.
    pub(super) fn release(&mut self, reserved: Reserved, spacing: Option<Spacing>) {
        if !self.nonces.retreat(reserved.position) {
            if let Some(free) = self.unused.iter_mut().find(|unused| **unused == 0) {
                *free = reserved.position.saturating_add(1);
            }
        }
        let Some(spacing) = spacing else { return };
        if spacing.after(reserved.at) == self.next {
            self.next = reserved.at;
        } else if let Some(free) = self.released.iter_mut().find(|released| **released == 0) {
            *free = reserved.at;
        }
    }

    /// Discards times later than `latest`, which cannot be valid.
    pub(super) fn forget_beyond(&mut self, latest: u64) {
        if self.next > latest {
            (self.next, self.released) = (0, [0; Self::MAX_RELEASED]);
        }
    }

    /// Allows no call before `until`; a longer pause takes precedence.
    pub(super) fn pause(&mut self, until: u64) {
        self.next = self.next.max(until);
        for released in &mut self.released {
            if *released < until {
                *released = 0;
            }
        }
    }
}

pub(super) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The clock of the schedule.
pub(super) fn clock() -> u64 {
    nanoseconds(system::since_boot())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    const MS: u64 = 1_000_000;
    const INTERVAL: Option<Spacing> = Some(Spacing { interval: Duration::from_millis(100), grid: None });
    const FAR: u64 = u64::MAX;

    fn schedule() -> Schedule {
        Schedule::new(7)
    }

    fn reserve(schedule: &mut Schedule, now: u64) -> u64 {
        schedule.reserve(now * MS, 0, INTERVAL, FAR).expect("a permit").at / MS
    }

    #[test]
    fn schedule_spaces_permits_evenly_and_saves_none_up() {
        let mut schedule = schedule();
        assert_eq!([0, 0, 0].map(|now| reserve(&mut schedule, 1_000 + now)), [1_000, 1_100, 1_200]);
        assert_eq!([0, 0].map(|now| reserve(&mut schedule, 60_000 + now)), [60_000, 60_100]);
    }

    #[test]
    fn schedule_keeps_its_rate_if_calls_are_a_little_late_and_never_exceeds_the_limit() {
        for limit in [10, 1_000, 3_000] {
            let interval = Duration::from_secs_f64(1.0 / (f64::from(limit) * 0.95));
            let (mut schedule, spacing) = (schedule(), Some(Spacing { interval, grid: None }));
            // A timer that wakes up at whole milliseconds, after an idle second.
            let (mut now, mut sent) = (1_000 * MS, Vec::new());
            while now < 6_000 * MS {
                let at = schedule.reserve(now, 0, spacing, FAR).expect("a permit").at;
                now = if at > now { at.div_ceil(MS) * MS } else { now };
                sent.push(now);
            }
            let rate = sent.len() as f64 / 5.0;
            assert!(rate >= 0.99 * 0.95 * f64::from(limit) - 1.0, "{rate} of {limit}");
            let mut windows = sent.windows(limit as usize + 1);
            assert!(windows.all(|calls| calls[calls.len() - 1] - calls[0] > 1_000 * MS), "{limit}");
        }
    }

    #[test]
    fn schedules_of_a_fleet_keep_its_rate_if_calls_are_a_little_late_and_never_exceed_the_limit() {
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        for (limit, machines) in [(10, 2), (1_000, 2), (3_000, 3)] {
            let interval = Duration::from_secs_f64(1.0 / (f64::from(limit) * 0.95));
            let mut sent: Vec<u64> = (1..=machines)
                .flat_map(|which| {
                    let (mut schedule, mut now, mut sent) = (schedule(), 1_000 * MS, Vec::new());
                    while now < 6_000 * MS {
                        let grid = Grid::new(interval, (which, machines), start + Duration::from_nanos(now));
                        let spacing = Spacing { interval: interval * machines, grid: Some(grid) };
                        let at = schedule.reserve(now, 0, Some(spacing), FAR).expect("a permit").at;
                        // A timer that wakes up at whole milliseconds.
                        now = if at > now { at.div_ceil(MS) * MS } else { now };
                        sent.push(now);
                    }
                    sent
                })
                .collect();
            sent.sort_unstable();
            let rate = sent.len() as f64 / 5.0;
            assert!(rate >= 0.99 * 0.95 * f64::from(limit) - 1.0, "{rate} of {limit}");
            let mut windows = sent.windows(limit as usize + 1);
            assert!(windows.all(|calls| calls[calls.len() - 1] - calls[0] > 1_000 * MS), "{limit}");
        }
    }

    #[test]
    fn schedule_gives_a_permit_ahead_to_a_caller_that_gets_it_late() {
        let mut schedule = schedule();
        let mut ahead = |ahead| schedule.reserve(1_000 * MS, ahead * MS, INTERVAL, FAR).expect("a permit");
        assert_eq!([250, 250, 0].map(|ms| ahead(ms).at / MS), [1_250, 1_350, 1_450]);
        let early = Reserved { at: 1_050 * MS, position: 1 };
        schedule.release(early, INTERVAL);
        let next = schedule.reserve(1_000 * MS, 100 * MS, INTERVAL, FAR).expect("a permit");
        assert_eq!(next.at / MS, 1_550, "what is released for earlier is of no use");
        assert_eq!(reserve(&mut schedule, 1_000), 1_050);
    }

    #[test]
    fn schedule_refuses_a_permit_at_the_limit_and_leaves_it_free() {
        let mut schedule = schedule();
        reserve(&mut schedule, 1_000);
        let before = schedule.clone();
        assert_eq!(schedule.reserve(1_000 * MS, 0, INTERVAL, 1_100 * MS), Err(1_100 * MS));
        assert_eq!(schedule, before);
        assert_eq!(reserve(&mut schedule, 1_000), 1_100);
    }

    #[test]
    fn schedule_gives_released_permits_to_the_next_callers() {
        let mut schedule = schedule();
        let reserved: Vec<_> =
            (0..4).map(|_| schedule.reserve(1_000 * MS, 0, INTERVAL, FAR).expect("a permit")).collect();
        schedule.release(reserved[1], INTERVAL);
        schedule.release(reserved[2], INTERVAL);
        schedule.release(reserved[3], INTERVAL);
        let again: Vec<_> = (0..4).map(|_| reserve(&mut schedule, 1_010)).collect();
        assert_eq!(again, [1_100, 1_200, 1_300, 1_400]);
        schedule.release(reserved[1], INTERVAL);
        assert_eq!(reserve(&mut schedule, 1_150), 1_500, "one whose time has passed is of no use");
    }

    #[test]
    fn schedule_forgets_released_permits_beyond_a_bound() {
        let mut schedule = schedule();
        let reserved: Vec<_> =
            (0..100).map(|_| schedule.reserve(1_000 * MS, 0, INTERVAL, FAR).expect("a permit")).collect();
        reserved.iter().take(99).for_each(|reserved| schedule.release(*reserved, INTERVAL));
        let again: Vec<_> = (0..Schedule::MAX_RELEASED + 1).map(|_| reserve(&mut schedule, 1_000)).collect();
        assert_eq!(again[Schedule::MAX_RELEASED - 1..], [1_000 + 15 * 100, 1_000 + 100 * 100]);
    }

    #[test]
    fn schedule_pauses_for_all_and_never_shortens_a_pause() {
        let mut schedule = schedule();
        let early = schedule.reserve(1_000 * MS, 0, INTERVAL, FAR).expect("a permit");
        reserve(&mut schedule, 1_000);
        schedule.release(early, INTERVAL);
        schedule.pause(6_000 * MS);
        schedule.pause(2_000 * MS);
        assert_eq!(reserve(&mut schedule, 1_000), 6_000);
    }

    #[test]
    fn schedule_without_an_interval_allows_each_call_at_once_and_counts_its_nonce() {
        let mut schedule = schedule();
        let positions = [0; 3].map(|now| schedule.reserve(now, 0, None, 0).expect("a permit").position);
        assert_eq!(positions, [0, 1, 2]);
    }

    #[test]
    fn schedule_gives_the_nonces_of_released_permits_to_the_next_calls() {
        for spacing in [INTERVAL, None] {
            let mut schedule = schedule();
            let reserve = |schedule: &mut Schedule| schedule.reserve(0, 0, spacing, FAR).expect("a permit");
            let all: Vec<_> = (0..4).map(|_| reserve(&mut schedule)).collect();
            [1, 0, 3].into_iter().for_each(|place| schedule.release(all[place], spacing));
            let again: Vec<_> = (0..4).map(|_| reserve(&mut schedule).position).collect();
            assert_eq!(again, [0, 1, 3, 4]);
        }
    }

    #[test]
    fn schedule_leaves_out_a_nonce_that_comes_back_late() {
        let mut schedule = schedule();
        let reserve = |schedule: &mut Schedule| schedule.reserve(0, 0, None, FAR).expect("a permit");
        let first = reserve(&mut schedule);
        for _ in 0..Schedule::MAX_BACK {
            reserve(&mut schedule);
        }
        schedule.release(first, None);
        assert_eq!(reserve(&mut schedule).position, Schedule::MAX_BACK + 1);
    }
}
