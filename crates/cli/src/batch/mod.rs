//! `eiot refresh --from`: refreshes the cards of a file, many calls in flight at once, with a journal.
//!
//! `run` feeds the batch · `outcomes` writes the results · `journal` records them on disk · `retry_rules` decides which cards of an
//! earlier run are retried, `limits` (`until`, `recent`) when a run ends and which cards it leaves out · `shuffle` orders them ·
//! `statistics` counts · `progress` shows how far the run is · `run_files` keeps summary, metrics and report · `dry_run` only says
//! what a run would do · `signals` stops it · `reading` reads cards after their refresh · `seen` finds duplicates that are far
//! apart · `same_file` protects files from being overwritten, which
//! `file_id` tells apart.

mod card_result;
mod dry_run;
mod file_id;
pub(crate) mod journal;
mod limits;
mod outcomes;
mod progress;
mod reading;
mod recent;
mod request_counter;
mod retry_rules;
mod run;
mod run_files;
mod same_file;
mod seen;
mod shuffle;
mod signals;
mod statistics;
mod status_signal;
mod until;

use self::dry_run::DryRun;
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
use crate::input::cards::{Card, Cards};
use crate::input::feed::Feed;
use crate::output::verbose_logger::VerboseLogger;
use crate::output::{ExitCode, Failure, OutputOptions, warn};
use crate::system::{fs, wall_clock};
use clap::Args;
use eiot::{Client, Config, Error, RateScope};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

/// Where the cards come from, and where their results go.
#[derive(Args)]
pub(crate) struct BatchOptions {
    /// Refresh the cards of FILE, or of standard input (-): CSV, TSV, JSON Lines, .xlsx, or one EID per line; also in gzip
    #[arg(long, value_name = "FILE", conflicts_with = "eids")]
    from: Option<PathBuf>,
    /// The column that holds the EIDs, by name, or by position (1, 2, ...) in a table without a header [eid]
    #[arg(long, value_name = "COLUMN", requires = "from")]
    column: Option<String>,
    #[command(flatten)]
    input: InputOptions,
    /// Record progress in FILE and resume a previous run from it
    #[arg(long, value_name = "FILE", requires = "from")]
    journal: Option<PathBuf>,
    /// With --journal, which failed cards to retry besides those whose failure was transient
    #[arg(long, value_name = "RULE", requires = "journal", value_enum, value_delimiter = ',')]
    retry: Vec<RetryRule>,
    /// Write the results to FILE instead of standard output
    #[arg(long, value_name = "FILE", requires = "from")]
    out: Option<PathBuf>,
    /// Maximum number of calls in flight, 1 to 1024 [32]
    #[arg(long, value_name = "COUNT", requires = "from", default_value = "32", hide_default_value = true)]
    concurrency: usize,
    /// Send no card from TIME on: 06:00 in local time, or a date and time such as 2026-11-27T06:00:00Z
    #[arg(long, value_name = "TIME", requires = "from")]
    until: Option<String>,
    /// Send at most COUNT cards
    #[arg(long, value_name = "COUNT", requires = "from")]
    limit: Option<u64>,
    /// Leave out cards that were refreshed within this time, such as 20h, according to --history
    #[arg(long, value_name = "DURATION", requires = "from", value_parser = humantime::parse_duration)]
    not_refreshed_since: Option<Duration>,
    /// With --not-refreshed-since, a journal or a directory of journals [the directory of --journal]
    #[arg(long, value_name = "PATH", requires = "not_refreshed_since")]
    history: Option<PathBuf>,
    /// Refresh the cards in a random order, the same one for the same SEED; keeps all cards in memory
    #[arg(long, value_name = "SEED", requires = "from", num_args = 0..=1, require_equals = true)]
    shuffle: Option<Option<u64>>,
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
    /// Read all cards and print what would be done; send nothing and write no file
    #[arg(long, requires = "from")]
    dry_run: bool,
    #[command(flatten)]
    files: RunFileOptions,
}

impl BatchOptions {
    /// Whether `--from` was given.
    ///
    /// # Errors
    /// If it was not, and a flag that needs it was.
    pub(crate) fn is_requested(&self) -> Result<bool, Error> {
        let InputOptions { encoding, sheet, allow_empty } = &self.input;
        match self.from.is_none() && (encoding.is_some() || sheet.is_some() || *allow_empty) {
            true => Err(Error::invalid_argument("--encoding, --sheet and --allow-empty need --from")),
            false => Ok(self.from.is_some()),
        }
    }

    /// Refreshes the cards. Returns the largest of their exit codes. Without a configuration, the run fails, and its files say so.
    pub(crate) fn run(
        &self,
        config: Result<Config, Error>,
        output_options: OutputOptions,
    ) -> Result<ExitCode, Failure> {
        let Some(from) = &self.from else { return Ok(ExitCode::Success) };
        self.refuse_same_files(from)?;
        if self.dry_run {
            return self.dry_run(from, config?);
        }
        let (journal, output) = (self.journal.as_deref(), self.out.as_deref());
        let mut files = self.files.open(&OtherFiles { input: from, journal, output })?;
        let result = config.map_err(Failure::from).and_then(|config| {
            files.set_rate_limit(rate(&config));
            self.refresh(from, config, output_options, &mut files)
        });
        files.finish(result)
    }

    fn refresh(
        &self,
        from: &Path,
        config: Config,
        output_options: OutputOptions,
        files: &mut RunFiles,
    ) -> Result<ExitCode, Failure> {
        let stop = signals::stop_on_signals()?;
        let client = Client::new(config)?;
        let job = job(&client, from);
        let mut plan = self.plan(from, client.config(), &job)?;
        plan.total = self.count(from, &stop)?;
        let mut feed = self.feed(from, &stop, output_options)?;
        let mut journal = self.journal.as_ref().map(|path| Journal::open(path, &job)).transpose()?;
        for (journal, path) in journal.iter().zip(&self.journal) {
            for repair in journal.repairs() {
                warn(format_args!("{}: {repair}", path.display()));
            }
        }
        // Links may lead to the journal only now that it exists.
        self.refuse_same_files(from)?;
        let outcomes = Outcomes::open(self.out.as_deref(), journal.as_mut(), output_options)?;
        let OutputOptions { verbose, quiet, .. } = output_options;
        let logger = RequestCounter::new(VerboseLogger { verbose, quiet }, files.requests());
        let mut run = Run::new(plan, journal, outcomes, output_options, files)?;
        let mut batch = client.batch(self.concurrency, Box::new(logger))?;
        batch.stop_when(stop.clone());
        run.process(&mut feed, &mut batch, &stop);
        Ok(run.finish())
    }

    /// Says what a run would do.
    fn dry_run(&self, from: &Path, mut config: Config) -> Result<ExitCode, Failure> {
        let rate = rate(&config);
        // Other scopes keep files.
        config.rate_scope = RateScope::Process;
        let client = Client::new(config)?;
        let job = job(&client, from);
        let cards = Cards::open(from, self.column.as_deref(), &self.input)?;
        let history = self.journal.as_ref().map(|path| Journal::read_only(path, &job)).transpose()?;
        let plan = self.plan(from, client.config(), &job)?;
        DryRun {
            plan,
            history,
            rate,
            concurrency: self.concurrency,
            calls_per_card: 1 + u32::from(self.then_get.is_some()),
        }
        .run(cards)
    }

    fn plan(&self, from: &Path, config: &Config, job: &JobKey) -> Result<Plan, Error> {
        let now = wall_clock();
        let recent = self.not_refreshed_since.map(|within| {
            let beside = self.journal.as_ref().map(|journal| match journal.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
                _ => PathBuf::from("."),
            });
            let Some(history) = self.history.clone().or(beside) else {
                return Err(Error::invalid_argument("--not-refreshed-since needs --history or --journal"));
            };
            Recent::read(&history, job, now.checked_sub(within).unwrap_or(SystemTime::UNIX_EPOCH))
        });
        Ok(Plan {
            from: from.to_owned(),
            input: self.input.clone(),
            eid_rules: config.eid_rules(),
            rules: RetryRules::new(&self.retry)?,
            limits: Limits {
                until: self.until.as_ref().map(|text| until::parse(text, now)).transpose()?,
                count: self.limit,
                recent: recent.transpose()?,
            },
            total: None,
            then_get: self.then_get,
            is_unlimited: config.rate_limit.is_none(),
            timeout: config.timeout,
        })
    }

    /// Begins to read the cards.
    fn feed(
        &self,
        from: &Path,
        stop: &AtomicBool,
        output_options: OutputOptions,
    ) -> Result<Feed<Card>, Error> {
        let (from, column, input) = (from.to_owned(), self.column.clone(), self.input.clone());
        let seed = self.shuffle.map(|seed| seed.unwrap_or_else(random_seed));
        if let (Some(seed), Some(None), false) = (seed, self.shuffle, output_options.quiet) {
            warn(format_args!("the order is that of --shuffle={seed}"));
        }
        let open = move || -> Result<Box<dyn Iterator<Item = Result<Card, Error>>>, Error> {
            let cards = Cards::open(&from, column.as_deref(), &input)?;
            Ok(match seed {
                Some(seed) => Box::new(shuffle::shuffled(cards, seed)),
                None => Box::new(cards),
            })
        };
        Feed::start(open, stop)
    }

    /// The number of cards, if the input is a regular file, which can be read twice. An error in the file is found before anything
    /// is sent.
    fn count(&self, from: &Path, stop: &AtomicBool) -> Result<Option<u64>, Error> {
        if !fs::metadata(from).is_ok_and(|metadata| metadata.is_file()) {
            return Ok(None);
        }
        let mut count = 0;
        for card in Cards::open(from, self.column.as_deref(), &self.input)? {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            card.inspect_err(|_| warn("nothing was sent, because the input has an error"))?;
            count += 1;
        }
        self.input.check_not_empty(from, count)?;
        Ok(Some(count))
    }

    fn refuse_same_files(&self, from: &Path) -> Result<(), Error> {
        let file = |role, path, is_written| RunFile { role, path, is_written };
        let stdout = (Path::new("-"), "standard output");
        let (out, role) = self.out.as_deref().map_or(stdout, |out| (out, "--out"));
        let journal = self.journal.as_deref().map(|path| file("--journal", path, true));
        let files = [file("--from", from, false), file(role, out, true)].into_iter().chain(journal);
        let reports = self.files.paths().into_iter().map(|(role, path)| file(role, path, true));
        refuse_same_files(&files.into_iter().chain(reports).collect::<Vec<_>>())
    }
}

/// The rate limit of a run in calls per second; `None` without a limit.
fn rate(config: &Config) -> Option<f64> {
    config.rate_limit.map(|limit| limit * Config::RATE_USED / f64::from(config.rate_share.1))
}

fn job(client: &Client, from: &Path) -> JobKey {
    // The same file, whatever path leads to it.
    let input = fs::canonicalize(from).unwrap_or_else(|_| from.to_owned());
    JobKey::new(client, input.to_string_lossy())
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
