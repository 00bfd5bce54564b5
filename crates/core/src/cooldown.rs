//! The pause that each card needs between two refreshes.
//!
//! The vendor says five minutes for the twin call by ICCID; for EIDs that is inferred, so it is off unless asked for.

use crate::eid::Eid;
use crate::error::{Error, ErrorKind};
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// More cards than this are not remembered; the one refreshed longest ago is forgotten first.
const MOST: usize = 100_000;

/// The cards that were refreshed not long ago.
pub(crate) struct Cooldowns {
    length: Duration,
    resting: Mutex<Resting>,
}

#[derive(Default)]
struct Resting {
    since: HashMap<String, Instant>,
    /// The same, oldest first; an entry that a newer refresh has replaced is skipped.
    order: VecDeque<(Instant, String)>,
}

impl Cooldowns {
    /// `Duration::ZERO` is no cooldown.
    pub(crate) fn new(length: Duration) -> Self {
        Self { length, resting: Mutex::default() }
    }

    /// Starts a card's rest, or refuses it when it is to rest a while longer. A refresh that fails takes it back with
    /// [`Cooldowns::undo`]; that two threads refresh one card at once is seen here.
    pub(crate) fn start(&self, eid: &Eid, now: Instant) -> Result<(), Error> {
        if self.length.is_zero() {
            return Ok(());
        }
        let mut resting = self.lock();
        let rested = resting.since.get(eid.as_str()).map(|since| now.saturating_duration_since(*since));
        match rested.and_then(|rested| self.length.checked_sub(rested)).filter(|rest| !rest.is_zero()) {
            None => {
                resting.add(eid, now, self.length);
                Ok(())
            }
            Some(rest) => {
                let text = format!(
                    "refreshed less than {} s ago; wait {:.0} s more (eid_cooldown); nothing was sent",
                    self.length.as_secs(),
                    rest.as_secs_f64().ceil()
                );
                Err(Error::new(ErrorKind::Cooldown, text).with_eid(eid.as_str()).with_retry_after(Some(rest)))
            }
        }
    }

    /// The refresh that started this rest was not made.
    pub(crate) fn undo(&self, eid: &Eid, started: Instant) {
        let mut resting = self.lock();
        if resting.since.get(eid.as_str()) == Some(&started) {
            resting.since.remove(eid.as_str());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Resting> {
        // A panic elsewhere leaves at worst an entry that is in one list and not in the other.
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Resting {
    fn add(&mut self, eid: &Eid, now: Instant, length: Duration) {
        self.since.insert(eid.as_str().to_owned(), now);
        self.order.push_back((now, eid.as_str().to_owned()));
        let is_over = |since: Instant| now.saturating_duration_since(since) >= length;
        while self.order.len() > MOST || self.order.front().is_some_and(|(since, _)| is_over(*since)) {
            let Some((since, eid)) = self.order.pop_front() else { break };
            if self.since.get(&eid) == Some(&since) {
                self.since.remove(&eid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eid(number: usize) -> Eid {
        Eid::parse(number.to_string()).expect("digits")
    }

    #[test]
    fn a_card_rests_and_is_told_how_long() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let cooldowns = Cooldowns::new(Duration::from_secs(300));
        assert!(cooldowns.start(&eid(1), start).is_ok());
        let error = cooldowns.start(&eid(1), at(100)).expect_err("resting");
        assert_eq!(
            (error.kind(), error.retry_after()),
            (ErrorKind::Cooldown, Some(Duration::from_secs(200)))
        );
        assert!(error.to_string().contains("wait 200 s"), "{error}");
        assert!(cooldowns.start(&eid(2), at(100)).is_ok());
        assert!(cooldowns.start(&eid(1), at(300)).is_ok());
        assert!(cooldowns.start(&eid(1), at(500)).is_err(), "the second refresh started the rest anew");
    }

    #[test]
    fn a_refresh_that_failed_leaves_no_rest_behind() {
        let start = Instant::now();
        let cooldowns = Cooldowns::new(Duration::from_secs(300));
        cooldowns.start(&eid(1), start).expect("free");
        cooldowns.undo(&eid(1), start);
        assert!(cooldowns.start(&eid(1), start).is_ok());
        cooldowns.undo(&eid(1), start - Duration::from_secs(1));
        assert!(cooldowns.start(&eid(1), start).is_err(), "another refresh's rest is not taken back");
    }

    #[test]
    fn memory_is_bounded_and_what_is_over_is_forgotten() {
        let start = Instant::now();
        let cooldowns = Cooldowns::new(Duration::from_secs(300));
        for number in 0..MOST + 10 {
            cooldowns.start(&eid(number), start).expect("free");
        }
        assert_eq!(cooldowns.lock().since.len(), MOST);
        assert!(cooldowns.start(&eid(0), start).is_ok(), "forgotten");
        cooldowns.start(&eid(1), start + Duration::from_secs(301)).expect("free");
        assert_eq!(cooldowns.lock().since.len(), 1);
    }

    #[test]
    fn it_is_off_unless_asked_for() {
        let cooldowns = Cooldowns::new(Duration::ZERO);
        assert!(cooldowns.start(&eid(1), Instant::now()).is_ok());
        assert!(cooldowns.start(&eid(1), Instant::now()).is_ok());
    }
}
