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
    /// Takes each attempt as a line of text and as JSON.
    report: Option<Py<PyAny>>,
    cancellation: Option<Py<Cancellation>>,
    raised: Option<PyErr>,
    asked: bool,
}

impl Watcher {
    pub(crate) fn new(report: Option<Py<PyAny>>, cancellation: Option<Py<Cancellation>>) -> Self {
        Self { report, cancellation, raised: None, asked: false }
    }

    /// Starts observing.
    pub(crate) fn begin(&mut self) {
        self.asked = false;
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
        if let Some(report) = self.report.take() {
            let (line, event) = (attempt.to_string(), attempt.to_json());
            let _ = self.attached(|py| reported(py, report.call1(py, (line, event))));
            self.report = Some(report);
        }
    }

    /// Notices are rare, and are warnings: Python decides whether they are logged.
    fn notice(&mut self, notice: &Notice<'_>) {
        let line = notice.to_string();
        let _ = self.attached(|py| {
            let module = py.import(intern!(py, "eiot._log"))?;
            reported(py, module.call_method1(intern!(py, "notice"), (line,)))
        });
    }
}

/// A broken log handler or hook must not make a refresh fail; Ctrl-C in one is honored.
fn reported<T>(py: Python<'_>, line: PyResult<T>) -> PyResult<()> {
    match line {
        Err(error) if error.is_instance_of::<PyException>(py) => {
            error.write_unraisable(py, None);
            Ok(())
        }
        line => line.map(drop),
    }
}

/// The exception of a signal handler takes precedence; the outcome of the call becomes its context.
pub(crate) fn interrupted(py: Python<'_>, raised: PyErr, cancelled: PyErr) -> Failure {
    if raised.context(py).is_none() {
        raised.set_context(py, Some(cancelled));
    }
    Failure::Python(raised)
}
