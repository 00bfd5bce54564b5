//! Signatures for Python.

use crate::guard::{Failure, guarded};
use crate::text::utf8;
use eiot::{Error, Secret, SignMethod};
use pyo3::prelude::*;
use pyo3::types::PyString;

type Params<'py> = Vec<(Bound<'py, PyString>, Bound<'py, PyString>)>;

/// Signs flat parameters.
#[pyfunction]
#[pyo3(signature = (params: "list[tuple[str, str]]", secret, method))]
pub(crate) fn sign(
    py: Python<'_>,
    params: Params<'_>,
    secret: &Bound<'_, PyString>,
    method: &Bound<'_, PyString>,
) -> PyResult<String> {
    guarded(py, || {
        let secret = Secret::new(utf8(secret, || not_utf8("the secret"))?);
        let method: SignMethod = utf8(method, || not_utf8("the method"))?.parse()?;
        Ok(eiot::sign(&pairs(&params)?, &secret, method)?)
    })
}

/// The string to sign, with the secret masked.
#[pyfunction]
#[pyo3(signature = (params: "list[tuple[str, str]]"))]
pub(crate) fn string_to_sign(py: Python<'_>, params: Params<'_>) -> PyResult<String> {
    guarded(py, || Ok(eiot::string_to_sign(&pairs(&params)?)?))
}

fn pairs<'a>(params: &'a Params<'_>) -> Result<Vec<(&'a str, &'a str)>, Failure> {
    let mut pairs = Vec::with_capacity(params.len());
    for (name, value) in params {
        pairs.push((utf8(name, || not_utf8("a name"))?, utf8(value, || not_utf8("a value"))?));
    }
    Ok(pairs)
}

fn not_utf8(what: &str) -> Error {
    Error::invalid_argument(format!("{what} is not valid UTF-8"))
}
