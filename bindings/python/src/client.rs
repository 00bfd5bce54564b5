//! The client, for Python.

use crate::cancellation::Cancellation;
use crate::exception::exception;
use crate::guard::{Failure, guarded};
use crate::options::{config, set_given};
use crate::text::bytes;
use eiot::{Attempt, Client, Observer};
use pyo3::exceptions::PyException;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use std::ops::ControlFlow;

/// What a Python client holds. Any number of threads may use one.
#[pyclass(frozen, module = "eiot._native")]
pub(crate) struct ClientHandle {
    client: Client,
    from_environment: bool,
    given: Py<PyDict>,
    changed: Py<PyDict>,
}

/// EID, message, data as JSON text, attempts, delivered.
type ReplyParts = (String, String, Option<String>, u32, &'static str);

#[pymethods]
impl ClientHandle {
    // Stays attached: environment and files are read, and Python's threads may write the environment meanwhile.
    /// Makes a client of these options; what is not among them is the environment's, or the default.
    #[new]
    #[pyo3(signature = (from_environment, options: "dict[str, object]"))]
    fn new(py: Python<'_>, from_environment: bool, options: &Bound<'_, PyDict>) -> PyResult<Self> {
        guarded(py, || {
            Ok(Self {
                client: Client::new(config(from_environment, options)?)?,
                from_environment,
                given: options.copy()?.unbind(),
                changed: PyDict::new(py).unbind(),
            })
        })
    }

    /// A client with other options for its calls, which shares connections and rate with this one.
    #[pyo3(signature = (options: "dict[str, object]"))]
    fn with_options(&self, py: Python<'_>, options: &Bound<'_, PyDict>) -> PyResult<Self> {
        guarded(py, || {
            let mut config = self.client.config().clone();
            set_given(&mut config, options)?;
            let changed = self.changed.bind(py).copy()?;
            changed.update(options.as_mapping())?;
            Ok(Self {
                client: self.client.with_options(config)?,
                from_environment: self.from_environment,
                given: self.given.clone_ref(py),
                changed: changed.unbind(),
            })
        })
    }

    /// How to make one like it elsewhere: whether of the environment, the options given, and those changed later.
    #[pyo3(signature = () -> "tuple[bool, dict[str, object], dict[str, object]]")]
    fn recipe(&self, py: Python<'_>) -> PyResult<(bool, Py<PyDict>, Py<PyDict>)> {
        // Copies: whoever gets them may change them.
        let copy = |options: &Py<PyDict>| options.bind(py).copy().map(Bound::unbind);
        Ok((self.from_environment, copy(&self.given)?, copy(&self.changed)?))
    }

    /// Whose calls they are.
    #[getter]
    fn appkey(&self) -> &str {
        &self.client.config().appkey
    }

    /// Where calls go.
    #[getter]
    fn base_url(&self) -> &str {
        &self.client.config().base_url
    }

    /// Seconds.
    #[getter]
    fn timeout(&self) -> f64 {
        self.client.config().timeout.as_secs_f64()
    }

    /// Seconds.
    #[getter]
    fn connect_timeout(&self) -> f64 {
        self.client.config().connect_timeout.as_secs_f64()
    }

    /// One call, on the calling thread; other Python threads run meanwhile, and signal handlers of this one.
    ///
    /// Gives EID, message, data as JSON text, attempts and delivered.
    #[pyo3(signature = (eid, cancellation = None))]
    fn refresh_usage(
        &self,
        py: Python<'_>,
        eid: &Bound<'_, PyString>,
        cancellation: Option<&Bound<'_, Cancellation>>,
    ) -> PyResult<ReplyParts> {
        guarded(py, || {
            let eid = bytes(eid)?;
            let cancellation = cancellation.map(|cancellation| cancellation.clone().unbind());
            let mut watcher = Watcher { log: log_function(py)?, cancellation, raised: None, asked: false };
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
    cancellation: Option<Py<Cancellation>>,
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
        let cancelled = self.cancellation.as_ref().is_some_and(|asked| asked.get().is_triggered());
        if cancelled || self.raised.is_some() {
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
