//! The client for Python.

use crate::batch::{BatchHandle, most};
use crate::exception::exception;
use crate::guard::{Failure, guarded};
use crate::inbox::Inbox;
use crate::options::{config, require_per_call, set_given};
use crate::parts::{ReplyParts, reply_parts};
use crate::text::{bytes, utf8};
use crate::watcher::{Watcher, interrupted};
use eiot::{Call, CallLoop, Client, Error, Reply, StartedCall};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt, PyString};

/// A client. Thread-safe.
#[pyclass(frozen, module = "eiot._native")]
pub(crate) struct ClientHandle {
    client: Client,
    given: Py<PyDict>,
    changed: Py<PyDict>,
}

#[pymethods]
impl ClientHandle {
    // Stays attached to the interpreter: it reads environment and files, and other threads may write the environment.
    /// Creates a client with these options; others come from the environment or have their defaults.
    #[new]
    #[pyo3(signature = (options: "dict[str, object]"))]
    fn new(py: Python<'_>, options: &Bound<'_, PyDict>) -> PyResult<Self> {
        guarded(py, || {
            Ok(Self {
                client: Client::new(config(options)?)?,
                given: options.copy()?.unbind(),
                changed: PyDict::new(py).unbind(),
            })
        })
    }

    /// Returns a client with different options per call, which shares connections and rate limiter with this one.
    #[pyo3(signature = (options: "dict[str, object]"))]
    fn with_options(&self, py: Python<'_>, options: &Bound<'_, PyDict>) -> PyResult<Self> {
        guarded(py, || {
            require_per_call(options)?;
            let mut config = self.client.config().clone();
            set_given(&mut config, options)?;
            let changed = self.changed.bind(py).copy()?;
            changed.update(options.as_mapping())?;
            Ok(Self {
                client: self.client.with_options(config)?,
                given: self.given.clone_ref(py),
                changed: changed.unbind(),
            })
        })
    }

    /// The constructor arguments: the options, and those changed by `with_options`.
    #[pyo3(signature = () -> "tuple[dict[str, object], dict[str, object]]")]
    fn recipe(&self, py: Python<'_>) -> PyResult<(Py<PyDict>, Py<PyDict>)> {
        // Copies, because Python code may change them.
        let copy = |options: &Py<PyDict>| options.bind(py).copy().map(Bound::unbind);
        Ok((copy(&self.given)?, copy(&self.changed)?))
    }

    /// Whether both share connections, because one was made by `with_options` of the other.
    fn shares_with(&self, other: &Bound<'_, Self>) -> bool {
        // The options of the original client are shared, too.
        self.given.is(&other.get().given)
    }

    /// The appkey.
    #[getter]
    fn appkey(&self) -> &str {
        &self.client.config().appkey
    }

    /// The URL of the platform.
    #[getter]
    fn base_url(&self) -> &str {
        &self.client.config().base_url
    }

    /// In seconds.
    #[getter]
    fn timeout(&self) -> f64 {
        self.client.config().timeout.as_secs_f64()
    }

    /// In seconds.
    #[getter]
    fn connect_timeout(&self) -> f64 {
        self.client.config().connect_timeout.as_secs_f64()
    }

    /// Makes one call on the calling thread; other Python threads and this thread's signal handlers run in the
    /// meantime. `report` takes each attempt as a line of text and as JSON. Returns the reply tuple.
    #[pyo3(signature = (eid, report: "object"))]
    fn refresh_usage(
        &self,
        py: Python<'_>,
        eid: &Bound<'_, PyString>,
        report: Option<Py<PyAny>>,
    ) -> PyResult<ReplyParts> {
        guarded(py, || {
            let eid = bytes(eid)?;
            answered(py, report, |watcher| self.client.refresh_usage_observed(&eid, watcher))
        })
    }

    /// Makes any other signed call; `parameters` is the text of a JSON object. Otherwise like `refresh_usage`.
    #[pyo3(signature = (path, parameters, idempotent, report: "object"))]
    fn call(
        &self,
        py: Python<'_>,
        path: &Bound<'_, PyString>,
        parameters: &Bound<'_, PyString>,
        idempotent: bool,
        report: Option<Py<PyAny>>,
    ) -> PyResult<ReplyParts> {
        guarded(py, || {
            let call = parsed(path, parameters, idempotent)?;
            answered(py, report, |watcher| self.client.call_observed(&call, watcher))
        })
    }

    /// Starts a refresh; its outcome, and if `reports` its attempts, arrive in the inbox with this number.
    fn start_refresh_usage(
        &self,
        py: Python<'_>,
        eid: &Bound<'_, PyString>,
        inbox: &Bound<'_, Inbox>,
        number: u64,
        reports: bool,
    ) -> PyResult<Started> {
        guarded(py, || {
            let (eid, inbox) = (bytes(eid)?, inbox.get());
            let observer = inbox.observer(number, reports);
            Ok(Started(self.client.start_refresh_usage(
                eid,
                observer,
                inbox.on_done(number),
                &on_a_thread,
            )?))
        })
    }

    /// Starts any other signed call, like `start_refresh_usage`.
    #[expect(clippy::too_many_arguments, reason = "those of a call, and where its outcome goes")]
    fn start_call(
        &self,
        py: Python<'_>,
        path: &Bound<'_, PyString>,
        parameters: &Bound<'_, PyString>,
        idempotent: bool,
        inbox: &Bound<'_, Inbox>,
        number: u64,
        reports: bool,
    ) -> PyResult<Started> {
        guarded(py, || {
            let (call, inbox) = (parsed(path, parameters, idempotent)?, inbox.get());
            let observer = inbox.observer(number, reports);
            Ok(Started(self.client.start_call(call, observer, inbox.on_done(number), &on_a_thread)?))
        })
    }

    /// Starts a batch, which runs by itself; its outcomes, and if `reports` its attempts, arrive in the inbox with
    /// this number.
    fn start_batch(
        &self,
        py: Python<'_>,
        concurrency: &Bound<'_, PyInt>,
        inbox: &Bound<'_, Inbox>,
        number: u64,
        reports: bool,
    ) -> PyResult<StartedBatch> {
        guarded(py, || {
            let (most, inbox) = (most(concurrency)?, inbox.get());
            let observer = inbox.observer(number, reports);
            let on_outcome = inbox.on_outcome(number);
            Ok(StartedBatch(self.client.start_batch(most, observer, on_outcome, &on_a_thread)?))
        })
    }

    /// The counters of the client and those that share connections with it, as JSON.
    fn stats_json(&self) -> String {
        self.client.stats_json()
    }

    /// Creates a batch with at most `concurrency` calls in flight.
    #[pyo3(signature = (concurrency, report: "object"))]
    fn batch(
        &self,
        py: Python<'_>,
        concurrency: &Bound<'_, PyInt>,
        report: Option<Py<PyAny>>,
    ) -> PyResult<BatchHandle> {
        guarded(py, || BatchHandle::new(&self.client, concurrency, report))
    }
}

/// A call that was started.
#[pyclass(frozen, module = "eiot._native")]
pub(crate) struct Started(StartedCall);

#[pymethods]
impl Started {
    /// Cancels the call: its outcome arrives at once. Thread-safe.
    fn cancel(&self) {
        self.0.cancel();
    }
}

/// A batch that was started. Thread-safe. Ends when it is dropped.
#[pyclass(frozen, module = "eiot._native")]
pub(crate) struct StartedBatch(eiot::StartedBatch);

#[pymethods]
impl StartedBatch {
    /// Adds a card, whose outcome comes back with the tag.
    fn push(&self, py: Python<'_>, eid: &Bound<'_, PyString>, tag: u64) -> PyResult<()> {
        guarded(py, || {
            self.0.push_tagged(bytes(eid)?.into_owned(), tag);
            Ok(())
        })
    }

    /// Stops sending: waiting cards are returned as cancelled, calls in flight complete.
    fn stop(&self) {
        self.0.stop();
    }

    /// Cancels all calls; all cards are returned.
    fn cancel(&self) {
        self.0.cancel();
    }
}

/// Runs the event loop of started calls. The thread ends with the last client that shares it.
fn on_a_thread(event_loop: CallLoop) -> std::io::Result<()> {
    std::thread::Builder::new().name("eiot".to_owned()).spawn(|| event_loop.run()).map(drop)
}

fn parsed(
    path: &Bound<'_, PyString>,
    parameters: &Bound<'_, PyString>,
    idempotent: bool,
) -> Result<Call, Error> {
    let path = utf8(path, || Error::invalid_argument("the path is not valid UTF-8"))?;
    let parameters = utf8(parameters, || Error::invalid_argument("the parameters are not valid UTF-8"))?;
    let call = Call::from_json(path, parameters)?;
    Ok(if idempotent { call.idempotent(true) } else { call })
}

/// Makes a call with a watcher, and combines the results of both.
fn answered(
    py: Python<'_>,
    report: Option<Py<PyAny>>,
    call: impl FnOnce(&mut Watcher) -> Result<Reply, Error> + Send,
) -> Result<ReplyParts, Failure> {
    let mut watcher = Watcher::new(report, None);
    let answer = py.detach(|| call(&mut watcher));
    match (answer, watcher.take_raised()) {
        (Ok(reply), None) => Ok(reply_parts(&reply)),
        (Err(error), None) => Err(Failure::Core(error)),
        (Err(error), Some(raised)) => Err(interrupted(py, raised, exception(py, &error))),
        // The exception was raised while the successful attempt was logged: late, but not lost.
        (Ok(_), Some(raised)) => Err(Failure::Python(raised)),
    }
}
