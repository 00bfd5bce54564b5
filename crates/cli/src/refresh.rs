//! `eiot refresh`: one card after the other, or those of a file.

use crate::help;
use crate::many::{Manner, Many};
use crate::narrator::Narrator;
use crate::options::Options;
use crate::output::{Failure, complain, say};
use crate::record::Record;
use clap::Args;
use eiot::{Client, Eid, Error, Reply, escaped};
use std::ffi::{OsStr, OsString};

/// Refresh the package usage of cards, given as arguments or with --from as a file.
///
/// Arguments are refreshed one after the other, and all are validated before anything is sent: if one is malformed, none
/// is refreshed. Files are read as needed, with many calls in flight; Ctrl-C completes those, and with --journal the same
/// command resumes the run.
#[derive(Args)]
#[command(after_help = help::EXAMPLE, after_long_help = help::for_refresh())]
pub(crate) struct Refresh {
    /// The EIDs of the cards: 1 to 32 digits each
    #[arg(value_name = "EID", required_unless_present = "from")]
    eids: Vec<OsString>,
    /// Print one JSON object per line for every EID, including failures
    #[arg(long)]
    json: bool,
    /// Print nothing for refreshed EIDs
    #[arg(short, long)]
    quiet: bool,
    /// Print one line per attempt on standard error
    #[arg(short, long)]
    verbose: bool,
    #[command(flatten)]
    many: Many,
    #[command(flatten)]
    options: Options,
}

/// Why nothing was sent.
enum Refusal {
    /// For a reason that all EIDs share.
    Whole(Error),
    /// Some EIDs are malformed; one result for each that was given.
    Malformed(Vec<Result<Eid, Error>>),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Whole(error)
    }
}

impl Refresh {
    /// Refreshes each EID in turn; the exit code is the largest of theirs.
    pub(crate) fn run(&self) -> Result<u8, Failure> {
        if self.many.is_wanted() {
            let Self { json, quiet, verbose, .. } = *self;
            return self.many.run(self.options.config()?, Manner { json, quiet, verbose });
        }
        let (client, eids) = match self.prepare() {
            Ok(ready) => ready,
            Err(refusal) => return self.tell_refusal(refusal),
        };
        let mut exit_code = 0;
        for eid in &eids {
            let told =
                match client.refresh_usage_observed(eid.as_str(), &mut Narrator { verbose: self.verbose }) {
                    Ok(reply) => self.tell_success(&reply),
                    Err(error) => self.tell_failure(eid.as_str(), &error),
                };
            exit_code = exit_code.max(told.map_err(|failure| failure.hiding(eid.as_str()))?);
        }
        Ok(exit_code)
    }

    /// All that can go wrong before something is sent.
    fn prepare(&self) -> Result<(Client, Vec<Eid>), Refusal> {
        let config = self.options.config()?;
        let parse = |eid: &OsString| {
            let eid = eid.as_encoded_bytes();
            if config.strict_eid { Eid::parse_strict(eid) } else { Eid::parse(eid) }
        };
        let parsed: Vec<_> = self.eids.iter().map(parse).collect();
        if parsed.iter().any(Result::is_err) {
            return Err(Refusal::Malformed(parsed));
        }
        Ok((Client::new(config)?, parsed.into_iter().flatten().collect()))
    }

    fn tell_refusal(&self, refusal: Refusal) -> Result<u8, Failure> {
        match refusal {
            Refusal::Whole(error) if !self.json => Err(error.into()),
            Refusal::Whole(error) => {
                self.eids.iter().try_fold(0, |_, eid| self.tell_failure(&shown(eid), &error))
            }
            Refusal::Malformed(parsed) => self.tell_malformed(&parsed),
        }
    }

    /// Says which EIDs are malformed; `--json` has a line for the others too, which were not sent.
    fn tell_malformed(&self, parsed: &[Result<Eid, Error>]) -> Result<u8, Failure> {
        let not_sent = Error::invalid_argument("nothing was sent, because another EID is malformed");
        let mut exit_code = 0;
        for (given, parsed) in self.eids.iter().zip(parsed) {
            match parsed {
                Err(error) => exit_code = exit_code.max(self.tell_failure(&shown(given), error)?),
                Ok(eid) if self.json => {
                    exit_code = exit_code.max(self.tell_failure(eid.as_str(), &not_sent)?)
                }
                Ok(_) => {}
            }
        }
        if !self.json && parsed.len() > 1 {
            complain("nothing was sent");
        }
        Ok(exit_code)
    }

    fn tell_success(&self, reply: &Reply) -> Result<u8, Failure> {
        match (self.quiet, self.json) {
            (true, _) => {}
            (false, true) => say(&Record::of_reply(reply)?.to_line()?)?,
            (false, false) => say(&format!("{}\tok\t{}", reply.eid(), escaped(reply.message())))?,
        }
        Ok(0)
    }

    fn tell_failure(&self, eid: &str, error: &Error) -> Result<u8, Failure> {
        match self.json {
            true => say(&Record::of_error(eid, error).to_line()?)?,
            false => complain(error),
        }
        Ok(error.kind().exit_code())
    }
}

/// An EID as it was given.
fn shown(eid: &OsStr) -> String {
    eid.to_string_lossy().into_owned()
}
