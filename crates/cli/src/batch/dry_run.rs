//! `--dry-run`: reads all cards and says what a run would do. Sends nothing, and writes no file.

use super::card_result::CardResult;
use super::journal::History;
use super::run::Plan;
use super::statistics::Statistics;
use crate::input::cards::Cards;
use crate::output::humanize::humanize;
use crate::output::{ExitCode, Failure, print_line, warn};
use std::time::Duration;

/// How long a call takes, for the estimate.
const ASSUMED_LATENCY: Duration = Duration::from_millis(100);

/// The starting point of a run.
pub(crate) struct DryRun {
    pub(crate) plan: Plan,
    pub(crate) history: Option<History>,
    /// The rate limit of the run in calls per second; `None` without a limit.
    pub(crate) rate: Option<f64>,
    /// How many calls are in flight at most.
    pub(crate) concurrency: usize,
    /// How many calls are made per card.
    pub(crate) calls_per_card: u32,
}

impl DryRun {
    /// Reads the cards, reports malformed ones and writes one line of counts.
    pub(crate) fn run(&self, cards: Cards) -> Result<ExitCode, Failure> {
        let Plan { from, input, eid_rules, rules, limits, .. } = &self.plan;
        let (mut statistics, mut to_refresh) = (Statistics::default(), 0_u64);
        for card in cards {
            let card = card?;
            statistics.read += 1;
            if let Some(previous) = rules.done(self.history.as_ref(), &card.text) {
                statistics.count_previous(previous);
                continue;
            }
            match card.eid(*eid_rules) {
                Err(error) => {
                    let malformed = CardResult::malformed(card.line, &error);
                    warn(malformed.describe(&error));
                    statistics.count(&malformed);
                }
                Ok(eid) if limits.is_recent(&eid) => statistics.recent += 1,
                Ok(_) if limits.is_reached(to_refresh) => statistics.not_reached += 1,
                Ok(_) => to_refresh += 1,
            }
        }
        input.check_not_empty(from, statistics.read)?;
        let mut text =
            format!("{} cards: {to_refresh} to refresh{}", statistics.read, self.duration(to_refresh));
        for (count, what) in [
            (Some(statistics.failed()), "malformed"),
            (Some(statistics.refreshed_before()), "refreshed before"),
            (Some(statistics.failed_before()), "failed before"),
            (Some(statistics.recent).filter(|count| *count > 0), "refreshed not long ago"),
            (Some(statistics.not_reached).filter(|count| *count > 0), "beyond the limit"),
        ] {
            text.extend(count.map(|count| format!(", {count} {what}")));
        }
        if let Some(until) = limits.until {
            text.push_str(&format!(", none from {} on", humantime::format_rfc3339_seconds(until)));
        }
        print_line(&format!("{text}; nothing was sent"))?;
        Ok(statistics.exit_code())
    }

    /// About how long this many cards take.
    fn duration(&self, cards: u64) -> String {
        let by_concurrency = self.concurrency as f64 / ASSUMED_LATENCY.as_secs_f64();
        let (per_second, why) = match self.rate {
            Some(rate) if rate <= by_concurrency => (rate, ""),
            Some(_) => (by_concurrency, " (with this --concurrency and 0.1 s per call)"),
            None => (by_concurrency, " (without a rate limit, with this --concurrency and 0.1 s per call)"),
        };
        let calls = cards as f64 * f64::from(self.calls_per_card);
        let duration = Duration::try_from_secs_f64(calls / per_second).ok();
        duration.map(|duration| format!(" in about {}{why}", humanize(duration))).unwrap_or_default()
    }
}
