//! How a call is broken off from another thread.

use pyo3::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};

/// Breaks the calls off that it was given to. Any thread may trigger it, as often as it likes.
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

    /// The call fails with `CancelledError` within 50 ms, or at once when it has not begun.
    pub(crate) fn trigger(&self) {
        self.triggered.store(true, Ordering::Relaxed);
    }
}

impl Cancellation {
    pub(crate) fn is_triggered(&self) -> bool {
        self.triggered.load(Ordering::Relaxed)
    }
}
