//! The last result of each card of a journal.

use crate::batch::journal::{JournalLine, JournalReader, JournalResult};
use crate::output::warn;
use eiot::{Eid, Error};
use std::collections::{HashMap, HashSet};

/// The `kind` of a card that was refreshed.
pub(super) const OK: &str = "ok";

/// The last result of each card. Successes take 16 bytes each; failures are few.
#[derive(Default)]
pub(super) struct CardResults {
    pub(super) refreshed: HashSet<u128>,
    /// By EID, each with the number of its line.
    failed: HashMap<String, (u64, JournalResult)>,
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
        let eid = Eid::parse(&result.eid).ok().map(|eid| eid.to_number());
        if result.kind == OK {
            self.failed.remove(&result.eid);
            // Only a valid EID can have been refreshed.
            self.refreshed.extend(eid);
            return;
        }
        if let Some(eid) = eid {
            self.refreshed.remove(&eid);
        }
        self.failed.insert(result.eid.clone(), (number, result));
    }
}
