//! Signals and log lines while calls are in flight.

use crate::cancellation::Cancellation;
use crate::guard::Failure;
use eiot::{Attempt, Notice, Observer};
use pyo3::exceptions::PyException;
use pyo3::intern;
use pyo3::prelude::*;
use std::ops::ControlFlow;

/// An observer that attaches to the interpreter only when there is something to do there.
pub(crate) struct Watcher {
    log: Option<Py<PyAny>>,
    cancellation: Option<Py<Cancellation>>,
    raised: Option<PyErr>,
    asked: bool,
}

impl Watcher {
    pub(crate) fn new(cancellation: Option<Py<Cancellation>>) -> Self {
        Self { log: None, cancellation, raised: None, asked: false }
    }

    /// Starts observing.
    pub(crate) fn begin(&mut self, py: Python<'_>) -> PyResult<()> {
        self.log = log_function(py)?;
        self.asked = false;
        Ok(())
    }

    /// The exception that Python code has raised since.
    pub(crate) fn take_raised(&mut self) -> Option<PyErr> {
        self.raised.take()
    }

    /// A Python exception cancels the call. While the interpreter shuts down, no Python code runs.
    fn attached(&mut self, run: impl FnOnce(Python<'_>) -> PyResult<()>) -> ControlFlow<()> {
        match Python::try_attach(run).unwrap_or(Ok(())) {
            Ok(()) => ControlFlow::Continue(()),
            Err(exception) => {
                self.raised = Some(exception);
                ControlFlow::Break(())
            }
        }
    }
}

impl Observer for Watcher {
    /// Runs Python's signal handlers. An exception that they raise, such as `KeyboardInterrupt`, cancels the call.
    fn keep_going(&mut self) -> ControlFlow<()> {
        let cancelled = self.cancellation.as_ref().is_some_and(|asked| asked.get().is_triggered());
        if cancelled || self.raised.is_some() {
            return ControlFlow::Break(());
        }
        if !std::mem::replace(&mut self.asked, true) {
            // At the start of the call, the interpreter has just checked signals itself.
            return ControlFlow::Continue(());
        }
        self.attached(|py| py.check_signals())
    }

    fn attempt(&mut self, attempt: &Attempt<'_>) {
        if let Some(log) = self.log.take() {
            let failed = attempt.failure.is_some();
            let line = attempt.to_string();
            let _ = self.attached(|py| logged(py, log.call1(py, (line, failed))));
            self.log = Some(log);
        }
    }

    /// Notices are rare, and are warnings: Python decides whether they are logged.
    fn notice(&mut self, notice: &Notice<'_>) {
        let line = notice.to_string();
        let _ = self.attached(|py| {
            let module = py.import(intern!(py, "eiot._log"))?;
            logged(py, module.call_method1(intern!(py, "notice"), (line,)))
        });
    }
}

/// A broken log handler must not make a refresh fail; Ctrl-C in one is honored.
fn logged<T>(py: Python<'_>, line: PyResult<T>) -> PyResult<()> {
    match line {
        Err(error) if error.is_instance_of::<PyException>(py) => {
            error.write_unraisable(py, None);
            Ok(())
        }
        line => line.map(drop),
    }
}

/// Whether attempts are logged.
pub(crate) fn logs_attempts(py: Python<'_>) -> PyResult<bool> {
    py.import(intern!(py, "eiot._log"))?.call_method0(intern!(py, "is_enabled"))?.extract()
}

/// `eiot._log.attempt`, if attempts are logged.
fn log_function(py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
    let function = || py.import(intern!(py, "eiot._log"))?.getattr(intern!(py, "attempt")).map(Bound::unbind);
    logs_attempts(py)?.then(function).transpose()
}

/// The exception of a signal handler takes precedence; the outcome of the call becomes its context.
pub(crate) fn interrupted(py: Python<'_>, raised: PyErr, cancelled: PyErr) -> Failure {
    if raised.context(py).is_none() {
        raised.set_context(py, Some(cancelled));
    }
    Failure::Python(raised)
}
