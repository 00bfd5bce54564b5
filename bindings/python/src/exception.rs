//! Converts the core's errors to the exceptions that are defined in Python.

use eiot::Error;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use std::collections::BTreeMap;

/// The exception for `error`.
pub(crate) fn exception(py: Python<'_>, error: &Error) -> PyErr {
    static FROM_NATIVE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let headers: BTreeMap<&str, &str> =
        error.headers().iter().map(|(name, value)| (*name, value.as_str())).collect();
    let made = FROM_NATIVE.import(py, "eiot._exceptions", "from_native").and_then(|from_native| {
        from_native.call1((
            error.kind().name(),
            error.to_string(),
            error.platform_code(),
            error.platform_message(),
            error.http_status(),
            error.attempts(),
            error.retry_after().map(|wait| wait.as_secs_f64()),
            error.delivered().name(),
            error.eid(),
            error.is_final(),
            error.body(),
            headers,
        ))
    });
    made.map_or_else(|failure| failure, PyErr::from_value)
}
