//! `eiot refresh --from`: refreshes the cards of a file, many calls in flight at once, with a journal.
//!
//! `run` feeds the batch · `journal` records results on disk · `retry_rules` decides which cards of an earlier run are retried ·
//! `statistics` counts · `progress` shows how far the run is · `dry_run` only says what a run would do · `signals` stops it.

mod card_result;
mod dry_run;
mod journal;
mod progress;
mod retry_rules;
mod run;
mod signals;
mod statistics;

use self::dry_run::DryRun;
use self::journal::{JobKey, Journal};
use self::retry_rules::{RetryRule, RetryRules};
use self::run::Run;
use crate::input::cards::Cards;
use crate::output::verbose_logger::VerboseLogger;
use crate::output::{ExitCode, Failure, OutputOptions};
use clap::Args;
use eiot::{Client, Config, Error};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Where the cards come from, and where their results go.
#[derive(Args)]
pub(crate) struct BatchOptions {
    /// Refresh the cards of FILE, or of standard input (-): CSV, TSV, or one EID per line
    #[arg(long, value_name = "FILE", conflicts_with = "eids")]
    from: Option<PathBuf>,
    /// The column of the table that holds the EIDs [eid]
    #[arg(long, value_name = "NAME", requires = "from")]
    column: Option<String>,
    /// Record progress in FILE and resume a previous run from it
    #[arg(long, value_name = "FILE", requires = "from")]
    journal: Option<PathBuf>,
    /// With --journal, which failed cards to retry besides those whose failure was transient
    #[arg(long, value_name = "RULE", requires = "journal", value_enum, value_delimiter = ',')]
    retry: Vec<RetryRule>,
    /// Write the results to FILE instead of standard output
    #[arg(long, value_name = "FILE", requires = "from")]
    out: Option<PathBuf>,
    /// Maximum number of calls in flight, 1 to 1024 [32]
    #[arg(long, value_name = "COUNT", requires = "from", default_value = "32", hide_default_value = true)]
    concurrency: usize,
    /// Read all cards and print what would be done; send nothing
    #[arg(long, requires = "from")]
    dry_run: bool,
}

impl BatchOptions {
    /// Whether `--from` was given.
    pub(crate) fn is_requested(&self) -> bool {
        self.from.is_some()
    }

    /// Refreshes the cards. Returns the largest of their exit codes.
    pub(crate) fn run(&self, config: Config, output_options: OutputOptions) -> Result<ExitCode, Failure> {
        let Some(from) = &self.from else { return Ok(ExitCode::Success) };
        let eid_rules = config.eid_rules();
        let rate = config.rate_limit.map(|limit| limit * Config::RATE_USED / f64::from(config.rate_share.1));
        let rules = RetryRules::new(&self.retry)?;
        let client = Client::new(config)?;
        let cards = Cards::open(from, self.column.as_deref())?;
        let journal = self.journal.as_ref().map(|path| open_journal(&client, path, from)).transpose()?;
        if self.dry_run {
            let mut output = self.open_output(true)?;
            return DryRun { journal, rules, eid_rules, rate }.run(cards, &mut output);
        }
        let output = self.open_output(journal.as_ref().is_some_and(Journal::is_resumed))?;
        let mut run = Run::new(eid_rules, rules, journal, output, output_options, self.count(from));
        let stop = signals::stop_on_signals()?;
        let logger = VerboseLogger { verbose: output_options.verbose };
        let mut batch = client.batch(self.concurrency, Box::new(logger))?;
        batch.stop_when(stop.clone());
        run.process(cards, &mut batch, &stop);
        run.finish(&stop)
    }

    /// Opens the output. A resumed run appends to the output of the earlier one.
    fn open_output(&self, append: bool) -> Result<Box<dyn Write>, Failure> {
        let Some(path) = &self.out else { return Ok(Box::new(io::stdout())) };
        let mut options = OpenOptions::new();
        options.create(true).write(true).append(append).truncate(!append);
        let file = options
            .open(path)
            .map_err(|why| Error::invalid_argument(format!("{} cannot be written: {why}", path.display())))?;
        Ok(Box::new(file))
    }

    /// The number of cards, if the input is a regular file, which can be read twice.
    fn count(&self, from: &Path) -> Option<u64> {
        if !std::fs::metadata(from).is_ok_and(|metadata| metadata.is_file()) {
            return None;
        }
        let cards = Cards::open(from, self.column.as_deref()).ok()?;
        Some(cards.take_while(Result::is_ok).count() as u64)
    }
}

fn open_journal(client: &Client, path: &Path, from: &Path) -> Result<Journal, Error> {
    // The same file, whatever path leads to it.
    let input = from.canonicalize().unwrap_or_else(|_| from.to_owned());
    Journal::open(path, &JobKey::new(client, input.to_string_lossy()))
}
