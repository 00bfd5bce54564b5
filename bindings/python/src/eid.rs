//! EIDs on their own, for Python.

use crate::guard::guarded;
use crate::text::bytes;
use eiot::Eid;
use pyo3::prelude::*;
use pyo3::types::PyString;

/// The EID's digits, without surrounding whitespace; `None` if it is not an EID.
#[pyfunction]
pub(crate) fn eid_digits(py: Python<'_>, eid: &Bound<'_, PyString>) -> PyResult<Option<String>> {
    guarded(py, || Ok(Eid::parse(bytes(eid)?).ok().map(|eid| eid.as_str().to_owned())))
}
