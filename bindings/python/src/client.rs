//! The client, for Python.

use crate::exception::exception;
use crate::guard::{Failure, guarded};
use crate::options::config;
use crate::text::bytes;
use eiot::{Attempt, Client, Observer};
use pyo3::exceptions::PyException;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use std::ops::ControlFlow;

/// What a Python `Client` holds.
#[pyclass(frozen, module = "eiot._native")]
pub(crate) struct ClientHandle {
    client: Client,
    #[pyo3(get)]
    appkey: String,
    #[pyo3(get)]
    base_url: String,
    #[pyo3(get)]
    timeout: f64,
    #[pyo3(get)]
    connect_timeout: f64,
}

/// EID, message, data as JSON text, attempts, delivered.
type ReplyParts = (String, String, Option<String>, u32, &'static str);

#[pymethods]
impl ClientHandle {
    // Stays attached: environment and files are read, and Python's threads may write the environment meanwhile.
    #[new]
    fn new(py: Python<'_>, from_environment: bool, options: &Bound<'_, PyDict>) -> PyResult<Self> {
        guarded(py, || {
            let config = config(from_environment, options)?;
            Ok(Self {
                appkey: config.appkey.clone(),
                base_url: config.base_url.clone(),
                timeout: config.timeout.as_secs_f64(),
                connect_timeout: config.connect_timeout.as_secs_f64(),
                client: Client::new(config)?,
            })
        })
    }

    /// One call, on the calling thread; other Python threads run meanwhile, and signal handlers of this one.
    fn refresh_usage(&self, py: Python<'_>, eid: &Bound<'_, PyString>) -> PyResult<ReplyParts> {
        guarded(py, || {
            let eid = bytes(eid)?;
            let mut watcher = Watcher { log: log_function(py)?, raised: None, asked: false };
            let answer = py.detach(|| self.client.refresh_usage_observed(&eid, &mut watcher));
            let raised = watcher.raised;
            let reply = match (answer, raised) {
                (Ok(reply), None) => reply,
                (Err(error), None) => return Err(Failure::Core(error)),
                (Err(error), Some(raised)) => return Err(interrupted(py, raised, exception(py, &error))),
                // It came while the attempt that succeeded was logged: late, but not lost.
                (Ok(_), Some(raised)) => return Err(Failure::Python(raised)),
            };
            Ok((
                reply.eid().to_owned(),
                reply.message().to_owned(),
                reply.data_json().map(str::to_owned),
                reply.attempts(),
                reply.delivered().name(),
            ))
        })
    }
}

/// `eiot._log.attempt`, when somebody listens.
fn log_function(py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
    let module = py.import(intern!(py, "eiot._log"))?;
    let listens: bool = module.call_method0(intern!(py, "is_enabled"))?.extract()?;
    listens.then(|| module.getattr(intern!(py, "attempt")).map(Bound::unbind)).transpose()
}

/// Looks after one call, attached to Python only for as long as it has something to do there.
struct Watcher {
    log: Option<Py<PyAny>>,
    raised: Option<PyErr>,
    asked: bool,
}

impl Watcher {
    /// What Python raises breaks the call off. When the interpreter is on its way out there is nothing to run any more.
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
    /// Runs Python's handlers of the signals that have come in: what they raise, such as `KeyboardInterrupt`, ends the
    /// call.
    fn keep_going(&mut self) -> ControlFlow<()> {
        if self.raised.is_some() {
            return ControlFlow::Break(());
        }
        if !std::mem::replace(&mut self.asked, true) {
            // At the start of the call the interpreter has only just looked itself.
            return ControlFlow::Continue(());
        }
        self.attached(|py| py.check_signals())
    }

    fn attempt(&mut self, attempt: &Attempt<'_>) {
        if let Some(log) = self.log.take() {
            let failed = attempt.failure.is_some();
            let line = attempt.to_string();
            let _ = self.attached(|py| match log.call1(py, (line, failed)) {
                // A handler that is broken must not make a failure of a refresh; Ctrl-C in one is heard.
                Err(error) if error.is_instance_of::<PyException>(py) => {
                    error.write_unraisable(py, None);
                    Ok(())
                }
                logged => logged.map(drop),
            });
            self.log = Some(log);
        }
    }
}

/// What a signal handler raised goes on as it is, and has what became of the call as its context.
fn interrupted(py: Python<'_>, raised: PyErr, cancelled: PyErr) -> Failure {
    if raised.context(py).is_none() {
        raised.set_context(py, Some(cancelled));
    }
    Failure::Python(raised)
}
