//! What the simulator saw, so that tests can ask.

use crate::call::Call;
use crate::http::HttpRequest;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// How many EIDs are counted one by one.
const MOST_EIDS: usize = 10_000;

/// How many arrivals are listed one by one.
const MOST_ARRIVALS: usize = 10_000;

/// What the simulator has seen so far. `GET /sim/counters` gives it as JSON.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Counters {
    /// Connections that were opened, those for counters included.
    pub connections: u64,
    /// Calls, whatever became of them, and requests for what is none.
    pub calls: u64,
    /// The same by path; only paths of calls are counted one by one.
    pub per_path: BTreeMap<String, u64>,
    /// Calls that were accepted.
    pub accepted: u64,
    /// Refusals, by code.
    pub refused: BTreeMap<String, u64>,
    /// Faults on demand, by name.
    pub faults: BTreeMap<String, u64>,
    /// Requests that were not even HTTP.
    pub malformed: u64,
    /// Nonces that an account used again within the simulator's memory, whether or not they were refused.
    pub repeated_nonces: u64,
    /// The fewest calls of an account from one use of a nonce to the next; absent where none came twice.
    pub shortest_nonce_distance: Option<u64>,
    /// The most calls with a valid signature that one account made in any closed second.
    pub busiest_second: usize,
    /// When calls with a valid signature arrived, in microseconds after the simulator's start; only the first 10,000.
    pub arrivals_us: Vec<u64>,
    /// Calls with a valid signature, by EID; only the first 10,000 EIDs are counted one by one.
    pub per_eid: BTreeMap<String, u64>,
    /// Calls for EIDs beyond those.
    pub other_eids: u64,
    /// Orders that were placed, by the caller's `outTradeNo`; only the first 10,000 of those are counted one by one.
    pub orders: BTreeMap<String, u64>,
    /// The `User-Agent` of the latest call.
    pub last_user_agent: String,
}

impl Counters {
    pub(crate) fn count_eid(&mut self, eid: &str) {
        if let Some(count) = self.per_eid.get_mut(eid) {
            *count += 1;
        } else if self.per_eid.len() < MOST_EIDS {
            self.per_eid.insert(eid.to_owned(), 1);
        } else {
            self.other_eids += 1;
        }
    }

    pub(crate) fn note_arrival(&mut self, since_start: Duration) {
        if self.arrivals_us.len() < MOST_ARRIVALS {
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
        if self.orders.contains_key(trade_number) || self.orders.len() < MOST_EIDS {
            count(&mut self.orders, trade_number);
        }
    }

    pub(crate) fn note_nonce_distance(&mut self, calls: u64) {
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
    fn a_million_eids_do_not_fill_the_memory() {
        let mut counters = Counters::default();
        for eid in 0..MOST_EIDS + 5 {
            counters.count_eid(&eid.to_string());
            counters.count_eid("0");
        }
        assert_eq!((counters.per_eid.len(), counters.other_eids), (MOST_EIDS, 5));
        assert_eq!(counters.per_eid.get("0"), Some(&(MOST_EIDS as u64 + 6)));
    }

    #[test]
    fn a_million_arrivals_do_not_fill_the_memory() {
        let mut counters = Counters::default();
        (0..MOST_ARRIVALS as u64 + 5).for_each(|call| counters.note_arrival(Duration::from_micros(call)));
        assert_eq!((counters.arrivals_us.len(), counters.arrivals_us[7]), (MOST_ARRIVALS, 7));
    }
}
