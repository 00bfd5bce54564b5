//! The core's tables, so that the Python half need not repeat them.

use eiot::{Config, ErrorKind};
use pyo3::prelude::*;
use std::collections::BTreeMap;

/// The error kinds with their statuses in the C library.
#[pyfunction]
pub(crate) fn kinds() -> BTreeMap<&'static str, i32> {
    ErrorKind::ALL.iter().map(|kind| (kind.name(), kind.status())).collect()
}

/// The options of a client in the core's order: name, default in words, and whether `with_options` accepts it.
#[pyfunction]
pub(crate) fn options() -> Vec<(&'static str, &'static str, bool)> {
    Config::TABLE.iter().map(|option| (option.name, option.default, option.is_per_call)).collect()
}
