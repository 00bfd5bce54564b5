//! A run: feeds the batch, and records, writes and counts every result.

use super::card_result::CardResult;
use super::journal::Journal;
use super::progress::{Progress, ProgressLine};
use super::retry_rules::RetryRules;
use super::statistics::Statistics;
use crate::input::cards::{Cards, parse_eid};
use crate::output::record::Record;
use crate::output::{ExitCode, Failure, OutputOptions, success_line, warn};
use eiot::{Batch, EidRules, Error, Outcome, escaped};
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// The state of a run.
pub(crate) struct Run {
    eid_rules: EidRules,
    journal: Option<Journal>,
    rules: RetryRules,
    output: Box<dyn Write>,
    output_options: OutputOptions,
    progress_line: ProgressLine,
    statistics: Statistics,
    /// How many cards the input has, if known.
    total: Option<u64>,
    started: Instant,
    /// The whole input was read.
    read_all: bool,
    /// What ends the run early; calls in flight are finished first.
    failure: Option<Failure>,
}

impl Run {
    /// A run that has not started.
    pub(crate) fn new(
        eid_rules: EidRules,
        rules: RetryRules,
        journal: Option<Journal>,
        output: Box<dyn Write>,
        output_options: OutputOptions,
        total: Option<u64>,
    ) -> Self {
        Self {
            eid_rules,
            journal,
            rules,
            output,
            output_options,
            progress_line: ProgressLine::new(),
            statistics: Statistics::default(),
            total,
            started: Instant::now(),
            read_all: false,
            failure: None,
        }
    }

    /// Refreshes the cards until all are done or something ends the run.
    pub(crate) fn process(&mut self, mut cards: Cards, batch: &mut Batch, stop: &AtomicBool) {
        let mut more = true;
        self.warn_if_finished();
        loop {
            while more && self.failure.is_none() && !stop.load(Ordering::Relaxed) && batch.has_room() {
                more = self.push_next(&mut cards, batch);
            }
            if self.failure.is_some() {
                batch.stop();
            }
            self.show_progress();
            let Some(outcome) = batch.next() else { break };
            self.handle_outcome(&outcome);
        }
        self.statistics.duplicates = batch.summary().duplicates;
        self.read_all = !more;
    }

    /// Reads a card and pushes it. Returns whether there may be more.
    fn push_next(&mut self, cards: &mut Cards, batch: &mut Batch) -> bool {
        let card = match cards.next() {
            None => return false,
            Some(Ok(card)) => card,
            Some(Err(error)) => {
                self.failure = Some(error.into());
                return false;
            }
        };
        self.statistics.read += 1;
        if let Some(previous) = self.rules.done(self.journal.as_ref(), &card.text) {
            self.statistics.count_previous(previous);
            return true;
        }
        match parse_eid(&card.text, self.eid_rules) {
            Ok(eid) => batch.push(eid.as_str()),
            Err(error) => self.handle_result(&CardResult::malformed(card.line, &error)),
        }
        true
    }

    fn handle_outcome(&mut self, outcome: &Outcome) {
        if outcome.is_duplicate {
            return;
        }
        if outcome.unsent {
            self.statistics.unsent += 1;
        } else {
            self.handle_result(&outcome.into());
        }
    }

    /// Counts a result, records it in the journal and writes it.
    fn handle_result(&mut self, result: &CardResult<'_>) {
        self.statistics.count(result);
        // The journal comes first: a result that was not written can be looked up there, a result that was not recorded is lost.
        let recorded = self.journal.as_mut().map_or(Ok(()), |journal| journal.record(result));
        let written = match recorded {
            Ok(()) => self.write_result(result),
            Err(error) => Err(error.into()),
        };
        if let Err(failure) = written {
            self.failure.get_or_insert(failure);
        }
    }

    fn write_result(&mut self, card: &CardResult<'_>) -> Result<(), Failure> {
        let line = match (card.result, self.output_options.json) {
            (Ok(_), _) if self.output_options.quiet => return Ok(()),
            (Ok(reply), true) => Record::of_reply(reply)?.to_line()?,
            (Ok(reply), false) => success_line(reply),
            (Err(error), true) => {
                Record::of_error(card.eid, error).with_message(card.describe(error)).to_line()?
            }
            (Err(error), false) => {
                format!("{}\t{}\t{}", card.eid, error.kind().name(), escaped(&card.describe(error)))
            }
        };
        self.progress_line.clear();
        self.output.write_all(format!("{line}\n").as_bytes())?;
        Ok(())
    }

    /// Warns if an earlier run with this journal was finished.
    fn warn_if_finished(&self) {
        if let Some(time) = self.journal.as_ref().and_then(Journal::finished) {
            warn(format_args!(
                "this run was finished at {time}; only cards added to the input since then are refreshed. To refresh all \
                 cards again, name a new journal"
            ));
        }
    }

    fn show_progress(&mut self) {
        let progress = Progress {
            done: self.statistics.tried(),
            failed: self.statistics.failed(),
            total: self.total.map(|total| total.saturating_sub(self.statistics.done_before())),
            elapsed: self.started.elapsed(),
        };
        self.progress_line.show(&progress);
    }

    /// Prints the summary, closes the journal and returns the exit code.
    pub(crate) fn finish(mut self, stop: &AtomicBool) -> Result<ExitCode, Failure> {
        self.progress_line.clear();
        let stopped = stop.load(Ordering::Relaxed);
        for line in self.statistics.summary(self.started.elapsed()) {
            warn(line);
        }
        let complete = self.read_all && !stopped && self.failure.is_none() && self.statistics.unsent == 0;
        self.warn_if_resumable(complete);
        let closed = self.close_journal(complete);
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        closed?;
        Ok(if stopped { ExitCode::Interrupted } else { self.statistics.exit_code() })
    }

    /// Says what is left to do, and how.
    fn warn_if_resumable(&self, complete: bool) {
        match (complete, self.journal.is_some(), self.statistics.open()) {
            (false, true, _) => warn("not all cards were tried; run the same command again to resume"),
            (false, false, _) => {
                warn(
                    "not all cards were tried, and there is no journal; with --journal FILE, a run can be resumed",
                );
            }
            (true, true, open @ 1..) => warn(format_args!(
                "{open} cards failed and may succeed later; run the same command again to retry them"
            )),
            (true, _, _) => {}
        }
    }

    /// Marks the journal as finished, unless it was before, and syncs it to disk.
    fn close_journal(&mut self, complete: bool) -> Result<(), Error> {
        let Some(journal) = &mut self.journal else { return Ok(()) };
        let nothing_new = journal.finished().is_some() && self.statistics.tried() == 0;
        if complete && self.statistics.open() == 0 && !nothing_new {
            journal.finish()?;
        }
        journal.sync()
    }
}
