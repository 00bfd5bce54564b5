//! The core's tables, so that Python need not repeat them.

use eiot::{Config, ErrorKind};
use pyo3::prelude::*;
use std::collections::BTreeMap;

/// The kinds of error by name, with their numbers in the C library.
#[pyfunction]
pub(crate) fn kinds() -> BTreeMap<&'static str, i32> {
    ErrorKind::ALL.iter().map(|kind| (kind.name(), kind.status())).collect()
}

/// The options of a client, in the core's order, with whether they are a call's own, so that `with_options` takes them.
#[pyfunction]
pub(crate) fn options() -> Vec<(&'static str, bool)> {
    Config::TABLE.iter().map(|option| (option.name, option.is_per_call)).collect()
}
