//! How far a run over many cards has come, for people.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

/// On a terminal the line is redrawn no more often than this.
const REDRAW: Duration = Duration::from_millis(100);

/// Elsewhere, such as in a log, there is a line this often.
const REPORT: Duration = Duration::from_secs(60);

/// The width where the terminal does not tell.
const USUAL_WIDTH: usize = 80;

/// A bar narrower than this tells nothing.
const NARROWEST_BAR: usize = 10;

/// What the line tells.
#[derive(Clone, Copy, Default)]
pub(crate) struct Figures {
    /// Cards that are done, however they ended.
    pub(crate) done: u64,
    /// How many of these failed.
    pub(crate) failed: u64,
    /// How many there are to do, where that is known.
    pub(crate) total: Option<u64>,
    /// How long the run has taken.
    pub(crate) elapsed: Duration,
}

impl Figures {
    fn per_second(&self) -> f64 {
        let seconds = self.elapsed.as_secs_f64();
        if seconds > 0.0 { self.done as f64 / seconds } else { 0.0 }
    }

    /// How much longer it takes at this rate.
    fn left(&self) -> Option<Duration> {
        let left = self.total?.saturating_sub(self.done) as f64 / self.per_second();
        Duration::try_from_secs_f64(left).ok().filter(|_| self.done > 0)
    }

    /// One line of at most `width` columns: what matters most is kept where not all fits.
    pub(crate) fn line(&self, width: usize) -> String {
        let count = match self.total {
            Some(total) => format!("{}/{total}", self.done),
            None => format!("{} cards", self.done),
        };
        let share =
            self.total.filter(|total| *total > 0).map(|total| self.done.min(total) as f64 / total as f64);
        // In the order in which they stand; the number tells which is given up first, the largest before the others.
        let parts = [
            (1, share.map(|share| format!("{:3.0} %", share * 100.0))),
            (0, Some(count)),
            (2, Some(format!("{:.1}/s", self.per_second()))),
            (3, self.left().map(|left| format!("{} left", spoken(left)))),
            (0, (self.failed > 0).then(|| format!("{} failed", self.failed))),
        ];
        let joined = |most: u32| {
            let kept = parts.iter().filter(|(rank, _)| *rank <= most).filter_map(|(_, part)| part.as_deref());
            kept.collect::<Vec<_>>().join("  ")
        };
        let text = (0..=3).rev().map(joined).find(|text| text.chars().count() <= width);
        let text = text.unwrap_or_else(|| joined(0).chars().take(width).collect());
        let room = width.saturating_sub(text.chars().count() + 4);
        match share {
            Some(share) if room >= NARROWEST_BAR => {
                let room = room.min(40);
                let filled = ((room as f64 * share) as usize).min(room);
                format!("[{}{}]  {text}", "#".repeat(filled), "-".repeat(room - filled))
            }
            _ => text,
        }
    }
}

/// A time as people say it: its two largest units.
pub(crate) fn spoken(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {:02} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} d {:02} h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// Draws the line on standard error: over itself on a terminal, and now and then elsewhere.
pub(crate) struct StatusLine {
    on_terminal: bool,
    shown: Option<Duration>,
}

impl StatusLine {
    pub(crate) fn new() -> Self {
        Self { on_terminal: io::stderr().is_terminal(), shown: None }
    }

    /// Shows the figures, when it is time to.
    pub(crate) fn show(&mut self, figures: &Figures) {
        if !self.is_due(figures.elapsed) {
            return;
        }
        let line = match self.on_terminal {
            // The last column stays free: some terminals wrap when it is written.
            true => format!("\r{}\x1b[K", figures.line(width().saturating_sub(1))),
            false => format!("{}\n", figures.line(USUAL_WIDTH)),
        };
        // When standard error is gone, there is no place to report it.
        let _ = io::stderr().write_all(line.as_bytes());
    }

    fn is_due(&mut self, elapsed: Duration) -> bool {
        let pause = if self.on_terminal { REDRAW } else { REPORT };
        // Elsewhere the first line comes after a pause too: most runs are short.
        let since = self.shown.unwrap_or_default();
        let due = elapsed.saturating_sub(since) >= pause || (self.on_terminal && self.shown.is_none());
        if due {
            self.shown = Some(elapsed);
        }
        due
    }

    /// Takes the line away, so that something else can be written.
    pub(crate) fn clear(&mut self) {
        if self.on_terminal && self.shown.take().is_some() {
            let _ = io::stderr().write_all(b"\r\x1b[K");
        }
    }
}

fn width() -> usize {
    terminal_size::terminal_size_of(io::stderr()).map_or(USUAL_WIDTH, |(width, _)| usize::from(width.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIGURES: Figures =
        Figures { done: 4_500, failed: 12, total: Some(10_000), elapsed: Duration::from_secs(474) };

    #[test]
    fn a_wide_terminal_sees_all() {
        let line = FIGURES.line(100);
        assert_eq!(
            line,
            "[##################----------------------]   45 %  4500/10000  9.5/s  9 min 39 s left  12 failed"
        );
    }

    #[test]
    fn a_narrow_one_sees_what_matters_most() {
        assert_eq!(FIGURES.line(60), " 45 %  4500/10000  9.5/s  9 min 39 s left  12 failed");
        assert_eq!(FIGURES.line(40), " 45 %  4500/10000  9.5/s  12 failed");
        assert_eq!(FIGURES.line(24), "4500/10000  12 failed");
        assert_eq!(FIGURES.line(12), "4500/10000  ");
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for width in 0..300 {
            for total in [None, Some(0), Some(4_500), Some(1_000_000)] {
                let line = Figures { total, ..FIGURES }.line(width);
                assert!(line.chars().count() <= width, "{line:?} in {width}");
            }
        }
    }

    #[test]
    fn without_a_total_there_is_neither_bar_nor_time_left() {
        assert_eq!(Figures { total: None, failed: 0, ..FIGURES }.line(100), "4500 cards  9.5/s");
        assert_eq!(Figures { done: 0, failed: 0, total: Some(10), elapsed: Duration::ZERO }.left(), None);
    }

    #[test]
    fn times_are_spoken() {
        let said = |seconds| spoken(Duration::from_secs(seconds));
        assert_eq!(
            [said(59), said(61), said(3_660), said(90_000)],
            ["59 s", "1 min 01 s", "1 h 01 min", "1 d 01 h"]
        );
    }

    #[test]
    fn a_terminal_is_drawn_ten_times_a_second_and_a_log_once_a_minute() {
        let drawn = |on_terminal, until: u64| {
            let mut line = StatusLine { on_terminal, shown: None };
            (0..until).step_by(10).filter(|at| line.is_due(Duration::from_millis(*at))).count()
        };
        assert_eq!(drawn(true, 1_000), 10);
        assert_eq!(drawn(false, 180_001), 3);
    }
}
