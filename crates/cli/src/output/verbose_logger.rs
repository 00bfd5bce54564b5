//! Prints the library's events on standard error: attempts with `--verbose`, and always when a run is held or stopped.

use super::streams::warn;
use eiot::{Attempt, Notice, Observer};
use std::io::{self, IsTerminal, Write};

/// An observer that prints.
pub(crate) struct VerboseLogger {
    /// Print attempts too.
    pub(crate) verbose: bool,
}

impl VerboseLogger {
    fn log(line: impl std::fmt::Display) {
        // Overwrites the progress line.
        if io::stderr().is_terminal() {
            let _ = io::stderr().write_all(b"\r\x1b[K");
        }
        warn(line);
    }
}

impl Observer for VerboseLogger {
    fn attempt(&mut self, attempt: &Attempt<'_>) {
        if self.verbose {
            Self::log(attempt);
        }
    }

    fn notice(&mut self, notice: &Notice<'_>) {
        Self::log(notice);
    }
}
