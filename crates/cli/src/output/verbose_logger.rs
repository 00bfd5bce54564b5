//! What the library tells while a run goes on: attempts with `--verbose`, and always when the run holds or stops.

use crate::output::complain;
use eiot::{Attempt, Notice, Observer};
use std::io::{self, IsTerminal, Write};

/// Prints what the library tells.
pub(crate) struct Narrator {
    pub(crate) verbose: bool,
}

impl Narrator {
    fn say(line: impl std::fmt::Display) {
        // A status line may stand there.
        if io::stderr().is_terminal() {
            let _ = io::stderr().write_all(b"\r\x1b[K");
        }
        complain(line);
    }
}

impl Observer for Narrator {
    fn attempt(&mut self, attempt: &Attempt<'_>) {
        if self.verbose {
            Self::say(attempt);
        }
    }

    fn notice(&mut self, notice: &Notice<'_>) {
        Self::say(notice);
    }
}
