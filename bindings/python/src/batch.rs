//! Batches for Python.

use crate::cancellation::Cancellation;
use crate::exception::exception;
use crate::guard::{Failure, guarded};
use crate::parts::{OutcomeParts, SummaryParts, reply_parts, summary_parts};
use crate::text::bytes;
use crate::watcher::{Watcher, interrupted};
use eiot::{Attempt, Batch, Client, Error, Notice, Observer, Outcome, Summary};
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyString};
use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

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
    is_broken_off: bool,
    /// Results of a cancelled batch that were not fetched yet.
    kept: VecDeque<Outcome>,
}

impl BatchHandle {
    pub(crate) fn new(client: &Client, concurrency: &Bound<'_, PyInt>) -> Result<Self, Failure> {
        // The core reports numbers out of range, including those that Rust cannot represent.
        let most = if concurrency.lt(0)? { 0 } else { concurrency.extract().unwrap_or(usize::MAX) };
        let cancellation = Py::new(concurrency.py(), Cancellation::new())?;
        let watcher = Watcher::new(Some(cancellation.clone_ref(concurrency.py())));
        let watcher = Arc::new(Mutex::new(watcher));
        let mut batch = client.batch(most, Box::new(Shared(watcher.clone())))?;
        let stop = Arc::new(AtomicBool::new(false));
        batch.stop_when(stop.clone());
        let state = State { batch: Some(batch), is_broken_off: false, kept: VecDeque::new() };
        let (state, summary) = (Mutex::new(state), Mutex::default());
        Ok(Self { pid: std::process::id(), state, watcher, stop, cancellation, summary })
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

#[pymethods]
impl BatchHandle {
    /// Whether another EID should be pushed before the next wait.
    fn has_room(&self, py: Python<'_>) -> PyResult<bool> {
        guarded(py, || {
            let Some(state) = self.state()? else { return Ok(false) };
            Ok(!state.is_broken_off && state.batch.as_ref().is_some_and(Batch::has_room))
        })
    }

    /// Adds a card.
    fn push(&self, py: Python<'_>, eid: &Bound<'_, PyString>) -> PyResult<()> {
        guarded(py, || {
            let eid = bytes(eid)?;
            let Some(mut state) = self.state()? else { return Ok(()) };
            if let Some(batch) = &mut state.batch {
                batch.push(eid);
            }
            self.count(state.batch.as_ref());
            Ok(())
        })
    }

    /// Waits until a card is done; returns `None` when all are. Other Python threads and this thread's signal handlers
    /// run in the meantime. Returns the EID and either the reply tuple or the exception. If a signal handler raises,
    /// the exception is raised here, and all calls are cancelled: their results are kept for later calls.
    #[pyo3(
        signature = () -> "tuple[str, tuple[str, str, str, str | None, int, str] | None, BaseException | None] | None"
    )]
    fn next(&self, py: Python<'_>) -> PyResult<Option<OutcomeParts>> {
        guarded(py, || {
            let Some(mut guard) = self.state()? else { return Ok(None) };
            let state = &mut *guard;
            locked(&self.watcher).begin(py)?;
            let cancellation = self.cancellation.get();
            let outcome = py.detach(|| state.next(cancellation));
            let raised = locked(&self.watcher).take_raised();
            if let Some(raised) = raised {
                // First, so that signals are no longer checked: the exception of a handler would be lost.
                cancellation.trigger();
                py.detach(|| state.break_off());
                self.count(state.batch.as_ref());
                // As for a single call, the outcome of a card is the exception's context.
                let cancelled = outcome.as_ref().and_then(|outcome| outcome.result.as_ref().err());
                let cancelled = cancelled.map(|error| exception(py, error));
                outcome.into_iter().for_each(|outcome| state.kept.push_front(outcome));
                return Err(match cancelled {
                    Some(cancelled) => interrupted(py, raised, cancelled),
                    None => Failure::Python(raised),
                });
            }
            self.count(state.batch.as_ref());
            Ok(outcome.map(|Outcome { eid, result, .. }| match result {
                Ok(reply) => (eid, Some(reply_parts(&reply)), None),
                Err(error) => (error.eid().map_or(eid, str::to_owned), None, Some(exception(py, &error))),
            }))
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
            py.detach(|| state.break_off());
            self.count(state.batch.as_ref());
            // The user is this thread, in a handler of log lines.
            let raised = locked(&self.watcher).take_raised();
            raised.map_or(Ok(()), |raised| Err(Failure::Python(raised)))
        })
    }

    /// Like `cancel`; if the batch is not in use, also drops the results and closes the connections.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.cancel(py)?;
        guarded(py, || {
            if let Ok(Some(mut guard)) = self.state() {
                guard.kept.clear();
                let batch = guard.batch.take();
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
        let outcome = match &mut self.batch {
            Some(batch) if !self.is_broken_off => next_card(batch),
            _ => None,
        };
        if cancellation.is_triggered() {
            self.break_off();
        }
        outcome.or_else(|| self.kept.pop_front())
    }

    /// Fetches the results of all calls in flight.
    fn break_off(&mut self) {
        self.is_broken_off = true;
        if let Some(batch) = &mut self.batch {
            batch.cancel();
            self.kept.extend(std::iter::from_fn(|| next_card(batch)));
        }
    }
}

/// The next outcome that is not a duplicate's.
fn next_card(batch: &mut Batch) -> Option<Outcome> {
    loop {
        let outcome = batch.next()?;
        if !outcome.is_duplicate {
            return Some(outcome);
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
