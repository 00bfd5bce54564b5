//! The progress of a run, on standard error.

use crate::output::humanize::humanize;
use crate::system::{has_terminal, stderr};
use std::io::{self, Write};
use std::time::Duration;

/// On a terminal, the line is redrawn at most this often.
const REDRAW_INTERVAL: Duration = Duration::from_millis(100);

/// Elsewhere, for example in a log, a line is written this often.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// The width if the terminal does not report one.
const DEFAULT_WIDTH: usize = 80;

/// From this number of cards on, the percentage has a decimal.
const LONG_RUN: u64 = 10_000;

/// A narrower bar is not shown.
const MIN_BAR_WIDTH: usize = 10;

/// The progress of a run.
#[derive(Clone, Copy, Default)]
pub(crate) struct Progress {
    /// Cards that need nothing more, in this run or since an earlier one.
    pub(crate) done: u64,
    /// Cards with a result in this run.
    pub(crate) tried: u64,
    /// How many of these failed.
    pub(crate) failed: u64,
    /// How many cards the input has, if known.
    pub(crate) total: Option<u64>,
    /// The duration so far.
    pub(crate) elapsed: Duration,
}

impl Progress {
    fn per_second(&self) -> f64 {
        let seconds = self.elapsed.as_secs_f64();
        if seconds > 0.0 { self.tried as f64 / seconds } else { 0.0 }
    }

    /// The time left at this rate.
    fn left(&self) -> Option<Duration> {
        let left = self.total?.saturating_sub(self.done) as f64 / self.per_second();
        Duration::try_from_secs_f64(left).ok().filter(|_| self.tried > 0)
    }

    /// Everything, as one line.
    pub(crate) fn status(&self) -> String {
        self.text(usize::MAX).trim_start().to_owned()
    }

    /// The share of cards that are done, from 0 to 1, if their number is known.
    fn share(&self) -> Option<f64> {
        let total = self.total.filter(|total| *total > 0)?;
        Some(self.done.min(total) as f64 / total as f64)
    }

    /// One line of at most `width` columns, with a bar if there is room for one.
    pub(crate) fn line(&self, width: usize) -> String {
        let text = self.text(width);
        let room = width.saturating_sub(text.chars().count() + 4);
        match self.share() {
            Some(share) if room >= MIN_BAR_WIDTH => {
                let room = room.min(40);
                let filled = ((room as f64 * share) as usize).min(room);
                format!("[{}{}]  {text}", "#".repeat(filled), "-".repeat(room - filled))
            }
            _ => text,
        }
    }

    /// The figures. If not everything fits, the least important parts are left out.
    fn text(&self, width: usize) -> String {
        let count = match self.total {
            Some(total) => format!("{}/{total}", self.done),
            None => format!("{} cards", self.done),
        };
        // On a long run, a whole percent takes minutes.
        let decimals = usize::from(self.total >= Some(LONG_RUN));
        let width_of_percent = if decimals > 0 { 5 } else { 3 };
        // In display order. The number is a priority: parts with the largest number are left out first.
        let parts = [
            (1, self.share().map(|share| format!("{:width_of_percent$.decimals$} %", share * 100.0))),
            (0, Some(count)),
            (2, Some(format!("{:.1}/s", self.per_second()))),
            (3, self.left().map(|left| format!("{} left", humanize(left)))),
            (0, (self.failed > 0).then(|| format!("{} failed", self.failed))),
        ];
        let joined = |max_rank: u32| {
            let kept =
                parts.iter().filter(|(rank, _)| *rank <= max_rank).filter_map(|(_, part)| part.as_deref());
            kept.collect::<Vec<_>>().join("  ")
        };
        let text = (0..=3).rev().map(joined).find(|text| text.chars().count() <= width);
        text.unwrap_or_else(|| joined(0).chars().take(width).collect())
    }
}

/// Shows progress on standard error: one line that is redrawn on a terminal, and a new line per minute elsewhere.
pub(crate) struct ProgressLine {
    is_shown: bool,
    on_terminal: bool,
    last_shown: Option<Duration>,
}

impl ProgressLine {
    /// A line that is shown, or not.
    pub(crate) fn new(is_shown: bool) -> Self {
        Self { is_shown, on_terminal: has_terminal(), last_shown: None }
    }

    /// Shows the progress if it is due.
    pub(crate) fn show(&mut self, progress: &Progress) {
        if !self.is_shown || !self.is_due(progress.elapsed) {
            return;
        }
        let line = match self.on_terminal {
            // The last column stays free, because some terminals wrap when it is written.
            true => format!("\r{}\x1b[K", progress.line(width().saturating_sub(1))),
            false => format!("{}\n", progress.line(DEFAULT_WIDTH)),
        };
        // If standard error is closed, there is no place left to report it.
        let _ = stderr().write_all(line.as_bytes());
    }

    fn is_due(&mut self, elapsed: Duration) -> bool {
        let interval = if self.on_terminal { REDRAW_INTERVAL } else { LOG_INTERVAL };
        // Outside a terminal, the first line also waits for the interval, because most runs are short.
        let since = self.last_shown.unwrap_or_default();
        let due =
            elapsed.saturating_sub(since) >= interval || (self.on_terminal && self.last_shown.is_none());
        if due {
            self.last_shown = Some(elapsed);
        }
        due
    }

    /// Removes the line, so that something else can be written.
    pub(crate) fn clear(&mut self) {
        if self.on_terminal && self.last_shown.take().is_some() {
            let _ = stderr().write_all(b"\r\x1b[K");
        }
    }
}

fn width() -> usize {
    terminal_size::terminal_size_of(io::stderr()).map_or(DEFAULT_WIDTH, |(width, _)| usize::from(width.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROGRESS: Progress = Progress {
        done: 4_500,
        tried: 4_500,
        failed: 12,
        total: Some(9_999),
        elapsed: Duration::from_secs(474),
    };

    #[test]
    fn progress_on_a_wide_terminal_shows_everything() {
        let line = PROGRESS.line(100);
        assert_eq!(
            line,
            "[##################----------------------]   45 %  4500/9999  9.5/s  9 min 39 s left  12 failed"
        );
    }

    #[test]
    fn progress_on_a_narrow_terminal_shows_the_most_important_parts() {
        assert_eq!(PROGRESS.line(60), " 45 %  4500/9999  9.5/s  9 min 39 s left  12 failed");
        assert_eq!(PROGRESS.line(40), " 45 %  4500/9999  9.5/s  12 failed");
        assert_eq!(PROGRESS.line(24), "4500/9999  12 failed");
        assert_eq!(PROGRESS.line(12), "4500/9999  1");
    }

    #[test]
    fn progress_of_a_long_run_has_a_percentage_with_a_decimal() {
        let long = Progress { total: Some(1_000_000), failed: 0, ..PROGRESS };
        assert_eq!(long.line(50), "  0.4 %  4500/1000000  9.5/s  1 d 05 h left");
        assert_eq!(long.status(), "0.4 %  4500/1000000  9.5/s  1 d 05 h left");
        let done = Progress { done: 1_000_000, total: Some(1_000_000), ..PROGRESS };
        assert!(done.status().starts_with("100.0 %  "), "{}", done.status());
    }

    #[test]
    fn progress_is_never_wider_than_the_terminal() {
        for width in 0..300 {
            for total in [None, Some(0), Some(4_500), Some(1_000_000)] {
                let line = Progress { total, ..PROGRESS }.line(width);
                assert!(line.chars().count() <= width, "{line:?} in {width}");
            }
        }
    }

    #[test]
    fn progress_without_a_total_has_neither_bar_nor_time_left() {
        assert_eq!(Progress { total: None, failed: 0, ..PROGRESS }.line(100), "4500 cards  9.5/s");
        assert_eq!(
            Progress { done: 0, tried: 0, failed: 0, total: Some(10), elapsed: Duration::ZERO }.left(),
            None
        );
    }

    #[test]
    fn progress_of_a_resumed_run_starts_where_the_run_stands_at_the_rate_of_this_one() {
        let resumed =
            Progress { done: 305, tried: 5, failed: 0, total: Some(405), elapsed: Duration::from_secs(1) };
        assert_eq!(resumed.line(40), " 75 %  305/405  5.0/s  20 s left");
    }

    #[test]
    fn progress_is_redrawn_ten_times_per_second_on_a_terminal_and_once_per_minute_in_a_log() {
        let drawn = |on_terminal, until: u64| {
            let mut line = ProgressLine { is_shown: true, on_terminal, last_shown: None };
            (0..until).step_by(10).filter(|at| line.is_due(Duration::from_millis(*at))).count()
        };
        assert_eq!(drawn(true, 1_000), 10);
        assert_eq!(drawn(false, 180_001), 3);
    }
}
