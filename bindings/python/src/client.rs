//! The client, for Python.

use crate::exception::exception;
use crate::guard::{Failure, guarded};
use crate::options::config;
use crate::text::bytes;
use eiot::Client;
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
            let mut raised = None;
            let mut interrupt = || match handle_signals() {
                Ok(()) => ControlFlow::Continue(()),
                Err(exception) => {
                    raised = Some(exception);
                    ControlFlow::Break(())
                }
            };
            let answer = py.detach(|| self.client.refresh_usage_with(&eid, &mut interrupt));
            let reply = answer.map_err(|error| match raised {
                Some(raised) => interrupted(py, raised, exception(py, &error)),
                None => Failure::Core(error),
            })?;
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

/// Runs Python's handlers of the signals that have come in: what they raise, such as `KeyboardInterrupt`, ends the
/// call.
fn handle_signals() -> PyResult<()> {
    // When the interpreter is on its way out there are no handlers to run any more.
    Python::try_attach(|py| py.check_signals()).unwrap_or(Ok(()))
}

/// What a signal handler raised goes on as it is, and has what became of the call as its context.
fn interrupted(py: Python<'_>, raised: PyErr, cancelled: PyErr) -> Failure {
    if raised.context(py).is_none() {
        raised.set_context(py, Some(cancelled));
    }
    Failure::Python(raised)
}
