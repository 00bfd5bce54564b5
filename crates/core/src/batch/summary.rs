//! The counts of a batch.

use super::outcome::Outcome;
use crate::error::ErrorKind;
use std::collections::BTreeMap;

/// The counts of a batch. Once all outcomes have come back, `submitted = refreshed + failed + duplicates`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// EIDs that were pushed, including duplicates and malformed ones.
    pub submitted: u64,
    /// Cards that were refreshed, not counting duplicates.
    pub refreshed: u64,
    /// Duplicates that came back, whatever the outcome of the first.
    pub duplicates: u64,
    /// Failures by kind, not counting duplicates; kinds without failures are absent.
    pub failures: BTreeMap<ErrorKind, u64>,
}

impl Summary {
    /// The number of failed cards of all kinds.
    pub fn failed(&self) -> u64 {
        self.failures.values().sum()
    }

    pub(crate) fn count(&mut self, outcome: &Outcome) {
        match &outcome.result {
            _ if outcome.is_duplicate => self.duplicates += 1,
            Ok(_) => self.refreshed += 1,
            Err(error) => *self.failures.entry(error.kind()).or_default() += 1,
        }
    }
}
