//! What a run leaves behind besides its results: a summary, metrics and a report, which are refreshed while it runs and written
//! even if it fails.

use super::card_result::CardResult;
use super::statistics::Statistics;
use crate::output::metrics::{last_success, metrics};
use crate::output::report::report;
use crate::output::summary::{FailureCount, FailureCountBefore, Rate, State, Summary};
use crate::output::timeline::Timeline;
use crate::output::{ExitCode, Failure, replace_file, warn};
use crate::system::{elapsed, fs, now, wall_clock};
use clap::Args;
use eiot::{Error, ErrorKind};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The files are refreshed this often.
const INTERVAL: Duration = Duration::from_secs(5);

/// More combinations of kind and code are counted together, so that memory does not grow with what the platform returns.
const MAX_FAILURES: usize = 200;

/// Where to write what.
#[derive(Args)]
#[command(next_help_heading = "Reports")]
pub(crate) struct RunFileOptions {
    /// Write a summary of the run to FILE: JSON, refreshed every 5 seconds
    #[arg(long, value_name = "FILE", requires = "from")]
    summary: Option<PathBuf>,
    /// Write metrics of the run to FILE, such as DIR/eiot.prom, for Prometheus' textfile collector
    #[arg(long, value_name = "FILE", requires = "from")]
    metrics: Option<PathBuf>,
    /// Write a report of the run to FILE: a self-contained HTML page
    #[arg(long, value_name = "FILE", requires = "from")]
    report: Option<PathBuf>,
}

/// The other files of a run.
pub(crate) struct OtherFiles<'a> {
    pub(crate) input: &'a Path,
    pub(crate) journal: Option<&'a Path>,
    pub(crate) output: Option<&'a Path>,
}

/// The files, and what they say.
pub(crate) struct RunFiles {
    summary_file: Option<PathBuf>,
    metrics_file: Option<PathBuf>,
    report_file: Option<PathBuf>,
    summary: Summary,
    failures: BTreeMap<(ErrorKind, Option<String>), FailureCount>,
    timeline: Timeline,
    started: Instant,
    /// How long the run took, once it has ended.
    duration: Option<Duration>,
    last_written: Instant,
    requests: Arc<AtomicU64>,
    /// The first error of a refresh was shown.
    has_warned: bool,
}

impl RunFileOptions {
    /// Opens the files: writes the first version of each, so that a run that cannot report does not start.
    ///
    /// # Errors
    /// [`Failure::unwritable`].
    pub(crate) fn open(&self, others: &OtherFiles<'_>) -> Result<RunFiles, Failure> {
        let shown = |path: &Path| path.display().to_string();
        let now = now();
        let [summary_file, metrics_file, report_file] = self.targets()?;
        let mut files = RunFiles {
            summary_file,
            metrics_file,
            report_file,
            summary: Summary::new(shown(others.input), others.journal.map(shown), others.output.map(shown)),
            failures: BTreeMap::new(),
            timeline: Timeline::default(),
            started: now,
            duration: None,
            last_written: now,
            requests: Arc::default(),
            has_warned: false,
        };
        files.write()?;
        Ok(files)
    }

    /// The files and their flags.
    pub(crate) fn paths(&self) -> Vec<(&'static str, &Path)> {
        let files = [("--summary", &self.summary), ("--metrics", &self.metrics), ("--report", &self.report)];
        files.into_iter().filter_map(|(flag, path)| Some((flag, path.as_deref()?))).collect()
    }

    /// The files that links lead to, which are replaced instead of the links.
    fn targets(&self) -> Result<[Option<PathBuf>; 3], Error> {
        let mut targets = [&self.summary, &self.metrics, &self.report].map(Clone::clone);
        for path in targets.iter_mut().flatten() {
            let refuse = |why: &str| Err(Error::invalid_argument(format!("{} {why}", path.display())));
            match target(path) {
                None => return refuse("cannot be written: its directory does not exist"),
                Some(target) if fs::metadata(&target).is_ok_and(|metadata| !metadata.is_file()) => {
                    return refuse("is not a regular file");
                }
                Some(target) => *path = target,
            }
        }
        Ok(targets)
    }
}

impl RunFiles {
    /// Counts the requests of the run.
    pub(crate) fn requests(&self) -> Arc<AtomicU64> {
        self.requests.clone()
    }

    /// Starts the clock of the run, when everything is ready.
    pub(crate) fn start(&mut self) -> Instant {
        self.started = now();
        self.summary.started = wall_clock();
        self.started
    }

    /// Sets the rate limit that the run keeps.
    pub(crate) fn set_rate_limit(&mut self, limit: Option<f64>) {
        self.summary.rate.limit_per_second = limit;
    }

    /// Counts a result.
    pub(crate) fn count(&mut self, card: &CardResult<'_>) {
        self.timeline.count(elapsed(self.started), card.result.is_ok());
        let Err(error) = card.result else { return };
        let code = error.platform_code().map(str::to_owned);
        let mut key = (error.kind(), code);
        if self.failures.len() >= MAX_FAILURES && !self.failures.contains_key(&key) {
            key.1 = Some("other codes".to_owned());
        }
        let code = key.1.clone();
        let failure = self.failures.entry(key).or_insert_with(|| FailureCount {
            kind: error.kind().name(),
            code,
            count: 0,
            final_count: 0,
            example: card.describe(error),
        });
        failure.count += 1;
        failure.final_count += u64::from(error.is_final());
    }

    /// Writes the files again if they are due. A failure does not end the run; it is shown once.
    pub(crate) fn refresh(&mut self, statistics: &Statistics, total: Option<u64>) {
        if elapsed(self.last_written) < INTERVAL {
            return;
        }
        self.last_written = now();
        self.observe(statistics, total);
        if let Err(failure) = self.write() {
            if !std::mem::replace(&mut self.has_warned, true) {
                warn(format_args!("{failure}; trying again"));
            }
        }
    }

    /// Takes over the counts.
    fn observe(&mut self, statistics: &Statistics, total: Option<u64>) {
        self.summary.cards = statistics.counts(total);
        self.summary.failures_before = statistics
            .failures_before()
            .map(|(kind, count)| FailureCountBefore { kind: kind.name(), count })
            .collect();
    }

    /// Takes over how the run ended, and why.
    pub(crate) fn end(
        &mut self,
        statistics: &Statistics,
        total: Option<u64>,
        state: State,
        why: Option<String>,
    ) {
        self.observe(statistics, total);
        self.duration = Some(elapsed(self.started));
        self.summary.state = state;
        self.summary.error = why;
    }

    /// Writes the files for the last time and returns the result of the run. Failing to write them is a failure of a run that
    /// otherwise succeeded.
    pub(crate) fn finish(mut self, result: Result<ExitCode, Failure>) -> Result<ExitCode, Failure> {
        let exit_code = match &result {
            Ok(exit_code) => *exit_code,
            Err(failure) => failure.exit_code(),
        };
        if let Err(failure) = &result {
            self.summary.state = State::Failed;
            self.summary.error = Some(failure.to_string());
        }
        self.summary.exit_code = Some(exit_code.number());
        match self.write() {
            Ok(()) => result,
            Err(failure) => {
                warn(failure);
                result.map(|exit_code| exit_code.max(ExitCode::Failure))
            }
        }
    }

    fn write(&mut self) -> Result<(), Failure> {
        self.update();
        let summary = &self.summary;
        if let Some(file) = &self.summary_file {
            replace_file(file, summary.to_json().as_bytes(), false)?;
        }
        if let Some(file) = &self.metrics_file {
            let last_success = fs::read_to_string(file).ok().as_deref().and_then(last_success);
            let run = file.file_stem().unwrap_or_default().to_string_lossy();
            // It names no card, and the agent that collects it is another user.
            replace_file(file, metrics(summary, &run, last_success).as_bytes(), true)?;
        }
        if let Some(file) = &self.report_file {
            replace_file(file, report(summary).as_bytes(), false)?;
        }
        Ok(())
    }

    /// Brings times, rates and failures up to date.
    fn update(&mut self) {
        let summary = &mut self.summary;
        let elapsed = self.duration.unwrap_or_else(|| elapsed(self.started));
        let results = summary.cards.refreshed + summary.cards.failed;
        summary.updated = wall_clock();
        summary.seconds = elapsed;
        summary.requests = self.requests.load(Ordering::Relaxed);
        summary.failures = self.failures.values().cloned().collect();
        summary.failures.sort_by_key(|failure| std::cmp::Reverse(failure.count));
        if results > 0 {
            self.timeline.at(elapsed);
        }
        summary.throughput = self.timeline.clone();
        summary.rate = Rate {
            per_second: round(results as f64 / elapsed.as_secs_f64().max(0.001)),
            peak_per_second: round(self.timeline.peak_per_second()),
            ..summary.rate.clone()
        };
    }
}

fn round(rate: f64) -> f64 {
    (rate * 1000.0).round() / 1000.0
}

/// The file that a path leads to, whether or not it exists. `None` if its directory does not exist.
fn target(path: &Path) -> Option<PathBuf> {
    if let Ok(file) = fs::canonicalize(path) {
        return Some(file);
    }
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Some(fs::canonicalize(directory).ok()?.join(path.file_name()?))
}
