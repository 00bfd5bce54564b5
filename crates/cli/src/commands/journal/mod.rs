//! `eiot journal`: what a journal says, for people and other programs.

mod card_results;
mod check;
mod csv;
mod failed;
mod show;

use crate::batch::journal::JournalReader;
use crate::help;
use crate::output::{ExitCode, Failure};
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Read the journal of a run: its results, its failed cards, its state.
///
/// Needs no account and sends nothing. A journal can be read while a run writes it. Only the last result of each card counts.
#[derive(Args)]
#[command(after_help = help::for_journal())]
pub(crate) struct Journal {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Show(show::Show),
    Failed(failed::Failed),
    Csv(csv::Csv),
    Check(check::Check),
}

/// The journal to read.
#[derive(Args)]
struct JournalFile {
    /// The journal of a run
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl JournalFile {
    fn open(&self) -> Result<JournalReader, Failure> {
        Ok(JournalReader::open(&self.file)?)
    }
}

impl Journal {
    /// Reads the journal.
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        match &self.command {
            Command::Show(show) => show.run(),
            Command::Failed(failed) => failed.run(),
            Command::Csv(csv) => csv.run(),
            Command::Check(check) => check.run(),
        }
    }
}
