//! `--dry-run`: reads all rows and says what a run would do. Sends nothing, and writes no file.

use super::card_result::CardResult;
use super::item::{Item, Items};
use super::journal::{History, PreviousResult};
use super::run::Plan;
use super::statistics::Statistics;
use crate::output::humanize::humanize;
use crate::output::wording::Wording;
use crate::output::{ExitCode, Failure, print_line, warn};
use eiot::Error;
use std::collections::HashSet;
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
    /// How many calls are made per row.
    pub(crate) calls_per_row: u32,
}

impl DryRun {
    /// Reads the rows, reports malformed ones and writes one line of counts.
    pub(crate) fn run(&self, items: Items) -> Result<ExitCode, Failure> {
        let Plan { from, input, limits, .. } = &self.plan;
        let (mut statistics, mut to_call, mut calls) = (Statistics::default(), 0_u64, HashSet::new());
        for item in items {
            let item = item?;
            statistics.read += 1;
            if let Some(previous) = self.previous(&item) {
                statistics.count_previous(previous);
                continue;
            }
            if let Item::Call(call) = &item {
                if !calls.insert(call.row.fingerprint) {
                    statistics.duplicates += 1;
                    continue;
                }
            }
            match self.check(&item) {
                Err(error) => {
                    let malformed = match &item {
                        Item::Card(card) => CardResult::malformed(card.line, &error),
                        Item::Call(call) => CardResult::of_row(&call.row, Err(&error)),
                    };
                    warn(malformed.describe(&error));
                    statistics.count(&malformed);
                }
                Ok(false) => statistics.recent += 1,
                Ok(true) if limits.is_reached(to_call) => statistics.not_reached += 1,
                Ok(true) => to_call += 1,
            }
        }
        input.check_not_empty(from, statistics.read)?;
        let words = self.plan.wording();
        let (rows, done) = (words.rows(), words.done());
        let what = if words == Wording::Cards { "refresh" } else { "make" };
        let mut text = format!("{} {rows}: {to_call} to {what}{}", statistics.read, self.duration(to_call));
        let before = format!("{done} before");
        for (count, what) in [
            (Some(statistics.failed()), "malformed"),
            (Some(statistics.duplicates).filter(|count| *count > 0), "duplicates"),
            (Some(statistics.refreshed_before()), before.as_str()),
            (Some(statistics.failed_before()), "failed before"),
            (Some(statistics.unknown()).filter(|count| *count > 0), "with an unknown outcome"),
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

    /// The result of an earlier run, if it leaves nothing to do.
    fn previous(&self, item: &Item) -> Option<PreviousResult<'_>> {
        let (rules, history) = (self.plan.rules, self.history.as_ref());
        match item {
            Item::Card(card) => rules.done(history, &card.text),
            Item::Call(call) => rules.done_call(history, call.row.fingerprint),
        }
    }

    /// Whether a call would be made, rather than left out.
    fn check(&self, item: &Item) -> Result<bool, Error> {
        match item {
            Item::Card(card) => card.eid(self.plan.eid_rules).map(|eid| !self.plan.limits.is_recent(&eid)),
            Item::Call(call) => call.check_eid(self.plan.eid_rules).map(|()| true),
        }
    }

    /// About how long this many rows take.
    fn duration(&self, rows: u64) -> String {
        let by_concurrency = self.concurrency as f64 / ASSUMED_LATENCY.as_secs_f64();
        let (per_second, why) = match self.rate {
            Some(rate) if rate <= by_concurrency => (rate, ""),
            Some(_) => (by_concurrency, " (with this --concurrency and 0.1 s per call)"),
            None => (by_concurrency, " (without a rate limit, with this --concurrency and 0.1 s per call)"),
        };
        let calls = rows as f64 * f64::from(self.calls_per_row);
        let duration = Duration::try_from_secs_f64(calls / per_second).ok();
        duration.map(|duration| format!(" in about {}{why}", humanize(duration))).unwrap_or_default()
    }
}
