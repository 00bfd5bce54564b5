//! A run: feeds the batch, and records, writes and counts every result.

use super::card_result::CardResult;
use super::item::Item;
use super::journal::{History, Journal};
use super::limits::Limits;
use super::outcomes::Outcomes;
use super::progress::{Progress, ProgressLine};
use super::reading::Reading;
use super::retry_rules::RetryRules;
use super::row_call::Calls;
use super::run_files::RunFiles;
use super::seen::{Seen, Waiting};
use super::statistics::Statistics;
use super::status_signal::status_requested;
use crate::input::InputOptions;
use crate::input::cards::Card;
use crate::input::feed::{Feed, Next};
use crate::output::humanize::humanize;
use crate::output::summary::State;
use crate::output::wording::Wording;
use crate::output::{ExitCode, Failure, OutputOptions, warn};
use crate::system;
use eiot::{Batch, EidRules, Error, Outcome, Reply};
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// While calls are in flight, the input is looked at this often, so that a card is sent soon after it comes.
const INPUT_CHECK: Duration = Duration::from_millis(5);

/// Every wait ends after this long, to look at signals and to show the progress.
const SIGNAL_CHECK: Duration = Duration::from_millis(100);

/// Why a card was not read.
const NOT_READ: &str = "the card was not read, because the run ended";

/// What a run works on, and by which rules.
pub(crate) struct Plan {
    /// The input, for messages.
    pub(crate) from: PathBuf,
    pub(crate) input: InputOptions,
    pub(crate) eid_rules: EidRules,
    pub(crate) rules: RetryRules,
    pub(crate) limits: Limits,
    /// How many cards the input has, if known.
    pub(crate) total: Option<u64>,
    /// Cards are read this long after their refresh.
    pub(crate) then_get: Option<Duration>,
    /// If other calls than refreshes are made: whether they are idempotent.
    pub(crate) calls: Option<bool>,
    /// The rate limit in calls per second; `None` without one.
    pub(crate) rate: Option<f64>,
    /// The timeout of a call.
    pub(crate) timeout: Duration,
}

impl Plan {
    /// How messages name the rows.
    pub(crate) fn wording(&self) -> Wording {
        if self.calls.is_some() { Wording::Calls } else { Wording::Cards }
    }
}

/// The state of a run.
pub(crate) struct Run<'a> {
    pub(super) plan: Plan,
    pub(super) journal: Option<Journal>,
    outcomes: Outcomes,
    /// Print failures only.
    quiet: bool,
    progress_line: ProgressLine,
    files: &'a mut RunFiles,
    /// The status line was requested by a signal.
    status_requested: Arc<AtomicBool>,
    pub(super) statistics: Statistics,
    /// With a journal of cards, what tells duplicates that are far apart.
    seen: Option<Seen>,
    /// Cards that were looked up and are new, until the batch has room.
    settled: std::vec::IntoIter<Waiting>,
    /// With `--then-get`, cards between refresh and reading.
    reading: Option<Reading>,
    /// If other calls than refreshes are made: those so far.
    pub(super) calls: Option<Calls>,
    started: Instant,
    /// Cards that were given to the batch.
    pub(super) pushed: u64,
    /// The whole input was read.
    read_all: bool,
    pub(super) stopped: Option<Stopped>,
    /// What ends the run early; calls in flight are finished first.
    pub(super) failure: Option<Failure>,
    /// Why the batch stopped itself.
    stop_reason: Option<String>,
}

/// Why a run ends before its input does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stopped {
    /// A signal.
    Signal,
    /// `--until`.
    Time,
    /// `--limit`.
    Limit,
}

impl<'a> Run<'a> {
    /// A run that has not started.
    pub(crate) fn new(
        plan: Plan,
        journal: Option<Journal>,
        outcomes: Outcomes,
        output_options: OutputOptions,
        files: &'a mut RunFiles,
    ) -> Result<Self, Error> {
        Ok(Self {
            reading: plan.then_get.map(Reading::new),
            seen: (journal.is_some() && plan.calls.is_none()).then(|| Seen::new(plan.total)),
            calls: plan.calls.map(|is_idempotent| Calls::new(is_idempotent, plan.rate)),
            plan,
            journal,
            outcomes,
            quiet: output_options.quiet,
            progress_line: ProgressLine::new(output_options.progress && !output_options.quiet),
            started: files.start(),
            files,
            status_requested: status_requested()?,
            settled: Vec::new().into_iter(),
            statistics: Statistics::default(),
            pushed: 0,
            read_all: false,
            stopped: None,
            failure: None,
            stop_reason: None,
        })
    }

    /// Refreshes the cards until all are done or something ends the run.
    pub(crate) fn process(&mut self, feed: &mut Feed<Item>, batch: &mut Batch, stop: &AtomicBool) {
        self.warn_if_finished();
        loop {
            self.check_limits(batch, stop);
            self.read_cards(batch);
            while self.wants_card(batch) && self.take_card(feed, batch, Duration::ZERO) {}
            self.push_settled(batch);
            self.show_progress();
            let wants_card = self.wants_card(batch);
            if batch.pending() > 0 {
                let is_soon = wants_card || self.has_enough_waiting(batch);
                let limit = if is_soon { INPUT_CHECK } else { SIGNAL_CHECK };
                if let Some(outcome) = batch.next_timeout(limit) {
                    self.handle_outcome(outcome);
                }
            } else if self.reading.as_ref().is_some_and(Reading::is_waiting) {
                self.wait_to_read(feed, batch, wants_card);
            } else if self.settle() {
                // Cards that may have been duplicates are pushed next, or counted.
            } else if wants_card {
                self.take_card(feed, batch, SIGNAL_CHECK);
            } else {
                break;
            }
        }
        self.stop_reason = batch.stop_reason().map(str::to_owned);
    }

    fn wants_card(&self, batch: &Batch) -> bool {
        let has_room = batch.has_room() && self.reading.as_ref().is_none_or(Reading::has_room);
        let has_room = has_room && !self.has_enough_waiting(batch) && self.settled.len() == 0;
        !self.read_all && self.stopped.is_none() && self.failure.is_none() && has_room
    }

    /// Whether no more cards are sent.
    fn is_ending(&self) -> bool {
        self.failure.is_some() || !matches!(self.stopped, None | Some(Stopped::Limit))
    }

    /// Pushes the calls that read cards, as far as they are due. If the run ends, cards are not read.
    fn read_cards(&mut self, batch: &mut Batch) {
        let is_ending = self.is_ending();
        let Some(reading) = &mut self.reading else { return };
        if is_ending {
            let unread: Vec<_> = reading.take_waiting().collect();
            unread.iter().for_each(|reply| self.handle_read(reply, Err(NOT_READ.to_owned())));
            return;
        }
        loop {
            match reading.next_due() {
                Ok(Some((call, tag))) => batch.push_call(call, tag),
                Ok(None) => return,
                Err(error) => {
                    self.failure.get_or_insert(error.into());
                    return;
                }
            }
        }
    }

    /// Waits until a card may be due, or for a card to refresh.
    fn wait_to_read(&mut self, feed: &mut Feed<Item>, batch: &mut Batch, wants_card: bool) {
        match wants_card {
            true => drop(self.take_card(feed, batch, INPUT_CHECK)),
            false => system::sleep(INPUT_CHECK),
        }
    }

    /// Ends the run if it is time.
    fn check_limits(&mut self, batch: &mut Batch, stop: &AtomicBool) {
        if self.failure.is_some() {
            batch.stop();
        }
        if stop.load(Ordering::Relaxed) && self.stopped != Some(Stopped::Signal) {
            self.stopped = Some(Stopped::Signal);
            batch.stop();
            self.say(&match batch.in_flight() {
                0 => "interrupted".to_owned(),
                count => format!(
                    "interrupted; finishing {count} calls in flight, which takes at most {}; a second signal ends at once",
                    humanize(self.plan.timeout)
                ),
            });
        }
        if self.stopped.is_none() && self.plan.limits.is_time_up() && !self.read_all {
            self.stopped = Some(Stopped::Time);
            batch.stop();
            self.say("the time of --until is reached; nothing more is sent");
        }
        if self.stopped.is_none() && self.plan.limits.is_reached(self.pushed) && !self.read_all {
            self.read_all = self.plan.total == Some(self.statistics.read);
            self.stopped = (!self.read_all).then_some(Stopped::Limit);
        }
    }

    fn say(&mut self, message: &str) {
        self.progress_line.clear();
        warn(message);
    }

    /// Reads a card and pushes it. Returns whether there was one.
    fn take_card(&mut self, feed: &mut Feed<Item>, batch: &mut Batch, wait: Duration) -> bool {
        match feed.next(wait) {
            Next::Item(Item::Card(card)) => self.push(&card, batch),
            Next::Item(Item::Call(call)) => self.push_call(*call, batch),
            Next::Nothing => return false,
            Next::Failed(error) => self.failure = Some(error.into()),
            Next::End => {
                self.read_all = true;
                if let Err(error) = self.plan.input.check_not_empty(&self.plan.from, self.statistics.read) {
                    self.failure = Some(error.into());
                }
            }
        }
        self.failure.is_none() && !self.read_all && !self.plan.limits.is_reached(self.pushed)
    }

    fn push(&mut self, card: &Card, batch: &mut Batch) {
        self.statistics.read += 1;
        let history = self.journal.as_ref().map(Journal::history);
        if let Some(previous) = self.plan.rules.done(history, &card.text) {
            return self.statistics.count_previous(previous);
        }
        match card.eid(self.plan.eid_rules) {
            Ok(eid) if self.plan.limits.is_recent(&eid) => self.statistics.recent += 1,
            Ok(eid) if self.seen.as_mut().is_none_or(|seen| seen.note(&eid, card.line)) => {
                self.pushed += 1;
                batch.push_tagged(eid.as_str(), card.line);
            }
            // It may be a duplicate.
            Ok(_) if self.seen.as_ref().is_some_and(Seen::is_full) => drop(self.settle()),
            Ok(_) => {}
            Err(error) => self.handle_result(&CardResult::malformed(card.line, &error)),
        }
    }

    /// Looks up in the journal which of the cards that may be duplicates are. Returns whether there was one.
    fn settle(&mut self) -> bool {
        let (Some(seen), Some(journal)) = (&mut self.seen, &self.journal) else { return false };
        if !seen.has_waiting() {
            return false;
        }
        let mut waiting = seen.take_waiting();
        let numbers = waiting.iter().map(Waiting::number).collect();
        let mut known = journal.recorded(&numbers).unwrap_or_else(|error| {
            self.failure.get_or_insert(error.into());
            HashSet::new()
        });
        let count = waiting.len();
        waiting.retain(|card| known.insert(card.number()));
        self.statistics.duplicates += (count - waiting.len()) as u64;
        self.settled = waiting.into_iter();
        true
    }

    /// Pushes the cards that the filter was wrong about, or whose first one is still in the batch, which then knows it.
    fn push_settled(&mut self, batch: &mut Batch) {
        let is_over = self.stopped.is_some() || self.failure.is_some();
        while is_over || batch.has_room() {
            match self.settled.next() {
                None => return,
                Some(_) if is_over => self.statistics.unsent += 1,
                Some(card) => {
                    self.pushed += 1;
                    batch.push_tagged(card.digits(), card.line);
                }
            }
        }
    }

    fn handle_outcome(&mut self, outcome: Outcome) {
        if let Some(row) = self.calls.as_mut().and_then(|calls| calls.take(outcome.tag)) {
            return self.handle_call(&row, &outcome);
        }
        if let Some(refreshed) = self.reading.as_mut().and_then(|reading| reading.take(outcome.tag)) {
            let card = match &outcome.result {
                Ok(reply) => Ok(reply),
                Err(_) if outcome.unsent && self.is_ending() => Err(NOT_READ.to_owned()),
                Err(error) => Err(error.to_string()),
            };
            return self.handle_read(&refreshed, card);
        }
        if outcome.unsent {
            self.statistics.count_unsent(&outcome, self.stopped.is_some() || self.failure.is_some());
        } else if outcome.is_duplicate {
            self.statistics.duplicates += 1;
        } else {
            match (outcome.result, &mut self.reading) {
                (Ok(reply), Some(reading)) => reading.add(reply),
                (result, _) => self.handle_result(&CardResult::of_card(&outcome.eid, result.as_ref())),
            }
        }
    }

    /// A card was refreshed, and read or not: counts it, records it and writes it.
    fn handle_read(&mut self, refreshed: &Reply, card: Result<&Reply, String>) {
        self.statistics.unread += u64::from(card.is_err());
        self.handle(&CardResult::of_card(refreshed.eid(), Ok(refreshed)), Some(card));
    }

    /// Counts a result, records it in the journal and writes it.
    pub(super) fn handle_result(&mut self, result: &CardResult<'_>) {
        self.handle(result, None);
    }

    fn handle<'b>(&mut self, result: &CardResult<'b>, card: Option<Result<&'b Reply, String>>) {
        self.statistics.count(result);
        self.files.count(result);
        if let Err(failure) = self.keep(result, card) {
            self.failure.get_or_insert(failure);
        }
    }

    /// The journal comes first: a result that was not written is found there by the next run, a result that was not recorded is lost.
    fn keep<'b>(
        &mut self,
        result: &CardResult<'b>,
        card: Option<Result<&'b Reply, String>>,
    ) -> Result<(), Failure> {
        let record = result.record()?;
        let record = match card {
            Some(card) => record.with_card(card)?,
            None => record,
        };
        if let Some(journal) = &mut self.journal {
            journal.record(&record).inspect_err(|_| self.statistics.unrecorded += 1)?;
        }
        self.progress_line.clear();
        self.outcomes.write(&record)
    }

    /// Warns if an earlier run with this journal was finished.
    fn warn_if_finished(&self) {
        if self.quiet {
            return;
        }
        if let Some(time) = self.journal.as_ref().map(Journal::history).and_then(History::finished) {
            warn(match self.plan.wording() {
                Wording::Cards => format!(
                    "this run was finished at {time}; only cards added to the input since then are refreshed. To refresh all \
                     cards again, name a new journal"
                ),
                Wording::Calls => format!(
                    "this run was finished at {time}; calls are made only for rows added to the input since then. To make all \
                     calls again, name a new journal"
                ),
            });
        }
    }

    fn show_progress(&mut self) {
        let progress = Progress {
            done: self.statistics.accounted(),
            tried: self.statistics.tried(),
            failed: self.statistics.failed(),
            total: self.plan.total,
            elapsed: system::elapsed(self.started),
            words: self.plan.wording(),
        };
        if self.status_requested.swap(false, Ordering::Relaxed) {
            self.progress_line.clear();
            warn(progress.status());
        }
        self.progress_line.show(&progress);
        self.files.refresh(&self.statistics, self.plan.total);
    }

    /// Prints the summary, closes the journal and returns the exit code: the largest of those that apply.
    pub(crate) fn finish(mut self) -> ExitCode {
        self.progress_line.clear();
        self.statistics.not_reached = match self.plan.total {
            Some(total) if !self.read_all => total.saturating_sub(self.statistics.read),
            _ => 0,
        };
        if !self.quiet {
            let mut lines = self.statistics.summary(system::elapsed(self.started), self.plan.wording());
            if let Some(counts) = lines.first_mut().filter(|_| self.plan.rate.is_none()) {
                counts.push_str(", rate limit off");
            }
            lines.iter().for_each(warn);
        }
        let complete = self.read_all
            && matches!(self.stopped, None | Some(Stopped::Limit))
            && self.failure.is_none()
            && self.statistics.unsent == 0;
        self.warn_if_resumable(complete);
        let closed = self.close_journal(complete);
        let closed = closed.and(self.outcomes.sync());
        let failure = self.failure.take().or(closed.err());
        let (state, why) = match (&failure, self.stopped) {
            (Some(failure), _) => (State::Failed, Some(failure.to_string())),
            (None, Some(Stopped::Signal)) => (State::Interrupted, None),
            (None, Some(Stopped::Time | Stopped::Limit)) => (State::Limited, None),
            (None, None) if complete => (State::Complete, None),
            (None, None) => (State::Stopped, self.stop_reason.take()),
        };
        self.files.end(&self.statistics, self.plan.total, state, why);
        let failed = failure.map_or(ExitCode::Success, |failure| failure.report());
        let stopped = match self.stopped {
            Some(Stopped::Signal) => ExitCode::Interrupted,
            // Not every card was refreshed.
            Some(Stopped::Time) => ExitCode::Failure,
            Some(Stopped::Limit) | None => ExitCode::Success,
        };
        failed.max(stopped).max(self.statistics.exit_code())
    }

    /// Says what is left to do, and how.
    fn warn_if_resumable(&self, complete: bool) {
        let rows = self.plan.wording().rows();
        match self.statistics.unrecorded {
            0 => {}
            count if self.calls.as_ref().is_some_and(|calls| !calls.is_idempotent) => warn(format_args!(
                "the results of {count} calls could not be recorded; the next run takes their outcome for unknown"
            )),
            count => warn(format_args!(
                "the results of {count} {rows} could not be recorded; the next run calls these {rows} again"
            )),
        }
        match (complete, self.journal.is_some(), self.statistics.open()) {
            // As requested.
            (false, ..) if self.quiet && self.stopped == Some(Stopped::Limit) => {}
            (false, true, _) => {
                warn(format_args!("not all {rows} were tried; run the same command again to resume"))
            }
            (false, false, _) => warn(format_args!(
                "not all {rows} were tried, and there is no journal; with --journal FILE, a run can be resumed"
            )),
            (true, true, open @ 1..) if !self.quiet => warn(format_args!(
                "{open} {rows} failed and may succeed later; run the same command again to retry them"
            )),
            (true, _, _) => {}
        }
        if let unknown @ 1.. = self.statistics.unknown() {
            warn(format_args!(
                "the platform may have acted on {unknown} calls whose outcome is unknown. They are not repeated; eiot journal \
                 failed --unknown lists them. Find out from the platform whether it has acted, and repeat those that it has \
                 not, in a run of their own or with --retry unknown"
            ));
        }
    }

    /// Marks the journal as finished, unless it was before, and syncs it to disk.
    fn close_journal(&mut self, complete: bool) -> Result<(), Failure> {
        let Some(journal) = &mut self.journal else { return Ok(()) };
        let nothing_new = journal.history().finished().is_some() && self.statistics.tried() == 0;
        let everything = complete && self.statistics.recent == 0;
        if everything && self.statistics.open() == 0 && !nothing_new {
            journal.finish()?;
        }
        journal.sync()
    }
}
