//! What the core answers, in parts that Python puts together.

use crate::exception::exception;
use eiot::{Outcome, Reply, Summary};
use pyo3::{PyErr, Python};
use std::collections::BTreeMap;

/// EID, code, message, data as JSON text, attempts, delivered.
pub(crate) type ReplyParts = (String, &'static str, String, Option<String>, u32, &'static str);

/// Tag, EID, whether it is a duplicate, and either the reply or the exception.
pub(crate) type OutcomeParts = (u64, String, bool, Option<ReplyParts>, Option<PyErr>);

/// Submitted, refreshed, duplicates, and failures by the name of their kind.
pub(crate) type SummaryParts = (u64, u64, u64, BTreeMap<&'static str, u64>);

pub(crate) fn reply_parts(reply: &Reply) -> ReplyParts {
    (
        reply.eid().to_owned(),
        reply.code(),
        reply.message().to_owned(),
        reply.data_json().map(str::to_owned),
        reply.attempts(),
        reply.delivered().name(),
    )
}

pub(crate) fn outcome_parts(py: Python<'_>, outcome: Outcome) -> OutcomeParts {
    let Outcome { tag, eid, is_duplicate, result, .. } = outcome;
    match result {
        Ok(reply) => (tag, eid, is_duplicate, Some(reply_parts(&reply)), None),
        Err(error) => (tag, eid, is_duplicate, None, Some(exception(py, &error))),
    }
}

pub(crate) fn summary_parts(summary: &Summary) -> SummaryParts {
    let failures = summary.failures.iter().map(|(kind, count)| (kind.name(), *count)).collect();
    (summary.submitted, summary.refreshed, summary.duplicates, failures)
}
