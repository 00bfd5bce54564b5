//! What became of the cards of a run, counted.

use crate::batch::progress::humanize;
use eiot::{Error, ErrorKind, Outcome, Past, escaped};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

/// The counts of a run; they add up to the cards that were read.
#[derive(Default)]
pub(crate) struct Statistics {
    /// Cards that were read.
    pub(crate) given: u64,
    /// Cards that came again soon after.
    pub(crate) duplicates: u64,
    /// Cards that were read and not sent, because the run was stopped.
    pub(crate) unsent: u64,
    refreshed: u64,
    /// Failures that may pass.
    open: u64,
    failures: BTreeMap<ErrorKind, Failures>,
    /// Cards that an earlier run with this journal has refreshed.
    refreshed_before: u64,
    /// Cards that failed in an earlier run, and are not tried again.
    failures_before: BTreeMap<ErrorKind, Failures>,
}

/// Failures of one kind: how many, and the first of them as an example.
struct Failures {
    count: u64,
    example: String,
}

impl Statistics {
    pub(crate) fn count(&mut self, outcome: &Outcome) {
        match &outcome.result {
            Ok(_) => self.refreshed += 1,
            Err(error) => self.fail(error),
        }
    }

    pub(crate) fn fail(&mut self, error: &Error) {
        self.open += u64::from(!error.is_final());
        add(&mut self.failures, error.kind(), || error.to_string());
    }

    /// A card that an earlier run is done with.
    pub(crate) fn count_past(&mut self, past: Past<'_>) {
        match past {
            Past::Refreshed => self.refreshed_before += 1,
            Past::Failed(failure) => {
                self.open += u64::from(!failure.is_final);
                add(&mut self.failures_before, failure.kind, || failure.message.clone());
            }
        }
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

    /// Cards that an earlier run is done with.
    pub(crate) fn done_before(&self) -> u64 {
        self.refreshed_before + self.failed_before()
    }

    /// Cards that failed, in this run or before, and may succeed later.
    pub(crate) fn open(&self) -> u64 {
        self.open
    }

    /// Cards that came to an end in this run.
    pub(crate) fn tried(&self) -> u64 {
        self.refreshed + self.failed()
    }

    /// The largest of the failures' exit codes, those of an earlier run included; 0 where every card is refreshed.
    pub(crate) fn exit_code(&self) -> u8 {
        let kinds = self.failures.keys().chain(self.failures_before.keys());
        kinds.map(|kind| kind.exit_code()).max().unwrap_or(0)
    }

    /// The end of a run in words: the counts, and the failures by kind, the most frequent first.
    pub(crate) fn summary(&self, took: Duration) -> Vec<String> {
        let mut text =
            format!("{} cards: {} refreshed, {} failed", self.given, self.refreshed, self.failed());
        for (count, what) in [
            (self.duplicates, "came twice"),
            (self.refreshed_before, "refreshed before"),
            (self.failed_before(), "failed before"),
            (self.unsent, "not sent"),
        ] {
            if count > 0 {
                let _ = write!(text, ", {count} {what}");
            }
        }
        let per_second = self.tried() as f64 / took.as_secs_f64().max(0.001);
        let _ = write!(text, "; {}, {per_second:.1}/s", humanize(took));
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
        format!("{count:>9} {}{when}, such as {}", kind.name(), escaped(example))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_grouped_by_kind_the_most_frequent_first() {
        let mut statistics = Statistics { given: 4, ..Statistics::default() };
        statistics.count_past(Past::Refreshed);
        statistics.fail(&Error::invalid_argument("a"));
        statistics.fail(&Error::config("b", "c"));
        statistics.fail(&Error::config("d", "e"));
        let lines = statistics.summary(Duration::from_secs(2));
        assert_eq!(lines[0], "4 cards: 0 refreshed, 3 failed, 1 refreshed before; 2 s, 1.5/s");
        assert_eq!(lines[1], "        2 config, such as b: c");
        assert_eq!(lines[2], "        1 invalid_argument, such as a");
        assert_eq!(statistics.exit_code(), 2);
    }
}
