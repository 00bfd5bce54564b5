//! The subcommands, one file each.

pub(crate) mod call;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod journal;
pub(crate) mod man;
pub(crate) mod presentation;
pub(crate) mod refresh;
pub(crate) mod sign;
pub(crate) mod webhook;
