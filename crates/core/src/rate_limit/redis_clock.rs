//! When the Redis executed a script, by this machine's clock.

use std::time::{Duration, Instant};

/// A reading is used this long: the clocks of two machines drift apart by less than a millisecond in it.
const MAX_AGE: Duration = Duration::from_secs(10);

/// The number of readings that are kept.
const READINGS: usize = 16;

/// The last readings of the Redis's clock.
///
/// It was read at some time between a request and its reply, and a thread that was held up reads the reply late. The reading with
/// the shortest round trip tells when that was.
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
        let mut best = this;
        for reading in self.readings.iter().flatten() {
            let is_recent = received.saturating_duration_since(reading.at) < MAX_AGE;
            if is_recent && reading.round_trip < best.round_trip {
                // If the clock was set meanwhile, that is not in between.
                if let Some(at) = reading.when(time).filter(|at| (asked..=received).contains(at)) {
                    best = Reading { at, ..*reading };
                }
            }
        }
        if let Some(oldest) = self.readings.get_mut(self.next % READINGS) {
            *oldest = Some(this);
        }
        self.next = self.next.wrapping_add(1);
        best.at
    }

    /// How long a reply takes, at least; not known before the first one.
    pub(super) fn travel(&self) -> Duration {
        let round_trip = self.readings.iter().flatten().map(|reading| reading.round_trip).min();
        round_trip.unwrap_or_default() / 2
    }
}

impl Reading {
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
        let asked = start + ms(60_000);
        let slow = clock.read(TIME - 3_600_000_000 + 58_000_000, asked, asked + ms(100));
        assert_eq!(slow, asked + ms(50), "an old reading is not used");
    }
}
