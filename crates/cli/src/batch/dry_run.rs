//! `--dry-run`: reads all cards and says what a run would do. Sends nothing.

use super::card_result::CardResult;
use super::journal::Journal;
use super::retry_rules::RetryRules;
use super::statistics::Statistics;
use crate::input::cards::{Cards, parse_eid};
use crate::output::humanize::humanize;
use crate::output::{ExitCode, Failure, warn};
use eiot::EidRules;
use std::io::Write;
use std::time::Duration;

/// The starting point of a run.
pub(crate) struct DryRun {
    pub(crate) journal: Option<Journal>,
    pub(crate) rules: RetryRules,
    pub(crate) eid_rules: EidRules,
    /// The rate limit of the run in calls per second; `None` without a limit.
    pub(crate) rate: Option<f64>,
}

impl DryRun {
    /// Reads the cards, reports malformed ones and writes one line of counts.
    pub(crate) fn run(&self, cards: Cards, output: &mut dyn Write) -> Result<ExitCode, Failure> {
        let (mut statistics, mut to_refresh) = (Statistics::default(), 0_u64);
        for card in cards {
            let card = card?;
            statistics.read += 1;
            if let Some(previous) = self.rules.done(self.journal.as_ref(), &card.text) {
                statistics.count_previous(previous);
                continue;
            }
            match parse_eid(&card.text, self.eid_rules) {
                Err(error) => {
                    let malformed = CardResult::malformed(card.line, &error);
                    warn(malformed.describe(&error));
                    statistics.count(&malformed);
                }
                Ok(_) => to_refresh += 1,
            }
        }
        let duration = self.rate.and_then(|rate| Duration::try_from_secs_f64(to_refresh as f64 / rate).ok());
        let duration =
            duration.map(|duration| format!(" in about {}", humanize(duration))).unwrap_or_default();
        writeln!(
            output,
            "{} cards: {to_refresh} to refresh{duration}, {} malformed, {} refreshed before, {} failed before; nothing was \
             sent",
            statistics.read,
            statistics.failed(),
            statistics.refreshed_before(),
            statistics.failed_before()
        )?;
        Ok(statistics.exit_code())
    }
}
