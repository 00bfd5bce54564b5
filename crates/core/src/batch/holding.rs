//! Which cards a batch holds while the platform or the shared limiter is unreachable.

use super::circuit_breaker::PLATFORM;
use super::signal::Signal;
use super::{Batch, Card, Stopped};
use crate::client::History;
use crate::error::{Delivered, Error, ErrorKind};
use crate::observer::Notice;
use crate::protocol::Reply;
use crate::system;
use std::time::Instant;

/// A card that fails as if the platform were unreachable this many times, while other cards succeed in between, fails
/// permanently.
const MAX_STRIKES: u32 = 3;

/// The same for a card that was sent and got no answer: each time may have taken its whole timeout.
const MAX_STRIKES_WITHOUT_ANSWER: u32 = 2;

impl Batch {
    /// Holds all cards because the shared limiter is unreachable.
    pub(super) fn hold_for_permits(&mut self, error: Error) {
        let now = system::now();
        if !self.breaker.is_open() {
            if !self.breaker.open_for_limiter(now, self.waiting.len()) {
                if let Some(card) = self.waiting.pop_front() {
                    self.refuse(card, error);
                }
                return;
            }
        } else {
            self.breaker.probe();
            self.breaker.end_probe(now);
        }
        if !self.breaker.is_time_up() {
            self.notify_holding(&error, now);
        }
        self.no_permit = Some(error);
    }

    /// Returns a card for which the limiter gave no permit. If it was called before, its last failure says what the platform
    /// may have done.
    pub(super) fn refuse(&mut self, mut card: Card, error: Error) {
        if let Some(failure) = card.failure.take() {
            card.failure = Some(failure.with_note(&format!("not called again: {error}")));
            return self.give_back(card);
        }
        let error = self.report_refusal(card.job.request().path(), card.job.eid(), card.job.named(error));
        self.cards.finish(&card.job, Err(error), false);
    }

    /// Whether probes are allowed: in an outage of the platform, calls in flight end first.
    pub(super) fn may_probe(&self, is_idle: bool) -> bool {
        self.breaker.is_open() && (is_idle || self.breaker.is_of_limiter())
    }

    /// Whether a probe may be sent now; it is the card at the front of the queue.
    pub(super) fn is_time_to_probe(&mut self, is_idle: bool) -> bool {
        let is_time = self.breaker.probe_at().is_some_and(|probe_at| probe_at <= system::now());
        if !is_time || !self.may_probe(is_idle) {
            return false;
        }
        if self.breaker.is_of_limiter() {
            return true;
        }
        // Probes alternate between failed cards and untried ones, because the failed card itself may be the cause.
        let untried_next =
            self.waiting.front().is_some_and(|card| card.failure.is_none() && self.breaker.is_untried_next());
        if self.reservation.is_none() && !untried_next {
            if let Some(card) = self.held.pop_front() {
                self.waiting.push_front(card);
            }
        }
        true
    }

    /// Handles the result of a card: returns it to the caller, or holds the card because this may be an outage.
    pub(super) fn take(&mut self, mut card: Card, result: Result<Reply, Error>) {
        self.cards.end_call(&card.job);
        let (signal, now) = (Signal::of(&result), system::now());
        let error = match result {
            Err(error)
                if self.stopped.is_none() && self.breaker.holds(signal) && card.may_be_repeated(&error) =>
            {
                error
            }
            result => {
                match signal {
                    Signal::Answer => self.answered(now),
                    _ => drop(self.breaker.end_probe(now)),
                }
                let trip = self.breaker.check_account(&result);
                self.cards.finish(&card.job, result, false);
                if let Some(trip) = trip.filter(|_| self.stopped.is_none()) {
                    self.end_with(Stopped::ByItself(trip));
                }
                return;
            }
        };
        // The error's attempts include those of earlier calls.
        card.history = History { attempts: error.attempts(), delivered: Some(error.delivered()) };
        self.breaker.unanswered();
        if self.breaker.end_probe(now) && !self.breaker.is_time_up() {
            self.notify_holding(&error, now);
        }
        card.failure = Some(error);
        self.held.push_back(card);
    }

    /// The platform answered: held cards are retried.
    fn answered(&mut self, now: Instant) {
        let outage = self.breaker.answered(now);
        if let Some(after) = outage {
            self.notify(&Notice::Resumed { after, what: PLATFORM });
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

    /// Opens the circuit if there is an outage, and gives up when the outage has lasted too long.
    pub(super) fn review(&mut self, is_idle: bool) {
        let now = system::now();
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
        // If only cards without an answer are left, they are not worth a wait.
        let worth_a_wait = few_left && !self.held.iter().all(Card::has_no_answer);
        if self.breaker.open(now, worth_a_wait) {
            if let Some(error) = self.held.back().and_then(|card| card.failure.as_ref()) {
                self.notify_holding(error, now);
            }
        } else if few_left && !self.breaker.is_open() {
            self.end_held();
        }
    }

    /// Returns the held cards with their last errors.
    fn end_held(&mut self) {
        for card in std::mem::take(&mut self.held) {
            self.give_back(card);
        }
    }

    /// Returns the waiting cards, which got no permit, with their previous error or this one.
    fn end_waiting(&mut self) {
        let Some(error) = self.no_permit.take() else { return };
        // The reservation belongs to a card that is returned now.
        self.reservation = None;
        for mut card in std::mem::take(&mut self.waiting) {
            let unsent = || card.job.named(Error::new(error.kind(), error.to_string()));
            card.failure.get_or_insert_with(unsent);
            self.give_back(card);
        }
    }

    fn notify_holding(&self, failure: &Error, now: Instant) {
        let (next_probe, gives_up) = self.breaker.waits(now);
        self.notify(&Notice::Holding { what: self.breaker.unreachable(), failure, next_probe, gives_up });
    }
}

impl Card {
    /// Whether it can be called again without an effect that the caller does not want.
    fn may_be_repeated(&self, error: &Error) -> bool {
        self.job.request().is_idempotent() || error.delivered() == Delivered::No
    }

    fn max_strikes(&self) -> u32 {
        if self.has_no_answer() { MAX_STRIKES_WITHOUT_ANSWER } else { MAX_STRIKES }
    }

    /// Whether the last call was at least partly sent and got no answer.
    fn has_no_answer(&self) -> bool {
        self.failure.as_ref().is_some_and(|error| {
            matches!(error.kind(), ErrorKind::Timeout | ErrorKind::ConnectionLost)
                && error.delivered() != Delivered::No
        })
    }
}
