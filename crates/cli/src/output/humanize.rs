//! Human-readable durations.

use std::time::Duration;

/// A duration in its two largest units, for example "1 h 05 min".
pub(crate) fn humanize(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {:02} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} d {:02} h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn humanize_shows_the_two_largest_units() {
        let shown = |seconds| humanize(Duration::from_secs(seconds));
        assert_eq!(
            [shown(59), shown(61), shown(3_660), shown(90_000)],
            ["59 s", "1 min 01 s", "1 h 01 min", "1 d 01 h"]
        );
    }
}
