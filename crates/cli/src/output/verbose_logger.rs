//! Prints the library's events on standard error: attempts with `--verbose`, and notices, for example when a run is held or
//! stopped.

use super::streams::warn;
use crate::system::{has_terminal, stderr, wall_clock};
use eiot::{Attempt, Notice, Observer};
use std::io::Write;

/// An observer that prints.
pub(crate) struct VerboseLogger {
    /// Print attempts too, and begin each line with the time.
    pub(crate) verbose: bool,
    /// Print no notices about waits, which may end well.
    pub(crate) quiet: bool,
}

impl VerboseLogger {
    fn log(&self, line: impl std::fmt::Display) {
        // Overwrites the progress line.
        if has_terminal() {
            let _ = stderr().write_all(b"\r\x1b[K");
        }
        match self.verbose {
            true => warn(format_args!("{} {line}", humantime::format_rfc3339_millis(wall_clock()))),
            false => warn(line),
        }
    }
}

/// Whether this is about a wait, after which the run goes on.
fn is_wait(notice: &Notice<'_>) -> bool {
    use Notice::{Holding, Locked, Resumed, Waiting};
    matches!(notice, Holding { .. } | Resumed { .. } | Waiting { .. } | Locked { .. })
}

impl Observer for VerboseLogger {
    fn attempt(&mut self, attempt: &Attempt<'_>) {
        if self.verbose {
            self.log(attempt);
        }
    }

    fn notice(&mut self, notice: &Notice<'_>) {
        if !self.quiet || self.verbose || !is_wait(notice) {
            self.log(notice);
        }
    }
}
