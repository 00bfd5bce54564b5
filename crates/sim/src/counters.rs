//! Counters, for tests.

use crate::call::Call;
use crate::http::HttpRequest;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// How many EIDs are counted individually.
const MAX_EIDS: usize = 10_000;

/// How many arrivals are listed individually.
const MAX_ARRIVALS: usize = 10_000;

/// What the simulator has seen so far. `GET /sim/counters` returns it as JSON.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Counters {
    /// Connections that were opened, including those for counters.
    pub connections: u64,
    /// Calls with any result, and requests for unknown paths.
    pub calls: u64,
    /// Calls by path; unknown paths are not counted individually.
    pub per_path: BTreeMap<String, u64>,
    /// Calls that were accepted.
    pub accepted: u64,
    /// Refusals, by code.
    pub refused: BTreeMap<String, u64>,
    /// Faults, by name.
    pub faults: BTreeMap<String, u64>,
    /// Requests that were not HTTP.
    pub malformed: u64,
    /// Nonces that an account repeated within the timestamp window, whether or not they were refused.
    pub repeated_nonces: u64,
    /// The fewest calls of an account from one use of a nonce to the next; absent if none was repeated.
    pub shortest_nonce_distance: Option<u64>,
    /// The most calls with a valid signature that one account made in any closed second.
    pub busiest_second: usize,
    /// When calls with a valid signature arrived, in microseconds after the simulator's start; only the first 10,000.
    pub arrivals_us: Vec<u64>,
    /// Calls with a valid signature, by EID; only the first 10,000 EIDs are counted individually.
    pub per_eid: BTreeMap<String, u64>,
    /// Calls for all other EIDs.
    pub other_eids: u64,
    /// Orders that were placed, by the caller's `outTradeNo`; only the first 10,000 are counted individually.
    pub orders: BTreeMap<String, u64>,
    /// The `User-Agent` of the latest call.
    pub last_user_agent: String,
    /// How often orders were placed; for their numbers.
    #[serde(skip)]
    pub(crate) placed: u64,
}

impl Counters {
    pub(crate) fn count_eid(&mut self, eid: &str) {
        if let Some(count) = self.per_eid.get_mut(eid) {
            *count += 1;
        } else if self.per_eid.len() < MAX_EIDS {
            self.per_eid.insert(eid.to_owned(), 1);
        } else {
            self.other_eids += 1;
        }
    }

    pub(crate) fn note_arrival(&mut self, since_start: Duration) {
        if self.arrivals_us.len() < MAX_ARRIVALS {
            self.arrivals_us.push(u64::try_from(since_start.as_micros()).unwrap_or(u64::MAX));
        }
    }

    pub(crate) fn count_call(&mut self, http: &HttpRequest) {
        self.calls += 1;
        if Call::at(&http.path).is_some() {
            count(&mut self.per_path, &http.path);
        }
        let user_agent = &http.user_agent;
        if self.last_user_agent != *user_agent {
            user_agent.clone_into(&mut self.last_user_agent);
        }
    }

    pub(crate) fn count_order(&mut self, trade_number: &str) {
        self.placed += 1;
        if self.orders.contains_key(trade_number) || self.orders.len() < MAX_EIDS {
            count(&mut self.orders, trade_number);
        }
    }

    pub(crate) fn count_nonce_distance(&mut self, calls: u64) {
        self.shortest_nonce_distance =
            Some(self.shortest_nonce_distance.map_or(calls, |before| before.min(calls)));
    }

    pub(crate) fn count_refusal(&mut self, code: &str) {
        count(&mut self.refused, code);
    }

    pub(crate) fn count_fault(&mut self, name: &str) {
        count(&mut self.faults, name);
    }
}

fn count(counts: &mut BTreeMap<String, u64>, what: &str) {
    if let Some(count) = counts.get_mut(what) {
        *count += 1;
    } else {
        counts.insert(what.to_owned(), 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_bounded_for_any_number_of_eids() {
        let mut counters = Counters::default();
        for eid in 0..MAX_EIDS + 5 {
            counters.count_eid(&eid.to_string());
            counters.count_eid("0");
        }
        assert_eq!((counters.per_eid.len(), counters.other_eids), (MAX_EIDS, 5));
        assert_eq!(counters.per_eid.get("0"), Some(&(MAX_EIDS as u64 + 6)));
    }

    #[test]
    fn counters_do_not_keep_a_million_arrivals() {
        let mut counters = Counters::default();
        (0..MAX_ARRIVALS as u64 + 5).for_each(|call| counters.note_arrival(Duration::from_micros(call)));
        assert_eq!((counters.arrivals_us.len(), counters.arrivals_us[7]), (MAX_ARRIVALS, 7));
    }
}
