//! `eiot journal check`: whether a journal is whole.

use super::JournalFile;
use crate::batch::journal::JournalLine;
use crate::output::{ExitCode, Failure, print_line, warn};
use clap::Args;
use eiot::Error;
use serde::Serialize;

/// How many damaged lines are printed.
const MAX_REPORTED: u64 = 100;

/// Check that every line of a journal is whole, and name those that are not.
#[derive(Args)]
pub(super) struct Check {
    #[command(flatten)]
    journal: JournalFile,
    /// Print the counts as one JSON object
    #[arg(long)]
    json: bool,
}

/// The counts. Names and their meaning never change; new ones may be added.
#[derive(Serialize, Default)]
struct Counts {
    ok: bool,
    lines: u64,
    results: u64,
    damaged: u64,
    /// The last line has no end.
    torn: bool,
}

impl Check {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        let mut counts = Counts { lines: 1, ..Counts::default() };
        for line in self.journal.open()? {
            let (number, line) = line?;
            counts.lines = number;
            match line {
                JournalLine::Result(_) => counts.results += 1,
                JournalLine::Sending(_)
                | JournalLine::Unsent(_)
                | JournalLine::Finished(_)
                | JournalLine::Other => {}
                JournalLine::Torn => {
                    counts.torn = true;
                    warn(format_args!(
                        "line {number}: has no end; it is being written, or a run was killed. The next run removes it"
                    ));
                }
                JournalLine::Damaged(why) => {
                    counts.damaged += 1;
                    if counts.damaged <= MAX_REPORTED {
                        warn(format_args!("line {number}: {why}"));
                    }
                }
            }
        }
        if let Some(more @ 1..) = counts.damaged.checked_sub(MAX_REPORTED) {
            warn(format_args!("and {more} more damaged lines"));
        }
        counts.ok = counts.damaged == 0 && !counts.torn;
        let Counts { lines, results, damaged, torn, .. } = counts;
        print_line(&match self.json {
            true => serde_json::to_string(&counts).map_err(Error::internal)?,
            false => format!("{lines} lines: {results} results, {damaged} damaged, {} torn", u8::from(torn)),
        })?;
        Ok(if counts.ok { ExitCode::Success } else { ExitCode::Usage })
    }
}
