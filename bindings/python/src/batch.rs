//! Batches for Python.

use crate::cancellation::Cancellation;
use crate::exception::exception;
use crate::guard::{Failure, guarded};
use crate::parts::{OutcomeParts, SummaryParts, outcome_parts, summary_parts};
use crate::text::bytes;
use crate::watcher::{Watcher, interrupted};
use eiot::{Attempt, Batch, Client, Error, Notice, Observer, Outcome, Summary};
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyString};
use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

/// A batch. Requires exclusive access, except for `stop` and `cancel`, which are thread-safe.
#[pyclass(frozen, module = "eiot._native")]
pub(crate) struct BatchHandle {
    /// A forked child must not use a lock that another thread may have held at the fork.
    pid: u32,
    state: Mutex<State>,
    watcher: Arc<Mutex<Watcher>>,
    stop: Arc<AtomicBool>,
    cancellation: Py<Cancellation>,
    /// The state after the last use, for concurrent readers. This lock is held only briefly.
    summary: Mutex<Summary>,
}

struct State {
    /// `None` once it is closed.
    batch: Option<Batch>,
    /// Outcomes that came together with an exception or a cancellation.
    kept: VecDeque<Outcome>,
}

impl BatchHandle {
    pub(crate) fn new(
        client: &Client,
        concurrency: &Bound<'_, PyInt>,
        report: Option<Py<PyAny>>,
    ) -> Result<Self, Failure> {
        let cancellation = Py::new(concurrency.py(), Cancellation::new())?;
        let watcher = Watcher::new(report, Some(cancellation.clone_ref(concurrency.py())));
        let watcher = Arc::new(Mutex::new(watcher));
        let mut batch = client.batch(most(concurrency)?, Box::new(Shared(watcher.clone())))?;
        let stop = Arc::new(AtomicBool::new(false));
        batch.stop_when(stop.clone());
        let state = Mutex::new(State { batch: Some(batch), kept: VecDeque::new() });
        Ok(Self { pid: std::process::id(), state, watcher, stop, cancellation, summary: Mutex::default() })
    }

    /// The batch; `None` in a forked child, where no call is in flight.
    fn state(&self) -> Result<Option<MutexGuard<'_, State>>, Error> {
        if self.pid != std::process::id() {
            return Ok(None);
        }
        match self.state.try_lock() {
            Ok(state) => Ok(Some(state)),
            Err(TryLockError::Poisoned(state)) => Ok(Some(state.into_inner())),
            // Waiting here could deadlock: the holder may be further up on this thread's own stack.
            Err(TryLockError::WouldBlock) => {
                Err(Error::invalid_argument("these results are being waited for already"))
            }
        }
    }

    fn count(&self, batch: Option<&Batch>) {
        if let Some(batch) = batch {
            locked(&self.summary).clone_from(batch.summary());
        }
    }
}

/// The core reports numbers out of range, including those that Rust cannot represent.
pub(crate) fn most(concurrency: &Bound<'_, PyInt>) -> PyResult<usize> {
    Ok(if concurrency.lt(0)? { 0 } else { concurrency.extract().unwrap_or(usize::MAX) })
}

#[pymethods]
impl BatchHandle {
    /// Whether another EID should be pushed before the next wait.
    fn has_room(&self, py: Python<'_>) -> PyResult<bool> {
        guarded(py, || {
            Ok(self.state()?.is_some_and(|state| state.batch.as_ref().is_some_and(Batch::has_room)))
        })
    }

    /// Adds a card, whose outcome comes back with the tag.
    fn push(&self, py: Python<'_>, eid: &Bound<'_, PyString>, tag: u64) -> PyResult<()> {
        guarded(py, || {
            let eid = bytes(eid)?;
            let Some(mut state) = self.state()? else { return Ok(()) };
            if let Some(batch) = &mut state.batch {
                batch.push_tagged(eid, tag);
            }
            self.count(state.batch.as_ref());
            Ok(())
        })
    }

    /// Waits until a card is done; returns `None` when all are. Other Python threads and this thread's signal handlers
    /// run in the meantime. Returns tag, EID, whether it is a duplicate, and the reply tuple or the exception. If a signal
    /// handler raises, the exception is raised here, and all calls are cancelled; their outcomes are returned later.
    #[pyo3(
        signature = () -> "tuple[int, str, bool, tuple[str, str, str, str | None, int, str] | None, BaseException | None] | None"
    )]
    fn next(&self, py: Python<'_>) -> PyResult<Option<OutcomeParts>> {
        guarded(py, || {
            let Some(mut guard) = self.state()? else { return Ok(None) };
            let state = &mut *guard;
            locked(&self.watcher).begin();
            let cancellation = self.cancellation.get();
            let outcome = py.detach(|| state.next(cancellation));
            let raised = locked(&self.watcher).take_raised();
            if let Some(raised) = raised {
                // First, so that signals are no longer checked: the exception of a handler would be lost.
                cancellation.trigger();
                py.detach(|| state.cancel());
                self.count(state.batch.as_ref());
                // As for a single call, the outcome of a card is the exception's context.
                let cancelled = outcome.as_ref().and_then(|outcome| outcome.result.as_ref().err());
                let cancelled = cancelled.map(|error| exception(py, error));
                state.kept.extend(outcome);
                return Err(match cancelled {
                    Some(cancelled) => interrupted(py, raised, cancelled),
                    None => Failure::Python(raised),
                });
            }
            self.count(state.batch.as_ref());
            Ok(outcome.map(|outcome| outcome_parts(py, outcome)))
        })
    }

    /// Stops sending: waiting cards are returned as cancelled, calls in flight complete. Thread-safe.
    fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Cancels all calls, within 50 ms if a thread is waiting; all cards are returned. Thread-safe.
    fn cancel(&self, py: Python<'_>) -> PyResult<()> {
        guarded(py, || {
            self.cancellation.get().trigger();
            // If it is in use, the thread that uses it does the rest.
            let Ok(Some(mut guard)) = self.state() else { return Ok(()) };
            let state = &mut *guard;
            py.detach(|| state.cancel());
            self.count(state.batch.as_ref());
            // The user is this thread, in a handler of log lines.
            let raised = locked(&self.watcher).take_raised();
            raised.map_or(Ok(()), |raised| Err(Failure::Python(raised)))
        })
    }

    /// Like `cancel`; if the batch is not in use, also counts and drops the outcomes, and closes the connections.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.cancel(py)?;
        guarded(py, || {
            if let Ok(Some(mut guard)) = self.state() {
                guard.kept.clear();
                let batch = guard.batch.take();
                let batch = py.detach(|| {
                    batch.map(|mut batch| {
                        while batch.next().is_some() {}
                        batch
                    })
                });
                self.count(batch.as_ref());
                py.detach(|| drop(batch));
            }
            Ok(())
        })
    }

    /// Cards submitted, refreshed, and skipped as duplicates; failures by kind. Calls in flight are not counted.
    #[pyo3(signature = () -> "tuple[int, int, int, dict[str, int]]")]
    fn summary(&self, py: Python<'_>) -> PyResult<SummaryParts> {
        guarded(py, || {
            let is_forked = self.pid != std::process::id();
            Ok(if is_forked { SummaryParts::default() } else { summary_parts(&locked(&self.summary)) })
        })
    }
}

impl State {
    fn next(&mut self, cancellation: &Cancellation) -> Option<Outcome> {
        let outcome = self.kept.pop_front().or_else(|| self.batch.as_mut().and_then(Batch::next));
        if cancellation.is_triggered() {
            self.cancel();
        }
        outcome
    }

    /// Ends all calls; their outcomes are ready then.
    fn cancel(&mut self) {
        if let Some(batch) = &mut self.batch {
            batch.cancel();
            self.kept.extend(batch.next_timeout(Duration::ZERO));
        }
    }
}

/// The observer of the batch, which shares its state with the handle.
struct Shared(Arc<Mutex<Watcher>>);

impl Observer for Shared {
    fn keep_going(&mut self) -> ControlFlow<()> {
        locked(&self.0).keep_going()
    }

    fn attempt(&mut self, attempt: &Attempt<'_>) {
        locked(&self.0).attempt(attempt);
    }

    fn notice(&mut self, notice: &Notice<'_>) {
        locked(&self.0).notice(notice);
    }
}

/// A panic cannot leave this half done.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
