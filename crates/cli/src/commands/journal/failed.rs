//! `eiot journal failed`: the failed cards, as input for another run.

use super::JournalFile;
use super::card_results::CardResults;
use crate::output::{ExitCode, Failure, warn};
use clap::Args;
use clap::builder::PossibleValuesParser;
use eiot::{Eid, ErrorKind};
use std::io::Write;

/// Print the EIDs of the cards that failed, one per line, for eiot refresh --from -.
#[derive(Args)]
pub(super) struct Failed {
    #[command(flatten)]
    journal: JournalFile,
    /// Only failures of these kinds
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = kinds(), hide_possible_values = true)]
    kind: Vec<String>,
    /// Only failures that may succeed later
    #[arg(long)]
    open: bool,
}

fn kinds() -> PossibleValuesParser {
    ErrorKind::ALL.map(ErrorKind::name).into()
}

impl Failed {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        let cards = CardResults::read(self.journal.open()?)?;
        let mut malformed = 0_u64;
        let mut output = std::io::BufWriter::new(std::io::stdout().lock());
        for result in cards.failed() {
            if !self.kind.is_empty() && !self.kind.contains(&result.kind) || self.open && result.r#final {
                continue;
            }
            match Eid::parse(&result.eid) {
                Ok(eid) => writeln!(output, "{eid}")?,
                Err(_) => malformed += 1,
            }
        }
        output.flush()?;
        if malformed > 0 {
            warn(format_args!("{malformed} malformed EIDs are not printed; they would fail again"));
        }
        cards.warn_if_damaged();
        Ok(ExitCode::Success)
    }
}
