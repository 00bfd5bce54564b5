//! The native half of the `eiot` Python package: what Python cannot do itself, and nothing else.
//!
//! What users see — `Client`, `Reply`, the exceptions, the documentation — is Python, in `python/eiot/`. This half
//! hands values to the core and back. Every entry is `guarded`: no panic becomes anything but an `InternalError`.

#[cfg(not(panic = "unwind"))]
compile_error!(
    "eiot must be built with panic = \"unwind\": a panic must become an exception at the boundary"
);

mod client;
mod exception;
mod guard;
mod options;
mod sign;
mod text;

/// `eiot._native`; its types are in `python/eiot/_native.pyi`.
#[pyo3::pymodule]
mod _native {
    use eiot::{Config, ErrorKind};
    use pyo3::prelude::*;
    use pyo3::types::{PyDict, PyTuple};

    #[pymodule_export]
    use crate::client::ClientHandle;
    #[pymodule_export]
    use crate::sign::{explain, sign};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let py = module.py();
        let kinds = PyDict::new(py);
        for kind in ErrorKind::ALL {
            kinds.set_item(kind.name(), kind.status())?;
        }
        module.add("KINDS", kinds)?;
        module.add("OPTIONS", PyTuple::new(py, Config::OPTIONS)?)?;
        module.add("__version__", eiot::VERSION)
    }
}
