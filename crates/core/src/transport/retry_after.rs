//! The `Retry-After` header.

use std::time::{Duration, SystemTime};

/// The maximum wait: a server that asks for more means "not soon" rather than that time.
const MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Parses the header: whole seconds, or an HTTP date; at most a day. Anything else is `None`.
pub(crate) fn parse(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number that overflows is still a very long time.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)).min(MAX));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default().min(MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::UNIX_EPOCH;

    proptest! {
        #[test]
        fn retry_after_of_any_size_is_accepted(value in "\\PC{0,40}", seconds in 0_u64..1 << 40) {
            let _ = parse(&value, UNIX_EPOCH + Duration::from_secs(seconds));
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_otherwise_ignored() {
        // Sun, 06 Nov 1994 08:49:37 GMT
        let now = UNIX_EPOCH + Duration::from_secs(784_111_777);
        let read = |value| parse(value, now).map(|wait| wait.as_secs());
        assert_eq!(read("0"), Some(0));
        assert_eq!(read(" 120 "), Some(120));
        assert_eq!(read("Sun, 06 Nov 1994 08:50:37 GMT"), Some(60));
        assert_eq!(read("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0), "a date in the past");
        for far in ["86401", "99999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"] {
            assert_eq!(read(far), Some(86_400), "{far:?} is not soon");
        }
        for nonsense in ["", "inf", "nan", "-5", "1.5", "soon", "Sun, 06 Nov 100000 08:49:37 GMT"] {
            assert_eq!(read(nonsense), None, "{nonsense:?}");
        }
    }
}
