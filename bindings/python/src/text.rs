//! Converts text from Python.

use eiot::Error;
use pyo3::prelude::*;
use pyo3::types::PyString;
use std::borrow::Cow;

/// The text as UTF-8. Python text can contain lone surrogates; Python's own error about them would contain the whole
/// text, which may be a secret.
pub(crate) fn utf8<'a>(
    text: &'a Bound<'_, PyString>,
    refuse: impl FnOnce() -> Error,
) -> Result<&'a str, Error> {
    text.to_str().map_err(|_| refuse())
}

/// The text as bytes, in UTF-8 if possible; the core validates them.
pub(crate) fn bytes<'a>(text: &'a Bound<'_, PyString>) -> PyResult<Cow<'a, [u8]>> {
    match text.to_str() {
        Ok(text) => Ok(Cow::Borrowed(text.as_bytes())),
        Err(_) => text.call_method1("encode", ("utf-8", "surrogatepass"))?.extract().map(Cow::Owned),
    }
}
