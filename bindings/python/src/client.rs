//! The client, for Python.

use crate::batch::BatchHandle;
use crate::cancellation::Cancellation;
use crate::exception::exception;
use crate::guard::{Failure, guarded};
use crate::options::{config, set_given};
use crate::parts::{ReplyParts, reply_parts};
use crate::text::bytes;
use crate::watcher::{Watcher, interrupted};
use eiot::Client;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt, PyString};

/// What a Python client holds. Any number of threads may use one.
#[pyclass(frozen, module = "eiot._native")]
pub(crate) struct ClientHandle {
    client: Client,
    from_environment: bool,
    given: Py<PyDict>,
    changed: Py<PyDict>,
}

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
            let mut watcher = Watcher::new(cancellation.map(|cancellation| cancellation.clone().unbind()));
            watcher.begin(py)?;
            let answer = py.detach(|| self.client.refresh_usage_observed(&eid, &mut watcher));
            match (answer, watcher.take_raised()) {
                (Ok(reply), None) => Ok(reply_parts(&reply)),
                (Err(error), None) => Err(Failure::Core(error)),
                (Err(error), Some(raised)) => Err(interrupted(py, raised, exception(py, &error))),
                // It came while the attempt that succeeded was logged: late, but not lost.
                (Ok(_), Some(raised)) => Err(Failure::Python(raised)),
            }
        })
    }

    /// Starts a batch with at most so many calls under way at once.
    fn batch(&self, py: Python<'_>, concurrency: &Bound<'_, PyInt>) -> PyResult<BatchHandle> {
        guarded(py, || BatchHandle::new(&self.client, concurrency))
    }
}
