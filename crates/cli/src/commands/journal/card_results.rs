//! The last result of each card or call of a journal.

use crate::batch::journal::{JournalLine, JournalReader, JournalResult};
use crate::output::warn;
use eiot::{Eid, Error};
use std::collections::{HashMap, HashSet};

/// The `kind` of a card that was refreshed.
pub(super) const OK: &str = "ok";

/// The last result of each card or call. Successes take 16 bytes each; failures are few.
#[derive(Default)]
pub(super) struct CardResults {
    pub(super) refreshed: HashSet<u128>,
    /// By EID or fingerprint, each with the number of its line. Calls without an outcome count as failed.
    failed: HashMap<String, (u64, JournalResult)>,
    /// What failed before a call that is being made again.
    before: HashMap<String, (u64, JournalResult)>,
    /// When a run finished, unless results were recorded later.
    pub(super) finished: Option<String>,
    /// The time of the last result.
    pub(super) last: Option<String>,
    pub(super) results: u64,
    pub(super) damaged: u64,
}

impl CardResults {
    /// Reads a journal to its end. Damaged lines are counted.
    pub(super) fn read(reader: JournalReader) -> Result<Self, Error> {
        let mut cards = Self::default();
        for line in reader {
            match line? {
                (number, JournalLine::Result(result)) => cards.add(number, result),
                (number, JournalLine::Sending(result)) => {
                    cards.finished = None;
                    let key = result.key().to_owned();
                    if let Some(before) = cards.failed.insert(key.clone(), (number, result)) {
                        cards.before.insert(key, before);
                    }
                }
                (_, JournalLine::Unsent(call)) => {
                    cards.failed.remove(&call);
                    cards.failed.extend(cards.before.remove_entry(&call));
                }
                (_, JournalLine::Finished(time)) => cards.finished = Some(time),
                (_, JournalLine::Other) => {}
                (_, JournalLine::Damaged(_) | JournalLine::Torn) => cards.damaged += 1,
            }
        }
        Ok(cards)
    }

    /// The failed cards, in the order of the journal.
    pub(super) fn failed(&self) -> Vec<&JournalResult> {
        let mut failed: Vec<_> = self.failed.values().collect();
        failed.sort_by_key(|(number, _)| *number);
        failed.into_iter().map(|(_, result)| result).collect()
    }

    /// Says on standard error that lines were not read.
    pub(super) fn warn_if_damaged(&self) {
        if self.damaged > 0 {
            warn(format_args!("{} damaged lines were skipped; eiot journal check names them", self.damaged));
        }
    }

    fn add(&mut self, number: u64, result: JournalResult) {
        self.results += 1;
        self.finished = None;
        self.last = Some(result.time.clone());
        let number_of_key = match &result.call {
            Some(call) => u128::from_str_radix(call, 16).ok(),
            // Only a valid EID can have been refreshed.
            None => Eid::parse(&result.eid).ok().map(|eid| eid.to_number()),
        };
        self.before.remove(result.key());
        if result.kind == OK {
            self.failed.remove(result.key());
            self.refreshed.extend(number_of_key);
            return;
        }
        if let Some(key) = number_of_key {
            self.refreshed.remove(&key);
        }
        self.failed.insert(result.key().to_owned(), (number, result));
    }
}
