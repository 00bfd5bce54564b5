//! The simulator's time. It is an argument of every decision, so that a simulation can have a time of its own.

use std::time::{Duration, Instant, SystemTime};

/// A moment on the simulator's two clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// The wall clock, for timestamps and `Date`.
    pub wall: SystemTime,
    /// The monotonic clock, for rates, cooldowns and the age of nonces.
    pub monotonic: Instant,
}

impl Now {
    /// This moment on the machine's clocks.
    pub(crate) fn of_machine() -> Self {
        Self { wall: SystemTime::now(), monotonic: Instant::now() }
    }
}

/// A time shifted by this many seconds and limited to what an HTTP date can express: 1970 to 9999.
pub(crate) fn shifted(time: SystemTime, seconds: i64) -> SystemTime {
    const LATEST: u64 = 253_402_300_799;
    let since_1970 = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let by = Duration::from_secs(seconds.unsigned_abs());
    let since_1970 = if seconds < 0 { since_1970.saturating_sub(by) } else { since_1970.saturating_add(by) };
    SystemTime::UNIX_EPOCH + since_1970.min(Duration::from_secs(LATEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clock_offset_of_any_size_gives_an_http_date() {
        let written = |seconds| httpdate::fmt_http_date(shifted(SystemTime::UNIX_EPOCH, seconds));
        assert_eq!(written(i64::MIN), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(written(-1), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(written(3600), "Thu, 01 Jan 1970 01:00:00 GMT");
        assert_eq!(written(i64::MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
    }
}
