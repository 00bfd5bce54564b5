//! `eiot refresh`: the cards given as arguments one after the other, or the cards of a file.

use crate::batch::{CardOptions, RunOptions, Work};
use crate::help;
use crate::input::cards::parse_eid;
use crate::options::Options;
use crate::output::record::Record;
use crate::output::verbose_logger::VerboseLogger;
use crate::output::{ExitCode, Failure, OutputOptions, print_line, warn};
use clap::{Args, ValueHint};
use eiot::{Client, Eid, Error, Reply};
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// Refresh the package usage of cards.
///
/// The cards are given as arguments, or with --from in a file.
///
/// EIDs given as arguments are checked before anything is sent and then refreshed one after the other; if one is malformed,
/// nothing is sent. The cards of a file are read as they are needed, with many calls in flight at once. Ctrl-C finishes the
/// calls in flight; with --journal, the same command resumes the run.
#[derive(Args)]
#[command(after_help = help::EXAMPLE, after_long_help = help::for_refresh())]
pub(crate) struct Refresh {
    /// The EIDs of the cards: 1 to 32 digits each
    #[arg(value_name = "EID", required_unless_present = "from", value_hint = ValueHint::Other)]
    eids: Vec<OsString>,
    /// Print one JSON object per line for every EID, including failures
    #[arg(long)]
    json: bool,
    /// Print failures only: nothing for EIDs that were refreshed, no progress and no counts
    #[arg(short, long)]
    quiet: bool,
    /// Show no progress on standard error
    #[arg(long, requires = "from")]
    no_progress: bool,
    /// Print a line per attempt on standard error, with the time
    #[arg(short, long)]
    verbose: bool,
    /// Refresh the cards of FILE, or of standard input (-): CSV, TSV, JSON Lines, .xlsx, or one EID per line; also in gzip
    #[arg(long, value_name = "FILE", conflicts_with = "eids")]
    from: Option<PathBuf>,
    /// The column that holds the EIDs, by name, or by position (1, 2, ...) in a table without a header [eid]
    #[arg(long, value_name = "COLUMN", requires = "from")]
    column: Option<String>,
    #[command(flatten)]
    run: RunOptions,
    #[command(flatten)]
    cards: CardOptions,
    #[command(flatten)]
    options: Options,
}

/// Why nothing was sent.
enum Refusal {
    /// For a reason that concerns all EIDs.
    Whole(Error),
    /// Some EIDs are malformed. One result per argument.
    Malformed(Vec<Result<Eid, Error>>),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Whole(error)
    }
}

impl Refresh {
    /// Refreshes the cards. Returns the largest of their exit codes.
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        if let Some(from) = &self.from {
            let Self { json, quiet, verbose, no_progress, .. } = *self;
            let output = OutputOptions { json, quiet, verbose, progress: !no_progress };
            let work = Work::Refresh { column: self.column.clone() };
            return self.run.run(from, work, Some(&self.cards), self.options.config(), output);
        }
        self.run.check_without_from()?;
        let (client, eids) = match self.prepare() {
            Ok(ready) => ready,
            Err(refusal) => return self.report_refusal(refusal),
        };
        let mut logger = VerboseLogger { verbose: self.verbose, quiet: self.quiet };
        let mut exit_code = ExitCode::Success;
        for eid in &eids {
            let reported = match client.refresh_usage_observed(eid.as_str(), &mut logger) {
                Ok(reply) => self.report_success(&reply),
                Err(error) => self.report_failure(eid.as_str(), &error),
            };
            exit_code = exit_code.max(reported.map_err(|failure| failure.with_unreported_eid(eid.as_str()))?);
        }
        Ok(exit_code)
    }

    /// Everything that can fail before something is sent.
    fn prepare(&self) -> Result<(Client, Vec<Eid>), Refusal> {
        let config = self.options.config()?;
        let parse = |eid: &OsString| parse_eid(eid.as_encoded_bytes(), config.eid_rules());
        let parsed: Vec<_> = self.eids.iter().map(parse).collect();
        if parsed.iter().any(Result::is_err) {
            return Err(Refusal::Malformed(parsed));
        }
        Ok((Client::new(config)?, parsed.into_iter().flatten().collect()))
    }

    fn report_refusal(&self, refusal: Refusal) -> Result<ExitCode, Failure> {
        match refusal {
            Refusal::Whole(error) if !self.json => Err(error.into()),
            Refusal::Whole(error) => self
                .eids
                .iter()
                .try_fold(ExitCode::Success, |_, eid| self.report_failure(&verbatim(eid), &error)),
            Refusal::Malformed(parsed) => self.report_malformed(&parsed),
        }
    }

    /// Reports the malformed EIDs. With `--json`, there is an object for the others too, which were not sent.
    fn report_malformed(&self, parsed: &[Result<Eid, Error>]) -> Result<ExitCode, Failure> {
        let not_sent = Error::invalid_argument("nothing was sent, because another EID is malformed");
        let mut exit_code = ExitCode::Success;
        for (argument, parsed) in self.eids.iter().zip(parsed) {
            let code = match parsed {
                Err(error) => self.report_failure(&verbatim(argument), error)?,
                Ok(eid) if self.json => self.report_failure(eid.as_str(), &not_sent)?,
                Ok(_) => continue,
            };
            exit_code = exit_code.max(code);
        }
        if !self.json && parsed.len() > 1 {
            warn("nothing was sent");
        }
        Ok(exit_code)
    }

    fn report_success(&self, reply: &Reply) -> Result<ExitCode, Failure> {
        match (self.quiet, self.json) {
            (true, _) => {}
            (false, true) => print_line(&Record::of_reply(reply)?.to_line()?)?,
            (false, false) => print_line(&Record::of_reply(reply)?.to_text())?,
        }
        Ok(ExitCode::Success)
    }

    fn report_failure(&self, eid: &str, error: &Error) -> Result<ExitCode, Failure> {
        match self.json {
            true => print_line(&Record::of_error(eid, error).to_line()?)?,
            false => warn(error),
        }
        Ok(ExitCode::of(error.kind()))
    }
}

/// An argument as it was given.
fn verbatim(argument: &OsStr) -> String {
    argument.to_string_lossy().into_owned()
}
