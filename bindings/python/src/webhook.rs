//! Webhook verification for Python.

use crate::guard::guarded;
use crate::text::utf8;
use eiot::{Error, Secret, SignMethod};
use pyo3::prelude::*;
use pyo3::types::PyString;
use std::time::Duration;

/// Verifies the signature of a webhook, and its age in seconds. Raises `SignatureError`.
#[pyfunction]
#[pyo3(signature = (payload, secret, max_age, method))]
pub(crate) fn verify_webhook(
    py: Python<'_>,
    payload: &[u8],
    secret: &Bound<'_, PyString>,
    max_age: Option<f64>,
    method: &Bound<'_, PyString>,
) -> PyResult<()> {
    guarded(py, || {
        let secret = Secret::new(utf8(secret, || Error::invalid_argument("the secret is not valid UTF-8"))?);
        let method: SignMethod =
            utf8(method, || Error::invalid_argument("the method is not valid UTF-8"))?.parse()?;
        let max_age = max_age
            .map(|seconds| {
                Duration::try_from_secs_f64(seconds)
                    .map_err(|_| Error::invalid_argument(format!("max_age must be seconds, not {seconds}")))
            })
            .transpose()?;
        Ok(eiot::verify_webhook(payload, &secret, method, max_age)?)
    })
}
