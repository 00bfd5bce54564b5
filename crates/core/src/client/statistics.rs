//! The counters of a client, described in `docs/statistics.md`.

use crate::error::{Error, ErrorKind};
use crate::system;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A wait for a permit is counted from this length on; shorter ones are the time that acquiring takes.
const MIN_PERMIT_WAIT: Duration = Duration::from_millis(1);

/// What the calls of this process have counted. A client shares it with its clones and with derived clients.
pub(crate) struct Statistics {
    since: Instant,
    calls: Ended,
    attempts: Ended,
    attempt_time: Counter,
    retries: Counter,
    permit_waits: Counter,
    permit_wait_time: Counter,
}

/// Calls or attempts.
#[derive(Default)]
struct Ended {
    started: Counter,
    ok: Counter,
    /// By kind, in the order of [`ErrorKind::ALL`].
    failed: [Counter; ErrorKind::ALL.len()],
}

/// A number, or a duration in microseconds.
#[derive(Default)]
struct Counter(AtomicU64);

impl Counter {
    fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    fn add_time(&self, time: Duration) {
        self.add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn milliseconds(&self) -> u64 {
        self.get() / 1000
    }
}

impl Ended {
    fn end(&self, failure: Option<ErrorKind>) {
        match failure {
            None => self.ok.add(1),
            Some(kind) => {
                let counter = ErrorKind::ALL.iter().position(|other| *other == kind);
                counter
                    .and_then(|index| self.failed.get(index))
                    .into_iter()
                    .for_each(|counter| counter.add(1));
            }
        }
    }

    fn snapshot(&self) -> EndedSnapshot {
        // Read before `started`, so that no more have ended than started.
        let ok = self.ok.get();
        let kinds = ErrorKind::ALL.map(ErrorKind::name);
        let failed: BTreeMap<_, _> = kinds.into_iter().zip(self.failed.iter().map(Counter::get)).collect();
        let started = self.started.get();
        let in_flight = started.saturating_sub(ok + failed.values().sum::<u64>());
        EndedSnapshot { started, in_flight, ok, failed }
    }
}

/// All counters at one time.
#[derive(Serialize)]
struct Snapshot<'a> {
    version: &'a str,
    pid: u32,
    host: &'a str,
    age_ms: u64,
    calls: EndedSnapshot,
    attempts: EndedSnapshot,
    attempt_ms: u64,
    retries: u64,
    permit_waits: u64,
    permit_wait_ms: u64,
    idle_event_loops: usize,
}

#[derive(Serialize)]
struct EndedSnapshot {
    started: u64,
    in_flight: u64,
    ok: u64,
    failed: BTreeMap<&'static str, u64>,
}

impl Statistics {
    pub(crate) fn new() -> Self {
        Self {
            since: system::now(),
            calls: Ended::default(),
            attempts: Ended::default(),
            attempt_time: Counter::default(),
            retries: Counter::default(),
            permit_waits: Counter::default(),
            permit_wait_time: Counter::default(),
        }
    }

    pub(super) fn start_call(&self) {
        self.calls.started.add(1);
    }

    pub(super) fn end_call(&self, failure: Option<ErrorKind>) {
        self.calls.end(failure);
    }

    pub(super) fn start_attempt(&self, is_retry: bool) {
        self.attempts.started.add(1);
        if is_retry {
            self.retries.add(1);
        }
    }

    pub(super) fn end_attempt(&self, took: Duration, failure: Option<&Error>) {
        self.attempts.end(failure.map(Error::kind));
        self.attempt_time.add_time(took);
    }

    /// A call has acquired a permit, or was refused one, after this wait.
    pub(super) fn waited(&self, wait: Duration) {
        if wait >= MIN_PERMIT_WAIT {
            self.permit_waits.add(1);
            self.permit_wait_time.add_time(wait);
        }
    }

    /// All counters as one line of JSON.
    pub(super) fn to_json(&self, host: &str, idle_event_loops: usize) -> String {
        let snapshot = Snapshot {
            version: crate::VERSION,
            pid: system::process_id(),
            host,
            age_ms: u64::try_from(system::elapsed(self.since).as_millis()).unwrap_or(u64::MAX),
            calls: self.calls.snapshot(),
            attempts: self.attempts.snapshot(),
            attempt_ms: self.attempt_time.milliseconds(),
            retries: self.retries.get(),
            permit_waits: self.permit_waits.get(),
            permit_wait_ms: self.permit_wait_time.milliseconds(),
            idle_event_loops,
        };
        // Such fields can always be written.
        serde_json::to_string(&snapshot).unwrap_or_default()
    }
}
