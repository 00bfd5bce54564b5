//! When the Redis executed a script, by this machine's clock.

use std::time::{Duration, Instant};

/// The clocks of two machines drift apart by less than one part in this many.
const DRIFT: u32 = 10_000;

/// The number of readings that are kept.
const READINGS: usize = 16;

/// The last readings of the Redis's clock.
///
/// It was read at some time between a request and its reply, and a thread that was held up reads the reply late. The most certain
/// reading tells when that was.
#[derive(Debug, Default)]
pub(super) struct RedisClock {
    readings: [Option<Reading>; READINGS],
    /// Where the next one goes.
    next: usize,
}

#[derive(Debug, Clone, Copy)]
struct Reading {
    /// In microseconds since 1970.
    time: u64,
    at: Instant,
    round_trip: Duration,
}

impl RedisClock {
    /// When the Redis read `time` from its clock, in microseconds since 1970, for a script that was requested at `asked` and whose
    /// reply was read at `received`.
    pub(super) fn read(&mut self, time: u64, asked: Instant, received: Instant) -> Instant {
        let round_trip = received.saturating_duration_since(asked);
        let this = Reading { time, at: asked + round_trip / 2, round_trip };
        let (mut best, mut least) = (this.at, round_trip / 2);
        for reading in self.readings.iter().flatten() {
            let uncertainty = reading.uncertainty(received);
            if uncertainty < least {
                // If the clock was set meanwhile, that is not in between.
                if let Some(at) = reading.when(time).filter(|at| (asked..=received).contains(at)) {
                    (best, least) = (at, uncertainty);
                }
            }
        }
        if let Some(oldest) = self.readings.get_mut(self.next % READINGS) {
            *oldest = Some(this);
        }
        self.next = self.next.wrapping_add(1);
        best
    }

    /// How long a reply takes, at least; not known before the first one.
    pub(super) fn travel(&self) -> Duration {
        let round_trip = self.readings.iter().flatten().map(|reading| reading.round_trip).min();
        round_trip.unwrap_or_default() / 2
    }
}

impl Reading {
    /// How far it may be from the truth at a later time.
    fn uncertainty(&self, now: Instant) -> Duration {
        self.round_trip / 2 + now.saturating_duration_since(self.at) / DRIFT
    }

    /// When the Redis's clock shows `time`.
    fn when(&self, time: u64) -> Option<Instant> {
        let difference = Duration::from_micros(time.abs_diff(self.time));
        if time < self.time { self.at.checked_sub(difference) } else { self.at.checked_add(difference) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: u64 = 1_795_730_414_000_000;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn redis_clock_is_read_in_the_middle_of_the_shortest_round_trip() {
        let (start, mut clock) = (Instant::now(), RedisClock::default());
        assert_eq!(clock.read(TIME, start, start + ms(100)), start + ms(50));
        // The reply came as fast, and was read late.
        let asked = start + ms(1_000);
        assert_eq!(clock.read(TIME + 1_000_000, asked, asked + ms(500)), asked + ms(50));
        assert_eq!(clock.travel(), ms(50));
        assert_eq!(clock.read(TIME + 1_000_000, asked, asked + ms(90)), asked + ms(45));
        assert_eq!(clock.travel(), ms(45));
    }

    #[test]
    fn redis_clock_that_was_set_is_read_again() {
        let (start, mut clock) = (Instant::now(), RedisClock::default());
        clock.read(TIME, start, start + ms(2));
        for (seconds, time) in [(1, TIME + 3_600_000_000), (2, TIME - 3_600_000_000)] {
            let asked = start + ms(1_000 * seconds);
            assert_eq!(clock.read(time, asked, asked + ms(10)), asked + ms(5));
        }
    }

    // After a suspension, the first reply may be read late.
    #[test]
    fn redis_clock_is_told_by_an_old_reading_until_it_is_less_certain_than_a_new_one() {
        let (start, mut clock) = (Instant::now(), RedisClock::default());
        clock.read(TIME, start, start + ms(10));
        let (near, far) = (start + ms(60_000), start + ms(600_000));
        let by_the_old = clock.read(TIME + 60_000_000, near, near + ms(100));
        assert_eq!(by_the_old, near + ms(5));
        let by_the_new = clock.read(TIME + 600_000_000, far, far + ms(100));
        assert_eq!(by_the_new, far + ms(50));
    }
}
