//! The summary of a run: what `--summary` writes as JSON, and what metrics and report show.

use super::timeline::Timeline;
use crate::system::wall_clock;
use serde::Serialize;
use std::time::{Duration, SystemTime};

/// The version of the format.
const FORMAT: u32 = 1;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// It has not ended.
    Running,
    /// Every card of the input has a result, even if that is a failure.
    Complete,
    /// It ended at `--until` or `--limit`, before the end of the input.
    Limited,
    /// A signal stopped it.
    Interrupted,
    /// It stopped itself, because it could not succeed: the account was refused, or the platform was unreachable.
    Stopped,
    /// An error ended it, for example in the configuration or when writing a file.
    Failed,
}

impl State {
    /// Every state.
    pub(crate) const ALL: [Self; 6] =
        [Self::Running, Self::Complete, Self::Limited, Self::Interrupted, Self::Stopped, Self::Failed];

    /// The name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Complete => "complete",
            Self::Limited => "limited",
            Self::Interrupted => "interrupted",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }
}

/// The summary of a run. Names and their meaning never change; new ones may be added.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Summary {
    eiot_summary: u32,
    /// The version of the command.
    pub(crate) version: &'static str,
    pub(crate) state: State,
    /// `None` while it runs.
    pub(crate) exit_code: Option<u8>,
    /// Why it stopped or failed.
    pub(crate) error: Option<String>,
    /// Where the cards come from, where progress is recorded, and where the results go.
    pub(crate) input: String,
    pub(crate) journal: Option<String>,
    pub(crate) output: Option<String>,
    #[serde(serialize_with = "rfc3339")]
    pub(crate) started: SystemTime,
    #[serde(serialize_with = "rfc3339")]
    pub(crate) updated: SystemTime,
    /// The duration so far.
    #[serde(serialize_with = "seconds")]
    pub(crate) seconds: Duration,
    pub(crate) cards: CardCounts,
    /// Requests that were attempted, including retries.
    pub(crate) requests: u64,
    /// Failures by kind and code, the most frequent first.
    pub(crate) failures: Vec<FailureCount>,
    /// Failures of an earlier run with this journal that were not retried, by kind.
    pub(crate) failures_before: Vec<FailureCountBefore>,
    pub(crate) rate: Rate,
    pub(crate) throughput: Timeline,
}

/// Where the cards of the input are; all but `total`, `not_reached` and `open` add up to `read`, except for calls in flight.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct CardCounts {
    /// Cards of the input, if known.
    pub(crate) total: Option<u64>,
    pub(crate) read: u64,
    pub(crate) refreshed: u64,
    pub(crate) failed: u64,
    pub(crate) duplicates: u64,
    pub(crate) refreshed_before: u64,
    pub(crate) failed_before: u64,
    /// Cards that were left out, because they were refreshed not long ago.
    pub(crate) refreshed_recently: u64,
    pub(crate) not_sent: u64,
    /// Cards that were not read.
    pub(crate) not_reached: u64,
    /// Failures, of this run or before, that may succeed later.
    pub(crate) open: u64,
}

/// Failures of one kind and code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct FailureCount {
    pub(crate) kind: &'static str,
    /// The platform's code, verbatim, if it refused the call.
    pub(crate) code: Option<String>,
    pub(crate) count: u64,
    /// How many of them would fail again.
    #[serde(rename = "final")]
    pub(crate) final_count: u64,
    /// The first one.
    pub(crate) example: String,
}

/// Failures of one kind in an earlier run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct FailureCountBefore {
    pub(crate) kind: &'static str,
    pub(crate) count: u64,
}

/// Results per second.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Rate {
    /// The average.
    pub(crate) per_second: f64,
    /// The most in an interval of `throughput`.
    pub(crate) peak_per_second: f64,
    /// The rate limit that this run keeps; `None` without one.
    pub(crate) limit_per_second: Option<f64>,
}

impl Summary {
    /// The summary of a run that starts now.
    pub(crate) fn new(input: String, journal: Option<String>, output: Option<String>) -> Self {
        let now = wall_clock();
        Self {
            eiot_summary: FORMAT,
            version: eiot::VERSION,
            state: State::Running,
            exit_code: None,
            error: None,
            input,
            journal,
            output,
            started: now,
            updated: now,
            seconds: Duration::ZERO,
            cards: CardCounts::default(),
            requests: 0,
            failures: Vec::new(),
            failures_before: Vec::new(),
            rate: Rate::default(),
            throughput: Timeline::default(),
        }
    }

    /// The JSON text, with a line end.
    pub(crate) fn to_json(&self) -> String {
        // Maps with keys that are not text could fail; there are none.
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }
}

fn rfc3339<S: serde::Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_rfc3339_seconds(*time))
}

fn seconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    // Whole milliseconds.
    serializer.serialize_f64((duration.as_secs_f64() * 1000.0).round() / 1000.0)
}
