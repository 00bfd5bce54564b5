//! `eiot refresh --from`: the cards of a file, with many calls in flight and a journal.

use crate::cards::Cards;
use crate::narrator::Narrator;
use crate::output::{Failure, complain};
use crate::record::Record;
use crate::retry_rules::{RetryRule, RetryRules};
use crate::status_line::{Figures, StatusLine, spoken};
use crate::tally::Tally;
use clap::Args;
use eiot::{Batch, Client, Config, Eid, Error, Journal, Outcome, Past, Run, escaped};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// The exit code of a run that was interrupted, and of one that is killed by a second signal.
const INTERRUPTED: u8 = 130;

/// Where the cards come from, and where their outcomes go.
#[derive(Args)]
pub(crate) struct Many {
    /// Refresh the cards of FILE, or of standard input (-): CSV, TSV, or one EID per line
    #[arg(long, value_name = "FILE", conflicts_with = "eids")]
    from: Option<PathBuf>,
    /// The column that contains the EIDs [eid]
    #[arg(long, value_name = "NAME", requires = "from")]
    column: Option<String>,
    /// Record progress in FILE and resume a previous run from it
    #[arg(long, value_name = "FILE", requires = "from")]
    journal: Option<PathBuf>,
    /// Also retry invalid EIDs or final rejections of earlier runs; none: retry no failed card
    #[arg(long, value_name = "RULE", requires = "journal", value_enum, value_delimiter = ',')]
    retry: Vec<RetryRule>,
    /// Write results to FILE instead of standard output
    #[arg(long, value_name = "FILE", requires = "from")]
    out: Option<PathBuf>,
    /// Maximum number of calls in flight, 1 to 1024 [32]
    #[arg(long, value_name = "COUNT", requires = "from", default_value = "32", hide_default_value = true)]
    concurrency: usize,
    /// Read all cards and show what would be done; send nothing
    #[arg(long, requires = "from")]
    dry_run: bool,
}

/// How outcomes are told.
#[derive(Clone, Copy)]
pub(crate) struct Manner {
    pub(crate) json: bool,
    pub(crate) quiet: bool,
    pub(crate) verbose: bool,
}

/// What a run needs while it goes on.
struct Running {
    strict_eid: bool,
    journal: Option<Journal>,
    rules: RetryRules,
    output: Box<dyn Write>,
    manner: Manner,
    status_line: StatusLine,
    tally: Tally,
    total: Option<u64>,
    started: Instant,
    /// The whole input was read.
    read_all: bool,
    /// The batch has stopped because the run cannot succeed.
    stopped_by_itself: bool,
    /// What ends the run early; calls in flight complete.
    failure: Option<Failure>,
}

impl Many {
    /// Was a file given?
    pub(crate) fn is_wanted(&self) -> bool {
        self.from.is_some()
    }

    /// Refreshes the cards; the exit code is the largest of theirs.
    pub(crate) fn run(&self, config: Config, manner: Manner) -> Result<u8, Failure> {
        let Some(from) = &self.from else { return Ok(0) };
        let strict_eid = config.strict_eid;
        let rate =
            config.rate_limit.map(|limit| limit * eiot::Config::RATE_USED / f64::from(config.rate_share.1));
        let rules = RetryRules::new(&self.retry)?;
        let client = Client::new(config)?;
        let cards = Cards::open(from, self.column.as_deref())?;
        let journal = self.journal.as_ref().map(|path| self.open_journal(&client, path, from)).transpose()?;
        if self.dry_run {
            return self.rehearse(cards, journal, rules, strict_eid, rate);
        }
        let mut running = Running {
            strict_eid,
            output: self.open_output(journal.as_ref().is_some_and(Journal::is_resumed))?,
            total: self.count(from),
            journal,
            rules,
            manner,
            status_line: StatusLine::new(),
            tally: Tally::default(),
            started: Instant::now(),
            read_all: false,
            stopped_by_itself: false,
            failure: None,
        };
        let stop = stop_flag()?;
        let mut batch = client.batch(self.concurrency, Box::new(Narrator { verbose: manner.verbose }))?;
        batch.stop_when(stop.clone());
        running.go(cards, &mut batch, &stop);
        running.end(&stop, self.journal.is_some())
    }

    fn open_journal(&self, client: &Client, path: &Path, from: &Path) -> Result<Journal, Error> {
        // The same file by whatever way it is named.
        let input = from.canonicalize().unwrap_or_else(|_| from.to_owned());
        Journal::open(path, &Run::new(client, input.to_string_lossy()))
    }

    /// A run that goes on adds to what the earlier one wrote.
    fn open_output(&self, goes_on: bool) -> Result<Box<dyn Write>, Failure> {
        let Some(path) = &self.out else { return Ok(Box::new(io::stdout())) };
        let mut options = OpenOptions::new();
        options.create(true).write(true).append(goes_on).truncate(!goes_on);
        let file = options
            .open(path)
            .map_err(|why| Error::invalid_argument(format!("{} cannot be written: {why}", path.display())))?;
        Ok(Box::new(file))
    }

    /// How many cards there are, where they can be read twice.
    fn count(&self, from: &Path) -> Option<u64> {
        if !std::fs::metadata(from).is_ok_and(|metadata| metadata.is_file()) {
            return None;
        }
        let cards = Cards::open(from, self.column.as_deref()).ok()?;
        Some(cards.take_while(Result::is_ok).count() as u64)
    }

    /// Tells what would be done.
    fn rehearse(
        &self,
        cards: Cards,
        journal: Option<Journal>,
        rules: RetryRules,
        strict_eid: bool,
        rate: Option<f64>,
    ) -> Result<u8, Failure> {
        let (mut tally, mut to_do) = (Tally::default(), 0_u64);
        for card in cards {
            let card = card?;
            tally.given += 1;
            if let Some(past) = done_before(journal.as_ref(), rules, &card.text) {
                tally.count_past(past);
                continue;
            }
            match parse(&card.text, strict_eid) {
                Err(error) => {
                    complain(format_args!("line {}: {error}", card.line));
                    tally.fail(&error);
                }
                Ok(_) => to_do += 1,
            }
        }
        let takes = rate.and_then(|rate| std::time::Duration::try_from_secs_f64(to_do as f64 / rate).ok());
        let takes = takes.map(|takes| format!(", which takes about {}", spoken(takes))).unwrap_or_default();
        let mut output = self.open_output(true)?;
        writeln!(
            output,
            "{} cards: {to_do} to refresh{takes}; {} malformed, {} refreshed before, {} failed before; nothing was sent",
            tally.given,
            tally.failed(),
            tally.refreshed_before(),
            tally.failed_before()
        )?;
        Ok(tally.exit_code())
    }
}

impl Running {
    /// Feeds the batch and takes what comes back, until all is done or something ends the run.
    fn go(&mut self, mut cards: Cards, batch: &mut Batch, stop: &AtomicBool) {
        let mut more = true;
        self.tell_finished();
        loop {
            while more && self.failure.is_none() && !stop.load(Ordering::Relaxed) && batch.has_room() {
                more = self.take_card(&mut cards, batch);
            }
            if self.failure.is_some() {
                batch.stop();
            }
            self.show();
            let Some(outcome) = batch.next() else { break };
            self.take_outcome(&outcome);
        }
        self.tally.duplicates = batch.summary().duplicates;
        self.read_all = !more;
        self.stopped_by_itself = batch.stop_reason().is_some();
    }

    /// Reads a card and pushes it; whether there may be more.
    fn take_card(&mut self, cards: &mut Cards, batch: &mut Batch) -> bool {
        let card = match cards.next() {
            None => return false,
            Some(Ok(card)) => card,
            Some(Err(error)) => {
                self.failure = Some(error.into());
                return false;
            }
        };
        self.tally.given += 1;
        if let Some(past) = done_before(self.journal.as_ref(), self.rules, &card.text) {
            self.tally.count_past(past);
            return true;
        }
        match parse(&card.text, self.strict_eid) {
            Ok(eid) => batch.push(eid.as_str()),
            Err(error) => {
                let eid = error.eid().unwrap_or_default().to_owned();
                let error = error.with_place(&format!("line {}", card.line));
                self.take_outcome(&Outcome::new(eid, Err(error)));
            }
        }
        true
    }

    /// Counts an outcome, writes it down, and tells it.
    fn take_outcome(&mut self, outcome: &Outcome) {
        if outcome.unsent {
            self.tally.unsent += 1;
            return;
        }
        self.tally.count(outcome);
        // Written down before it is told: what was told can be asked for again, what was not written is lost.
        let written = self.journal.as_mut().map_or(Ok(()), |journal| journal.record(outcome));
        let told = match written {
            Ok(()) => self.tell(outcome),
            Err(error) => Err(error.into()),
        };
        if let Err(failure) = told {
            self.failure.get_or_insert(failure);
        }
    }

    fn tell(&mut self, outcome: &Outcome) -> Result<(), Failure> {
        let line = match (&outcome.result, self.manner.json) {
            (Ok(_), _) if self.manner.quiet => return Ok(()),
            (Ok(reply), true) => Record::of_reply(reply)?.to_line()?,
            (Err(error), true) => Record::of_error(&outcome.eid, error).to_line()?,
            (Ok(reply), false) => format!("{}\tok\t{}", reply.eid(), escaped(reply.message())),
            (Err(error), false) => {
                format!("{}\t{}\t{}", outcome.eid, error.kind().name(), escaped(&error.to_string()))
            }
        };
        self.status_line.clear();
        self.output.write_all(format!("{line}\n").as_bytes())?;
        Ok(())
    }

    /// Says that an earlier run was finished, where it was.
    fn tell_finished(&self) {
        if let Some(time) = self.journal.as_ref().and_then(Journal::finished) {
            complain(format_args!(
                "this run was finished at {time}: only cards that are new in the input are refreshed; give a new run a \
                 journal of its own"
            ));
        }
    }

    /// Writes that the run is finished, where it is and was not before, and makes sure that all survives a loss of power.
    fn close_journal(&mut self, complete: bool) -> Result<(), Error> {
        let Some(journal) = &mut self.journal else { return Ok(()) };
        let nothing_new = journal.finished().is_some() && self.tally.tried() == 0;
        if complete && self.tally.open() == 0 && !nothing_new {
            journal.finish()?;
        }
        journal.sync()
    }

    fn show(&mut self) {
        let figures = Figures {
            done: self.tally.tried(),
            failed: self.tally.failed(),
            total: self.total.map(|total| total.saturating_sub(self.tally.done_before())),
            elapsed: self.started.elapsed(),
        };
        self.status_line.show(&figures);
    }

    /// Tells how it ended.
    fn end(mut self, stop: &AtomicBool, has_journal: bool) -> Result<u8, Failure> {
        self.status_line.clear();
        let stopped = stop.load(Ordering::Relaxed);
        for line in self.tally.told(self.started.elapsed()) {
            complain(line);
        }
        let complete = self.read_all && !stopped && self.failure.is_none() && self.tally.unsent == 0;
        match (complete, has_journal) {
            (false, true) => complain("not all cards were tried; run the same command again to resume"),
            (false, false) => complain(
                "not all cards were tried, and without a journal the run cannot be resumed: use --journal FILE",
            ),
            (true, true) if self.tally.open() > 0 => complain(format_args!(
                "{} cards failed and may succeed later: run the same command again to retry them",
                self.tally.open()
            )),
            (true, _) => {}
        }
        let synced = self.close_journal(complete);
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        synced?;
        Ok(if stopped { INTERRUPTED } else { self.tally.exit_code() })
    }
}

fn parse(text: &str, strict: bool) -> Result<Eid, Error> {
    if strict { Eid::parse_strict(text) } else { Eid::parse(text) }
}

/// What an earlier run has left of this card, where that leaves nothing to do.
fn done_before<'a>(journal: Option<&'a Journal>, rules: RetryRules, eid: &str) -> Option<Past<'a>> {
    journal?.past(eid).filter(|past| rules.is_done(past))
}

/// Becomes true on Ctrl-C and on SIGTERM; a second signal ends the process at once. A signal that the process was started with
/// as ignored stays ignored, as under nohup.
fn stop_flag() -> Result<Arc<AtomicBool>, Error> {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        if is_ignored(signal) {
            continue;
        }
        // In this order: the first signal finds the flag false.
        signal_hook::flag::register_conditional_shutdown(signal, INTERRUPTED.into(), flag.clone())
            .and_then(|_| signal_hook::flag::register(signal, flag.clone()))
            .map_err(Error::internal)?;
    }
    Ok(flag)
}

/// Whether the process was started with this signal ignored, where the system tells.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    u32::try_from(signal - 1).is_ok_and(|bit| ignored.checked_shr(bit).is_some_and(|mask| mask & 1 == 1))
}
