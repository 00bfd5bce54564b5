//! `--verbose`: a line for each attempt.

use crate::output::complain;
use eiot::{Attempt, Observer};

/// Prints what the library tells of each attempt.
pub(crate) struct Narrator {
    pub(crate) verbose: bool,
}

impl Observer for Narrator {
    fn attempt(&mut self, attempt: &Attempt<'_>) {
        if self.verbose {
            complain(attempt);
        }
    }
}
