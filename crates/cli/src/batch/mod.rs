//! `eiot refresh --from` and `eiot call --from`: a call for each row of a file, many in flight at once, with a journal.
//!
//! `item` reads the rows · `run` feeds the batch, `run_calls` with other calls than refreshes (`row_call`) · `outcomes` writes the
//! results · `journal` records them on disk · `retry_rules` decides which rows of an earlier run are retried, `limits` (`until`,
//! `recent`) when a run ends and which cards it leaves out · `shuffle` orders the rows · `statistics` counts · `progress` shows how far
//! the run is · `run_files` keeps summary, metrics and report · `dry_run` only says what a run would do · `signals` stops it ·
//! `reading` reads cards after their refresh · `seen` finds duplicates that are far apart · `same_file` protects files from being
//! overwritten, which `file_id` tells apart.

mod card_result;
mod dry_run;
mod file_id;
mod item;
pub(crate) mod journal;
mod limits;
mod outcomes;
mod progress;
mod reading;
mod recent;
mod request_counter;
mod retry_rules;
mod row_call;
mod run;
mod run_calls;
mod run_files;
mod same_file;
mod seen;
mod shuffle;
mod signals;
mod statistics;
mod status_signal;
mod until;

pub(crate) use self::item::Work;
pub(crate) use self::row_call::CallTemplate;

use self::dry_run::DryRun;
use self::item::{Item, Items, Source};
use self::journal::{JobKey, Journal};
use self::limits::Limits;
use self::outcomes::Outcomes;
use self::recent::Recent;
use self::request_counter::RequestCounter;
use self::retry_rules::{RetryRule, RetryRules};
use self::run::{Plan, Run};
use self::run_files::{OtherFiles, RunFileOptions, RunFiles};
use self::same_file::{RunFile, refuse_same_files};
use crate::input::InputOptions;
use crate::input::feed::Feed;
use crate::output::verbose_logger::VerboseLogger;
use crate::output::{ExitCode, Failure, OutputOptions, warn};
use crate::system::{fs, wall_clock};
use clap::Args;
use eiot::{Client, Config, Error, RateScope};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

/// How a run goes, whatever it calls. The command has `--from`.
#[derive(Args)]
pub(crate) struct RunOptions {
    #[command(flatten)]
    input: InputOptions,
    /// Record progress in FILE and resume a previous run from it
    #[arg(long, value_name = "FILE", requires = "from")]
    journal: Option<PathBuf>,
    /// With --journal, what to retry of the failures of an earlier run besides transient ones
    #[arg(long, value_name = "RULE", requires = "journal", value_enum, value_delimiter = ',')]
    retry: Vec<RetryRule>,
    /// Write the results to FILE instead of standard output
    #[arg(long, value_name = "FILE", requires = "from")]
    out: Option<PathBuf>,
    /// Maximum number of calls in flight, 1 to 1024 [32]
    #[arg(long, value_name = "COUNT", requires = "from", default_value = "32", hide_default_value = true)]
    concurrency: usize,
    /// Make no call from TIME on: 06:00 in local time, or a date and time such as 2026-11-27T06:00:00Z
    #[arg(long, value_name = "TIME", requires = "from")]
    until: Option<String>,
    /// Make calls for at most COUNT rows
    #[arg(long, value_name = "COUNT", requires = "from")]
    limit: Option<u64>,
    /// Take the rows in a random order, the same one for the same SEED; keeps all rows in memory
    #[arg(long, value_name = "SEED", requires = "from", num_args = 0..=1, require_equals = true)]
    shuffle: Option<Option<u64>>,
    /// Read all rows and print what would be done; send nothing and write no file
    #[arg(long, requires = "from")]
    dry_run: bool,
    #[command(flatten)]
    files: RunFileOptions,
}

/// What only refreshes have.
#[derive(Args)]
pub(crate) struct CardOptions {
    /// Leave out cards that were refreshed within this time, such as 20h, according to --history
    #[arg(long, value_name = "DURATION", requires = "from", value_parser = humantime::parse_duration)]
    not_refreshed_since: Option<Duration>,
    /// With --not-refreshed-since, a journal or a directory of journals [the directory of --journal]
    #[arg(long, value_name = "PATH", requires = "not_refreshed_since")]
    history: Option<PathBuf>,
    /// Read each card SECONDS after its refresh, with /api/v3/cloudesim/get, and add what it returns to its result [5]
    #[arg(
        long,
        value_name = "SECONDS",
        requires = "from",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "5",
        value_parser = seconds
    )]
    then_get: Option<Duration>,
}

impl RunOptions {
    /// Refuses flags that need `--from`.
    ///
    /// # Errors
    /// If there is one.
    pub(crate) fn check_without_from(&self) -> Result<(), Error> {
        let InputOptions { encoding, sheet, allow_empty } = &self.input;
        match encoding.is_some() || sheet.is_some() || *allow_empty {
            true => Err(Error::invalid_argument("--encoding, --sheet and --allow-empty need --from")),
            false => Ok(()),
        }
    }

    /// Makes a call for each row of the file. Returns the largest of their exit codes. Without a configuration, the run fails, and
    /// its files say so. `cards` is for refreshes.
    pub(crate) fn run(
        &self,
        from: &Path,
        work: Work,
        cards: Option<&CardOptions>,
        config: Result<Config, Error>,
        output: OutputOptions,
    ) -> Result<ExitCode, Failure> {
        let source = Source { from: from.to_owned(), input: self.input.clone(), work };
        Session { options: self, cards, source, output }.run(config)
    }
}

/// A run with its options.
struct Session<'a> {
    options: &'a RunOptions,
    cards: Option<&'a CardOptions>,
    source: Source,
    output: OutputOptions,
}

impl Session<'_> {
    fn run(&self, config: Result<Config, Error>) -> Result<ExitCode, Failure> {
        self.refuse_same_files()?;
        if self.options.dry_run {
            return self.dry_run(config?);
        }
        self.check_journal()?;
        let RunOptions { journal, out, files, .. } = self.options;
        let others = OtherFiles {
            input: &self.source.from,
            journal: journal.as_deref(),
            output: out.as_deref(),
            call: self.source.call().map(CallTemplate::path),
        };
        let mut files = files.open(&others)?;
        let result = config.map_err(Failure::from).and_then(|config| {
            files.set_rate_limit(rate(&config));
            self.make_calls(config, &mut files)
        });
        files.finish(result)
    }

    /// Refuses calls that might be made twice if the run is repeated.
    fn check_journal(&self) -> Result<(), Error> {
        match self.source.call() {
            Some(call) if !call.is_idempotent() && self.options.journal.is_none() => {
                Err(Error::invalid_argument(format!(
                    "{} is not known to be idempotent: name a --journal, so that no call is made twice if the run is repeated, or \
                     pass --idempotent if that is safe",
                    call.path()
                )))
            }
            _ => Ok(()),
        }
    }

    fn make_calls(&self, config: Config, files: &mut RunFiles) -> Result<ExitCode, Failure> {
        let options = self.options;
        let stop = signals::stop_on_signals()?;
        let client = Client::new(config)?;
        let job = self.job(&client);
        let mut plan = self.plan(client.config(), &job)?;
        plan.total = self.count(&stop)?;
        let mut feed = self.feed(&stop)?;
        let mut journal = options.journal.as_ref().map(|path| Journal::open(path, &job)).transpose()?;
        for (journal, path) in journal.iter().zip(&options.journal) {
            for repair in journal.repairs() {
                warn(format_args!("{}: {repair}", path.display()));
            }
        }
        // Links may lead to the journal only now that it exists.
        self.refuse_same_files()?;
        let outcomes = Outcomes::open(options.out.as_deref(), journal.as_mut(), self.output)?;
        let OutputOptions { verbose, quiet, .. } = self.output;
        let logger = RequestCounter::new(VerboseLogger { verbose, quiet }, files.requests());
        let mut run = Run::new(plan, journal, outcomes, self.output, files)?;
        let mut batch = client.batch(options.concurrency, Box::new(logger))?;
        batch.stop_when(stop.clone());
        run.process(&mut feed, &mut batch, &stop);
        Ok(run.finish())
    }

    /// Says what a run would do.
    fn dry_run(&self, mut config: Config) -> Result<ExitCode, Failure> {
        let rate = rate(&config);
        // Other scopes keep files.
        config.rate_scope = RateScope::Process;
        let client = Client::new(config)?;
        let job = self.job(&client);
        let items = self.source.open()?;
        let history = self.options.journal.as_ref().map(|path| Journal::read_only(path, &job)).transpose()?;
        let plan = self.plan(client.config(), &job)?;
        DryRun {
            calls_per_row: 1 + u32::from(plan.then_get.is_some()),
            plan,
            history,
            rate,
            concurrency: self.options.concurrency,
        }
        .run(items)
    }

    fn job(&self, client: &Client) -> JobKey {
        // The same file, whatever path leads to it.
        let from = &self.source.from;
        let input = fs::canonicalize(from).unwrap_or_else(|_| from.clone());
        JobKey::new(client, input.to_string_lossy(), self.source.call().map(CallTemplate::path))
    }

    fn plan(&self, config: &Config, job: &JobKey) -> Result<Plan, Error> {
        let now = wall_clock();
        let options = self.options;
        let calls = self.source.call().map(CallTemplate::is_idempotent);
        Ok(Plan {
            from: self.source.from.clone(),
            input: options.input.clone(),
            eid_rules: config.eid_rules(),
            rules: RetryRules::new(&options.retry, calls.unwrap_or(true))?,
            limits: Limits {
                until: options.until.as_ref().map(|text| until::parse(text, now)).transpose()?,
                count: options.limit,
                recent: self.recent(now, job)?,
            },
            total: None,
            then_get: self.cards.and_then(|cards| cards.then_get),
            calls,
            rate: rate(config),
            timeout: config.timeout,
        })
    }

    /// The cards that were refreshed not long ago.
    fn recent(&self, now: SystemTime, job: &JobKey) -> Result<Option<Recent>, Error> {
        let Some((within, cards)) = self.cards.and_then(|cards| Some((cards.not_refreshed_since?, cards)))
        else {
            return Ok(None);
        };
        let beside = self.options.journal.as_ref().map(|journal| match journal.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        });
        let Some(history) = cards.history.clone().or(beside) else {
            return Err(Error::invalid_argument("--not-refreshed-since needs --history or --journal"));
        };
        Recent::read(&history, job, now.checked_sub(within).unwrap_or(SystemTime::UNIX_EPOCH)).map(Some)
    }

    /// Begins to read the rows.
    fn feed(&self, stop: &AtomicBool) -> Result<Feed<Item>, Error> {
        let (source, shuffle) = (self.source.clone(), self.options.shuffle);
        let seed = shuffle.map(|seed| seed.unwrap_or_else(random_seed));
        if let (Some(seed), Some(None), false) = (seed, shuffle, self.output.quiet) {
            warn(format_args!("the order is that of --shuffle={seed}"));
        }
        let open = move || -> Result<Items, Error> {
            let items = source.open()?;
            Ok(match seed {
                Some(seed) => Box::new(shuffle::shuffled(items, seed)),
                None => items,
            })
        };
        Feed::start(open, stop)
    }

    /// The number of rows, if the input is a regular file, which can be read twice. An error in the file is found before anything
    /// is sent.
    fn count(&self, stop: &AtomicBool) -> Result<Option<u64>, Error> {
        let from = &self.source.from;
        if !fs::metadata(from).is_ok_and(|metadata| metadata.is_file()) {
            return Ok(None);
        }
        let mut count = 0;
        for item in self.source.open()? {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            item.inspect_err(|_| warn("nothing was sent, because the input has an error"))?;
            count += 1;
        }
        self.source.input.check_not_empty(from, count)?;
        Ok(Some(count))
    }

    fn refuse_same_files(&self) -> Result<(), Error> {
        let RunOptions { journal, out, files, .. } = self.options;
        let file = |role, path, is_written| RunFile { role, path, is_written };
        let stdout = (Path::new("-"), "standard output");
        let (out, role) = out.as_deref().map_or(stdout, |out| (out, "--out"));
        let journal = journal.as_deref().map(|path| file("--journal", path, true));
        let others =
            [file("--from", &self.source.from, false), file(role, out, true)].into_iter().chain(journal);
        let reports = files.paths().into_iter().map(|(role, path)| file(role, path, true));
        refuse_same_files(&others.chain(reports).collect::<Vec<_>>())
    }
}

/// The rate limit of a run in calls per second; `None` without a limit.
fn rate(config: &Config) -> Option<f64> {
    config.rate_limit.map(|limit| limit * Config::RATE_USED / f64::from(config.rate_share.1))
}

/// A number of seconds, up to an hour.
fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.0..=3600.0).contains(seconds));
    seconds
        .map(Duration::from_secs_f64)
        .ok_or_else(|| "must be a number of seconds from 0 to 3600".to_owned())
}

/// A seed that differs from run to run.
fn random_seed() -> u64 {
    wall_clock().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64 % 1_000_000)
}
