//! Counts the results of a run.

use super::card_result::CardResult;
use super::journal::PreviousResult;
use crate::output::ExitCode;
use crate::output::humanize::humanize;
use crate::output::summary::CardCounts;
use crate::output::wording::Wording;
use eiot::{ErrorKind, Outcome, escaped};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

/// The counts of a run; they add up to the cards that were read.
#[derive(Default)]
pub(crate) struct Statistics {
    /// Cards that were read.
    pub(crate) read: u64,
    /// Cards that the batch skipped as duplicates.
    pub(crate) duplicates: u64,
    /// Cards that were read but not sent, because the run stopped.
    pub(crate) unsent: u64,
    /// Cards that were left out, because they were refreshed not long ago.
    pub(crate) recent: u64,
    /// Cards that were not read, because the run stopped.
    pub(crate) not_reached: u64,
    /// Cards that were refreshed and could not be read afterwards.
    pub(crate) unread: u64,
    /// Results that could not be recorded in the journal.
    pub(crate) unrecorded: u64,
    /// Failed calls, of this run or before, that the platform may have acted on and that are not repeated for that reason.
    unknown: u64,
    /// The exit code of the cards that the batch itself did not send.
    unsent_code: Option<ExitCode>,
    refreshed: u64,
    /// Failures that are not final.
    open: u64,
    failures: BTreeMap<ErrorKind, Failures>,
    /// Cards that an earlier run with this journal refreshed.
    refreshed_before: u64,
    /// Cards that failed in an earlier run and are not retried.
    failures_before: BTreeMap<ErrorKind, Failures>,
}

/// Failures of one kind: their count, and the first one as an example.
struct Failures {
    count: u64,
    example: String,
}

impl Statistics {
    /// Counts a card of this run.
    pub(crate) fn count(&mut self, card: &CardResult<'_>) {
        match card.result {
            Ok(_) => self.refreshed += 1,
            Err(error) => {
                let is_unknown = card.is_unknown();
                self.unknown += u64::from(is_unknown);
                self.open += u64::from(!error.is_final() && !is_unknown);
                add(&mut self.failures, error.kind(), || card.describe(error));
            }
        }
    }

    /// Counts a card that was not sent. If this is not the run's own decision, the card's error determines the exit code.
    pub(crate) fn count_unsent(&mut self, outcome: &Outcome, is_own_decision: bool) {
        self.unsent += 1;
        if let (Err(error), false) = (&outcome.result, is_own_decision) {
            self.unsent_code = self.unsent_code.max(Some(ExitCode::of(error.kind())));
        }
    }

    /// Counts a card that was done in an earlier run.
    pub(crate) fn count_previous(&mut self, previous: PreviousResult<'_>) {
        match previous {
            PreviousResult::Refreshed => self.refreshed_before += 1,
            PreviousResult::Failed(failure) => {
                self.unknown += u64::from(failure.is_unknown);
                self.open += u64::from(!failure.is_final && !failure.is_unknown);
                add(&mut self.failures_before, failure.kind, || failure.message.clone());
            }
            // Only in a dry run: a run gives it a result.
            PreviousResult::Lost => self.count_lost(),
        }
    }

    /// Counts a call that an earlier run was making when it ended.
    fn count_lost(&mut self) {
        self.unknown += 1;
        add(&mut self.failures_before, ErrorKind::ConnectionLost, || {
            "an earlier run ended during the call".to_owned()
        });
    }

    /// Failed calls, of this run or before, whose outcome is unknown.
    pub(crate) fn unknown(&self) -> u64 {
        self.unknown
    }

    pub(crate) fn failed(&self) -> u64 {
        sum(&self.failures)
    }

    pub(crate) fn refreshed_before(&self) -> u64 {
        self.refreshed_before
    }

    pub(crate) fn failed_before(&self) -> u64 {
        sum(&self.failures_before)
    }

    /// Cards that failed in an earlier run and are not retried, by kind.
    pub(crate) fn failures_before(&self) -> impl Iterator<Item = (ErrorKind, u64)> {
        self.failures_before.iter().map(|(kind, failures)| (*kind, failures.count))
    }

    /// The counts, for the summary. `total` is the number of cards of the input, if known.
    pub(crate) fn counts(&self, total: Option<u64>) -> CardCounts {
        CardCounts {
            total,
            read: self.read,
            refreshed: self.refreshed,
            failed: self.failed(),
            duplicates: self.duplicates,
            refreshed_before: self.refreshed_before,
            failed_before: self.failed_before(),
            refreshed_recently: self.recent,
            not_sent: self.unsent,
            not_reached: self.not_reached,
            open: self.open,
            unknown: self.unknown,
        }
    }

    /// Cards that were done in an earlier run.
    pub(crate) fn done_before(&self) -> u64 {
        self.refreshed_before + self.failed_before()
    }

    /// Cards that failed, in this run or an earlier one, and may succeed later.
    pub(crate) fn open(&self) -> u64 {
        self.open
    }

    /// Cards that need nothing more in this run.
    pub(crate) fn accounted(&self) -> u64 {
        self.tried() + self.done_before() + self.duplicates + self.recent + self.unsent
    }

    /// Cards with a result in this run.
    pub(crate) fn tried(&self) -> u64 {
        self.refreshed + self.failed()
    }

    /// The largest exit code of all failures, including those of an earlier run; success if every card is refreshed.
    pub(crate) fn exit_code(&self) -> ExitCode {
        let kinds = self.failures.keys().chain(self.failures_before.keys());
        kinds.map(|kind| ExitCode::of(*kind)).chain(self.unsent_code).max().unwrap_or(ExitCode::Success)
    }

    /// The summary lines: the counts, then the failures by kind, the most frequent first.
    pub(crate) fn summary(&self, duration: Duration, words: Wording) -> Vec<String> {
        let (rows, done) = (words.rows(), words.done());
        let before = format!("{done} before");
        let mut text = format!(
            "{} {rows}: {} {done}, {} failed",
            self.read + self.not_reached,
            self.refreshed,
            self.failed()
        );
        for (count, what) in [
            (self.duplicates, "duplicates"),
            (self.refreshed_before, before.as_str()),
            (self.failed_before(), "failed before"),
            (self.recent, "refreshed not long ago"),
            (self.unsent, "not sent"),
            (self.not_reached, "not reached"),
        ] {
            if count > 0 {
                let _ = write!(text, ", {count} {what}");
            }
        }
        if self.unknown > 0 {
            let _ = write!(text, "; the outcome of {} is unknown", self.unknown);
        }
        if self.unread > 0 {
            let _ = write!(text, "; {} refreshed cards could not be read", self.unread);
        }
        let per_second = self.tried() as f64 / duration.as_secs_f64().max(0.001);
        let _ = write!(text, "; {}, {per_second:.1}/s", humanize(duration));
        let by_kind = by_kind(&self.failures, "").chain(by_kind(&self.failures_before, " before"));
        std::iter::once(text).chain(by_kind).collect()
    }
}

fn add(failures: &mut BTreeMap<ErrorKind, Failures>, kind: ErrorKind, example: impl FnOnce() -> String) {
    failures.entry(kind).or_insert_with(|| Failures { count: 0, example: example() }).count += 1;
}

fn sum(failures: &BTreeMap<ErrorKind, Failures>) -> u64 {
    failures.values().map(|failures| failures.count).sum()
}

fn by_kind<'a>(
    failures: &'a BTreeMap<ErrorKind, Failures>,
    when: &'a str,
) -> impl Iterator<Item = String> + use<'a> {
    let mut kinds: Vec<_> = failures.iter().collect();
    kinds.sort_by_key(|(_, failures)| std::cmp::Reverse(failures.count));
    kinds.into_iter().map(move |(kind, Failures { count, example })| {
        format!("{count:>9} {}{when}, for example {}", kind.name(), escaped(example))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use eiot::Error;

    #[test]
    fn summary_groups_failures_by_kind_the_most_frequent_first() {
        let mut statistics = Statistics { read: 4, ..Statistics::default() };
        statistics.count_previous(PreviousResult::Refreshed);
        for error in [Error::invalid_argument("a"), Error::config("b", "c"), Error::config("d", "e")] {
            statistics.count(&CardResult::of_card("1", Err(&error)));
        }
        let lines = statistics.summary(Duration::from_secs(2), Wording::Cards);
        assert_eq!(lines[0], "4 cards: 0 refreshed, 3 failed, 1 refreshed before; 2 s, 1.5/s");
        assert_eq!(lines[1], "        2 config, for example b: c");
        assert_eq!(lines[2], "        1 invalid_argument, for example a");
        assert_eq!(statistics.exit_code(), ExitCode::Usage);
    }
}
