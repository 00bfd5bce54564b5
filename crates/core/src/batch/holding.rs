//! Which cards a batch holds back while the platform, or what the rate is shared by, cannot be reached.

use super::circuit_breaker::PLATFORM;
use super::signal::Signal;
use super::{Batch, Card, Outcome, Stopped};
use crate::client::History;
use crate::error::{Delivered, Error, ErrorKind};
use crate::observer::Notice;
use crate::protocol::Reply;
use std::time::Instant;

/// A card that fails this often because the platform cannot be reached, while it answers others in between, fails for good.
const MAX_STRIKES: u32 = 3;

/// The same of a card that was sent and got no answer: each time may have taken its whole timeout.
const MAX_STRIKES_WITHOUT_ANSWER: u32 = 2;

impl Batch {
    /// What the rate is shared by cannot be reached: cards wait until it can be.
    pub(super) fn hold_for_permits(&mut self, error: Error) {
        let now = Instant::now();
        if !self.breaker.is_open() {
            if !self.breaker.open_for_limiter(now, self.waiting.len()) {
                if let Some(card) = self.waiting.pop_front() {
                    self.ended.push_back(Outcome::refused(error.with_eid(card.eid.as_str())));
                }
                return;
            }
        } else {
            self.breaker.probe();
            self.breaker.end_probe(now);
        }
        if !self.breaker.is_time_up() {
            self.tell_holding(&error, now);
        }
        self.no_permit = Some(error);
    }

    /// Whether there may be probes: in an outage of the platform, what is under way ends first.
    pub(super) fn may_probe(&self, is_idle: bool) -> bool {
        self.breaker.is_open() && (is_idle || self.breaker.is_of_limiter())
    }

    /// Whether a probe may be sent now; the card at the front is the one to send.
    pub(super) fn is_time_to_probe(&mut self, is_idle: bool) -> bool {
        let is_time = self.breaker.probe_at().is_some_and(|probe_at| probe_at <= Instant::now());
        if !is_time || !self.may_probe(is_idle) {
            return false;
        }
        if self.breaker.is_of_limiter() {
            return true;
        }
        // Cards that have failed and cards that were not tried yet take turns: a card may fail for its own sake.
        let fresh_next = self
            .waiting
            .front()
            .is_some_and(|card| card.failure.is_none() && self.breaker.is_turn_of_fresh());
        if self.reservation.is_none() && !fresh_next {
            if let Some(card) = self.held.pop_front() {
                self.waiting.push_front(card);
            }
        }
        true
    }

    /// Takes the outcome of a card: it comes back, or is held because this may be an outage.
    pub(super) fn take(&mut self, mut card: Card, result: Result<Reply, Error>) {
        self.in_flight.remove(&card.eid);
        let (signal, now) = (Signal::of(&result), Instant::now());
        let error = match result {
            Err(error) if self.stopped.is_none() && self.breaker.holds(signal) => error,
            result => {
                match signal {
                    Signal::Answer => self.answered(now),
                    _ => drop(self.breaker.end_probe(now)),
                }
                let trip = self.breaker.check_account(&result);
                let eid = card.eid.as_str().to_owned();
                self.ended.push_back(Outcome { eid, result, unsent: false });
                if let Some(trip) = trip.filter(|_| self.stopped.is_none()) {
                    self.end_with(Stopped::ByItself(trip));
                }
                return;
            }
        };
        // The error counts in what was before it.
        card.history = History { attempts: error.attempts(), delivered: Some(error.delivered()) };
        self.breaker.unanswered();
        if self.breaker.end_probe(now) && !self.breaker.is_time_up() {
            self.tell_holding(&error, now);
        }
        card.failure = Some(error);
        self.held.push_back(card);
    }

    /// The platform has answered: cards that were kept back are tried again.
    fn answered(&mut self, now: Instant) {
        let outage = self.breaker.answered(now);
        if let Some(after) = outage {
            self.tell(&Notice::Resumed { after, what: PLATFORM });
            self.reservation = None;
        }
        for mut card in std::mem::take(&mut self.held).into_iter().rev() {
            card.strikes += 1;
            if card.strikes >= card.max_strikes() {
                self.give_back(card);
            } else if outage.is_some() {
                self.waiting.push_front(card);
            } else {
                self.waiting.push_back(card);
            }
        }
    }

    /// Opens the circuit when there is an outage, and gives up when that has lasted too long.
    pub(super) fn review(&mut self, is_idle: bool) {
        let now = Instant::now();
        if self.breaker.is_time_up() && self.may_probe(is_idle) {
            let of_limiter = self.breaker.is_of_limiter();
            let held = self.held.back().and_then(|card| card.failure.as_ref());
            let last = if of_limiter { self.no_permit.as_ref() } else { held };
            match self.breaker.give_up(now, last) {
                Some(trip) => self.end_with(Stopped::ByItself(trip)),
                None if of_limiter => self.end_waiting(),
                None => self.end_held(),
            }
        }
        if self.held.is_empty() {
            return;
        }
        let few_left = is_idle && self.waiting.is_empty();
        // What gets no answer is not worth a wait where it is all that is left.
        let worth_a_wait = few_left && !self.held.iter().all(Card::has_no_answer);
        if self.breaker.open(now, worth_a_wait) {
            if let Some(error) = self.held.back().and_then(|card| card.failure.as_ref()) {
                self.tell_holding(error, now);
            }
        } else if few_left && !self.breaker.is_open() {
            self.end_held();
        }
    }

    /// Cards that were kept back come back as they failed.
    fn end_held(&mut self) {
        for card in std::mem::take(&mut self.held) {
            self.give_back(card);
        }
    }

    /// Cards that have got no permit come back for this reason, unless they failed for another before.
    fn end_waiting(&mut self) {
        let Some(error) = self.no_permit.take() else { return };
        // That of a card which comes back now.
        self.reservation = None;
        for mut card in std::mem::take(&mut self.waiting) {
            let unsent = || Error::new(error.kind(), error.to_string()).with_eid(card.eid.as_str());
            card.failure.get_or_insert_with(unsent);
            self.give_back(card);
        }
    }

    fn tell_holding(&self, failure: &Error, now: Instant) {
        let (next_probe, gives_up) = self.breaker.waits(now);
        self.tell(&Notice::Holding { what: self.breaker.unreachable(), failure, next_probe, gives_up });
    }
}

impl Card {
    fn max_strikes(&self) -> u32 {
        if self.has_no_answer() { MAX_STRIKES_WITHOUT_ANSWER } else { MAX_STRIKES }
    }

    /// The last call was at least partly sent, and got no answer.
    fn has_no_answer(&self) -> bool {
        self.failure.as_ref().is_some_and(|error| {
            matches!(error.kind(), ErrorKind::Timeout | ErrorKind::ConnectionLost)
                && error.delivered() != Delivered::No
        })
    }
}
