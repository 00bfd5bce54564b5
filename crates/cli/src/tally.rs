//! What became of the cards of a run, counted.

use crate::output::plain;
use crate::status_line::spoken;
use eiot::{Error, ErrorKind, Outcome};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

/// The counts of a run; they add up to the cards that were read.
#[derive(Default)]
pub(crate) struct Tally {
    /// Cards that were read.
    pub(crate) given: u64,
    /// Cards that came again soon after.
    pub(crate) duplicates: u64,
    /// Cards that an earlier run with this journal has settled.
    pub(crate) skipped: u64,
    /// Cards that were read and not sent, because the run was stopped.
    pub(crate) unsent: u64,
    refreshed: u64,
    failures: BTreeMap<ErrorKind, Failures>,
}

/// Failures of one kind: how many, and the first of them as an example.
struct Failures {
    count: u64,
    example: String,
}

impl Tally {
    pub(crate) fn count(&mut self, outcome: &Outcome) {
        match &outcome.result {
            Ok(_) => self.refreshed += 1,
            Err(error) => self.fail(error),
        }
    }

    pub(crate) fn fail(&mut self, error: &Error) {
        let failures = self.failures.entry(error.kind());
        failures.or_insert_with(|| Failures { count: 0, example: error.to_string() }).count += 1;
    }

    pub(crate) fn failed(&self) -> u64 {
        self.failures.values().map(|failures| failures.count).sum()
    }

    /// Cards that came to an end in this run.
    pub(crate) fn tried(&self) -> u64 {
        self.refreshed + self.failed()
    }

    /// The largest of the failures' exit codes; 0 where there is none.
    pub(crate) fn exit_code(&self) -> u8 {
        self.failures.keys().map(|kind| kind.exit_code()).max().unwrap_or(0)
    }

    /// The end of a run in words: the counts, and the failures by kind, the most frequent first.
    pub(crate) fn told(&self, took: Duration) -> Vec<String> {
        let mut text =
            format!("{} cards: {} refreshed, {} failed", self.given, self.refreshed, self.failed());
        for (count, what) in
            [(self.duplicates, "came twice"), (self.skipped, "settled before"), (self.unsent, "not sent")]
        {
            if count > 0 {
                let _ = write!(text, ", {count} {what}");
            }
        }
        let per_second = self.tried() as f64 / took.as_secs_f64().max(0.001);
        let _ = write!(text, "; {}, {per_second:.1}/s", spoken(took));
        let mut kinds: Vec<_> = self.failures.iter().collect();
        kinds.sort_by_key(|(_, failures)| std::cmp::Reverse(failures.count));
        let by_kind = kinds.into_iter().map(|(kind, Failures { count, example })| {
            format!("{count:>9} {}, such as {}", kind.name(), plain(example))
        });
        std::iter::once(text).chain(by_kind).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_grouped_by_kind_the_most_frequent_first() {
        let mut tally = Tally { given: 4, skipped: 1, ..Tally::default() };
        tally.fail(&Error::invalid_argument("a"));
        tally.fail(&Error::config("b", "c"));
        tally.fail(&Error::config("d", "e"));
        let lines = tally.told(Duration::from_secs(2));
        assert_eq!(lines[0], "4 cards: 0 refreshed, 3 failed, 1 settled before; 2 s, 1.5/s");
        assert_eq!(lines[1], "        2 config, such as b: c");
        assert_eq!(lines[2], "        1 invalid_argument, such as a");
        assert_eq!(tally.exit_code(), 2);
    }
}
