//! The guard of every entry point: converts errors and panics to exceptions.

use crate::exception::exception;
use eiot::Error;
use pyo3::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A failure: the core's error, or a Python exception.
pub(crate) enum Failure {
    Core(Error),
    Python(PyErr),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Core(error)
    }
}

impl From<PyErr> for Failure {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

/// Runs the body of a function that Python calls.
///
/// A panic becomes an `InternalError`. PyO3 would make it a `BaseException`, which ends programs that handle every
/// `Exception`.
pub(crate) fn guarded<T>(py: Python<'_>, body: impl FnOnce() -> Result<T, Failure>) -> PyResult<T> {
    // Unwind safety: state that a panic leaves half done is behind locks that survive poisoning, or is dropped.
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(Failure::Core(error))) => Err(exception(py, &error)),
        Ok(Err(Failure::Python(error))) => Err(error),
        Err(panic) => Err(exception(py, &Error::panicked(panic.as_ref()))),
    }
}
