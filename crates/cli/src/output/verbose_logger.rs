//! What the library tells while a run goes on: attempts with `--verbose`, and always when the run holds or stops.

use crate::output::warn;
use eiot::{Attempt, Notice, Observer};
use std::io::{self, IsTerminal, Write};

/// Prints what the library tells.
pub(crate) struct VerboseLogger {
    pub(crate) verbose: bool,
}

impl VerboseLogger {
    fn print_line(line: impl std::fmt::Display) {
        // A status line may stand there.
        if io::stderr().is_terminal() {
            let _ = io::stderr().write_all(b"\r\x1b[K");
        }
        warn(line);
    }
}

impl Observer for VerboseLogger {
    fn attempt(&mut self, attempt: &Attempt<'_>) {
        if self.verbose {
            Self::print_line(attempt);
        }
    }

    fn notice(&mut self, notice: &Notice<'_>) {
        Self::print_line(notice);
    }
}
