//! `eiot journal failed`: the failed cards or calls, as input for another run.

use super::JournalFile;
use super::card_results::CardResults;
use crate::output::record::safe_json;
use crate::output::{ExitCode, Failure, warn};
use clap::Args;
use clap::builder::PossibleValuesParser;
use eiot::{Eid, ErrorKind};
use std::io::Write;

/// Print the EIDs of the cards that failed, one per line, for eiot refresh --from -.
///
/// Of eiot call --from, the parameters of the calls that failed, for eiot call PATH --from -. Calls whose outcome is unknown are left
/// out.
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
    /// Only calls whose outcome is unknown: the platform may have acted on them
    #[arg(long)]
    unknown: bool,
}

fn kinds() -> PossibleValuesParser {
    ErrorKind::ALL.map(ErrorKind::name).into()
}

impl Failed {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        let cards = CardResults::read(self.journal.open()?)?;
        let (mut malformed, mut unknown) = (0_u64, 0_u64);
        let mut output = std::io::BufWriter::new(std::io::stdout().lock());
        for result in cards.failed() {
            if !self.kind.is_empty() && !self.kind.contains(&result.kind) || self.open && result.r#final {
                continue;
            }
            if result.unknown != self.unknown {
                unknown += u64::from(result.unknown);
                continue;
            }
            if let Some(parameters) = &result.parameters {
                writeln!(output, "{}", safe_json(parameters.get()))?;
                continue;
            }
            match Eid::parse(&result.eid) {
                Ok(eid) => writeln!(output, "{eid}")?,
                Err(_) => malformed += 1,
            }
        }
        output.flush()?;
        if unknown > 0 {
            warn(format_args!(
                "{unknown} calls whose outcome is unknown are not printed; --unknown prints them. Find out from the platform \
                 whether it has acted before you repeat them"
            ));
        }
        if malformed > 0 {
            warn(format_args!("{malformed} malformed EIDs are not printed; they would fail again"));
        }
        cards.warn_if_damaged();
        Ok(ExitCode::Success)
    }
}
