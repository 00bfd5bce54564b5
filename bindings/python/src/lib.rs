//! The native half of the `eiot` Python package: only what Python cannot do itself.
//!
//! The public API (`Client`, `Reply`, the exceptions, the documentation) is Python, in `python/eiot/`. This half
//! converts values to and from the core. Every entry point is `guarded`: a panic becomes an `InternalError`.

#[cfg(not(panic = "unwind"))]
compile_error!(
    "eiot must be built with panic = \"unwind\": a panic must become an exception at the boundary"
);

mod batch;
mod cancellation;
mod client;
mod eid;
mod exception;
mod guard;
mod inbox;
mod options;
mod parts;
mod sign;
mod tables;
mod text;
mod watcher;
mod webhook;

/// The native module of the package; internal.
// Safe without the GIL too: all classes are frozen, and Rust's locks protect the rest.
#[pyo3::pymodule(gil_used = false)]
mod _native {
    #[pymodule_export]
    use crate::batch::BatchHandle;
    #[pymodule_export]
    use crate::cancellation::Cancellation;
    #[pymodule_export]
    use crate::client::{ClientHandle, Started, StartedBatch};
    #[pymodule_export]
    use crate::eid::eid_digits;
    #[pymodule_export]
    use crate::inbox::Inbox;
    #[pymodule_export]
    use crate::sign::{sign, string_to_sign};
    #[pymodule_export]
    use crate::tables::{kinds, options};
    #[pymodule_export]
    use crate::webhook::verify_webhook;

    #[pymodule_export]
    #[expect(non_upper_case_globals, reason = "Python's own name for it")]
    const __version__: &str = eiot::VERSION;
}
