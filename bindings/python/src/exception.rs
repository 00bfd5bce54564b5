//! Converts the core's errors to the exceptions that are defined in Python.

use eiot::Error;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;
use std::collections::BTreeMap;

/// The exception for `error`.
pub(crate) fn exception(py: Python<'_>, error: &Error) -> PyErr {
    static FROM_NATIVE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let made = FROM_NATIVE.import(py, "eiot._exceptions", "from_native").and_then(|from_native| {
        from_native.call1((error.kind().name(), error.to_string(), fields(py, error)?))
    });
    made.map_or_else(|failure| failure, PyErr::from_value)
}

fn fields<'py>(py: Python<'py>, error: &Error) -> PyResult<Bound<'py, PyDict>> {
    let headers: BTreeMap<&str, &str> =
        error.headers().iter().map(|(name, value)| (*name, value.as_str())).collect();
    let fields = PyDict::new(py);
    fields.set_item("code", error.platform_code())?;
    fields.set_item("platform_message", error.platform_message())?;
    fields.set_item("http_status", error.http_status())?;
    fields.set_item("attempts", error.attempts())?;
    fields.set_item("retry_after", error.retry_after().map(|wait| wait.as_secs_f64()))?;
    fields.set_item("delivered", error.delivered().name())?;
    fields.set_item("eid", error.eid())?;
    fields.set_item("final", error.is_final())?;
    fields.set_item("retryable", error.is_retryable())?;
    fields.set_item("body", error.body())?;
    fields.set_item("headers", headers)?;
    Ok(fields)
}
