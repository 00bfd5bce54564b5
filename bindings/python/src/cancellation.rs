//! Cancelling a call from another thread.

use pyo3::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};

/// A cancellation token. Thread-safe.
#[pyclass(frozen, module = "eiot._native")]
pub(crate) struct Cancellation {
    triggered: AtomicBool,
}

#[pymethods]
impl Cancellation {
    #[new]
    pub(crate) fn new() -> Self {
        Self { triggered: AtomicBool::new(false) }
    }

    /// Cancels the call within 50 ms, or immediately if it has not started.
    pub(crate) fn trigger(&self) {
        self.triggered.store(true, Ordering::Relaxed);
    }
}

impl Cancellation {
    pub(crate) fn is_triggered(&self) -> bool {
        self.triggered.load(Ordering::Relaxed)
    }
}
