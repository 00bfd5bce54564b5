//! `--until`: a time of day, or a date and a time.

use crate::system::variable;
use eiot::Error;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tz::TimeZone;

const DAY: i64 = 86_400;

/// The next time that this text means: `06:00`, the next 6 o'clock in local time, or `2026-11-27T06:00:00Z`.
pub(crate) fn parse(text: &str, now: SystemTime) -> Result<SystemTime, Error> {
    let Some(seconds) = time_of_day(text) else {
        return humantime::parse_rfc3339_weak(text).map_err(|_| {
            Error::invalid_argument(format!(
                "--until: {text:?} must be a time of day such as 06:00 in local time, or a date and time in UTC such as \
                 2026-11-27T06:00:00Z"
            ))
        });
    };
    // Without a time zone, local time is UTC, as everywhere else on such a machine.
    let zone = match variable("TZ").and_then(|name| name.into_string().ok()) {
        Some(name) if !name.is_empty() => TimeZone::from_posix_tz(&name),
        _ => TimeZone::local(),
    };
    let zone = zone.unwrap_or_else(|_| TimeZone::utc());
    Ok(next(seconds, now, |unix_time| {
        zone.find_local_time_type(unix_time).map_or(0, |kind| i64::from(kind.ut_offset()))
    }))
}

fn time_of_day(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |text: &str, below: i64| {
        let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|number: &i64| is_number && *number < below)
    };
    Some(number(hours, 24)? * 3_600 + number(minutes, 60)? * 60)
}

/// The first time after `now` with this time of day. `offset` is local time minus UTC.
fn next(time_of_day: i64, now: SystemTime, offset: impl Fn(i64) -> i64) -> SystemTime {
    let now = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
    let today = (now + offset(now)).div_euclid(DAY) * DAY;
    let candidates = [today, today + DAY, today + 2 * DAY].map(|day| {
        let local = day + time_of_day;
        // The offset at that time, not the one of now: the clocks may change in between.
        local - offset(local - offset(local))
    });
    let next = candidates.into_iter().find(|time| *time > now).unwrap_or(now);
    UNIX_EPOCH + Duration::from_secs(u64::try_from(next).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds as u64)
    }

    #[test]
    fn until_is_the_next_time_of_day_in_local_time() {
        let shanghai = |_| 8 * 3_600;
        let six = time_of_day("06:00").expect("a time");
        // 22:00 UTC is 06:00 in Shanghai.
        let ten = 22 * 3_600;
        assert_eq!(next(six, at(DAY), shanghai), at(DAY + ten));
        assert_eq!(next(six, at(DAY + ten - 1), shanghai), at(DAY + ten));
        assert_eq!(next(six, at(DAY + ten), shanghai), at(2 * DAY + ten));
    }

    #[test]
    fn until_takes_the_offset_of_its_own_night_when_the_clocks_change() {
        // 2026-03-29 in Berlin: at 01:00 UTC, 02:00 becomes 03:00.
        let change = 1_774_746_000;
        let berlin = |time| if time < change { 3_600 } else { 7_200 };
        let six = time_of_day("06:00").expect("a time");
        assert_eq!(next(six, at(change - 3 * 3_600), berlin), at(change + 3 * 3_600));
    }

    #[test]
    fn until_refuses_what_is_no_time() {
        for text in ["6", "24:00", "06:60", "6:00", "+6:00", "tomorrow"] {
            assert!(parse(text, at(0)).is_err(), "{text}");
        }
        assert_eq!(parse("1970-01-02T00:00:00Z", at(0)).expect("a time"), at(DAY));
    }
}
