//! What became of many cards, counted.

use super::outcome::Outcome;
use crate::error::ErrorKind;
use std::collections::BTreeMap;

/// What became of the cards of a batch. The counts add up: `given = refreshed + failed + duplicates` once all is over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// EIDs that were pushed, repeated and malformed ones included.
    pub submitted: u64,
    /// Cards whose refresh the platform accepted.
    pub refreshed: u64,
    /// EIDs that came again soon after, and were left out.
    pub duplicates: u64,
    /// Failures by their kind; kinds without one are absent.
    pub failures: BTreeMap<ErrorKind, u64>,
}

impl Summary {
    /// How many cards failed, for whatever reason.
    pub fn failed(&self) -> u64 {
        self.failures.values().sum()
    }

    pub(crate) fn count(&mut self, outcome: &Outcome) {
        match &outcome.result {
            Ok(_) => self.refreshed += 1,
            Err(error) => *self.failures.entry(error.kind()).or_default() += 1,
        }
    }
}
