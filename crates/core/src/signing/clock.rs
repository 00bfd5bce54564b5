//! Sources of the current time.

use crate::error::Error;
use std::time::{SystemTime, UNIX_EPOCH};

/// A source of wall-clock time; tests replace it.
pub trait Clock: Send + Sync {
    /// The current time.
    fn now(&self) -> SystemTime;
}

/// The operating system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        crate::system::wall_clock()
    }
}

/// The `timestamp` of a request: Unix seconds, ten digits (seed document).
pub(crate) fn timestamp(now: SystemTime) -> Result<u64, Error> {
    let seconds = now.duration_since(UNIX_EPOCH).map(|since| since.as_secs()).unwrap_or(0);
    if (1_000_000_000..=9_999_999_999).contains(&seconds) {
        return Ok(seconds);
    }
    Err(Error::config("clock", format!("this machine's clock is wrong (Unix time {seconds}); set it")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use std::time::Duration;

    #[test]
    fn timestamp_has_ten_digits_or_is_an_error() {
        let at = |seconds| timestamp(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(1_700_000_000).expect("ten digits"), 1_700_000_000);
        assert_eq!(at(999_999_999).expect_err("nine digits").kind(), ErrorKind::Config);
        assert_eq!(at(10_000_000_000).expect_err("eleven digits").kind(), ErrorKind::Config);
        let before_1970 = UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(timestamp(before_1970).expect_err("negative").kind(), ErrorKind::Config);
    }
}
