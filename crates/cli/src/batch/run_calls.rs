//! The part of a run that makes other calls than refreshes.
//!
//! A call that is not idempotent must not be made twice, whatever happens to the run. So the journal has a line before it is made,
//! and another one when its outcome is known. If there is no other one, the next run does not repeat the call, and says that its
//! outcome is unknown.

use super::card_result::CardResult;
use super::journal::{Journal, PreviousResult};
use super::row_call::{CalledRow, RowCall};
use super::run::Run;
use eiot::{Batch, Outcome};

impl Run<'_> {
    /// Pushes the call of a row.
    pub(super) fn push_call(&mut self, call: RowCall, batch: &mut Batch) {
        self.statistics.read += 1;
        let history = self.journal.as_ref().map(Journal::history);
        let previous = self.plan.rules.done_call(history, call.row.fingerprint);
        if let Some(previous @ (PreviousResult::Refreshed | PreviousResult::Failed(_))) = previous {
            return self.statistics.count_previous(previous);
        }
        let Some(calls) = &mut self.calls else { return };
        if !calls.note(call.row.fingerprint) {
            self.statistics.duplicates += 1;
        } else if previous.is_some() {
            self.handle_result(&CardResult::of_row(&call.row, Err(&call.row.lost())));
        } else if let Err(error) = call.check_eid(self.plan.eid_rules) {
            self.handle_result(&CardResult::of_row(&call.row, Err(&error)));
        } else {
            self.begin_call(call, batch);
        }
    }

    fn begin_call(&mut self, RowCall { call, row, .. }: RowCall, batch: &mut Batch) {
        if let Some(journal) = self.journal.as_mut().filter(|_| !row.is_idempotent) {
            if let Err(failure) = journal.begin_call(&row) {
                self.statistics.unsent += 1;
                self.failure.get_or_insert(failure);
                return;
            }
        }
        let Some(calls) = &mut self.calls else { return };
        self.pushed += 1;
        batch.push_call(call, calls.add(row));
    }

    /// Handles the outcome of the call of a row.
    pub(super) fn handle_call(&mut self, row: &CalledRow, outcome: &Outcome) {
        if !outcome.unsent {
            return self.handle_result(&CardResult::of_row(row, outcome.result.as_ref()));
        }
        self.statistics.count_unsent(outcome, self.stopped.is_some() || self.failure.is_some());
        if let Some(journal) = self.journal.as_mut().filter(|_| !row.is_idempotent) {
            if let Err(failure) = journal.cancel_call(row.fingerprint) {
                self.failure.get_or_insert(failure);
            }
        }
    }

    /// Whether as many calls wait for their permits as may. All of them are unknown if the process is killed, although none was
    /// made.
    pub(super) fn has_enough_waiting(&self, batch: &Batch) -> bool {
        let waiting = batch.pending().saturating_sub(batch.in_flight());
        self.calls.as_ref().is_some_and(|calls| waiting >= calls.max_waiting)
    }
}
