//! The pause that each card needs between two refreshes.
//!
//! The vendor says five minutes for the corresponding call by ICCID; for EIDs that is inferred, so it is off unless asked for.

use super::account::Account;
use super::limiter::RateLimiter;
use crate::eid::Eid;
use crate::error::{Error, ErrorKind};
use crate::locked::locked;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::{Duration, Instant};

/// More cards than this are not remembered; the one refreshed longest ago is forgotten first.
const MAX_CARDS: usize = 100_000;

/// The cards of an account that were refreshed not long ago.
#[derive(Default)]
pub(crate) struct Cooldowns {
    resting: Mutex<Resting>,
}

/// The cooldown that a refresh has started. Dropping it takes it back: the refresh was not made.
pub(crate) struct Cooldown {
    account: Arc<Account>,
    eid: Eid,
    started: Instant,
    length: Duration,
    /// Where it was started for other machines too, and the token that tells it from others there.
    shared: OnceLock<(Arc<RateLimiter>, u64)>,
    /// The process that started it. A forked child inherits a copy, which is not its own.
    pid: u32,
    kept: bool,
}

#[derive(Default)]
struct Resting {
    since: HashMap<String, Instant>,
    /// The same, oldest first; an entry that a newer refresh has replaced is skipped.
    order: VecDeque<(Instant, String)>,
    /// The longest cooldown that a client has asked for: entries are kept for that long.
    longest: Duration,
}

impl Cooldown {
    /// Starts a card's cooldown, or refuses to, as long as the last one lasts. `length` is the client's; zero is none.
    pub(crate) fn start(
        account: &Arc<Account>,
        eid: &Eid,
        now: Instant,
        length: Duration,
    ) -> Result<Option<Self>, Error> {
        if length.is_zero() {
            return Ok(None);
        }
        account.cooldowns.start(eid, now, length)?;
        let (account, eid, pid) = (account.clone(), eid.clone(), std::process::id());
        Ok(Some(Self { account, eid, started: now, length, shared: OnceLock::new(), pid, kept: false }))
    }

    /// The card, and how long it rests, where other machines do not know yet.
    pub(super) fn unshared(&self) -> Option<(&str, Duration)> {
        self.shared.get().is_none().then_some((self.eid.as_str(), self.length))
    }

    /// Other machines know now.
    pub(super) fn share(&self, limiter: Arc<RateLimiter>, token: u64) {
        let _ = self.shared.set((limiter, token));
    }

    /// The error of a card that another machine has refreshed.
    pub(super) fn refusal(&self, left: Duration) -> Error {
        refusal(&self.eid, self.length, left)
    }

    /// The card was refreshed.
    pub(crate) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Cooldown {
    fn drop(&mut self) {
        if !self.kept && self.pid == std::process::id() {
            self.account.cooldowns.undo(&self.eid, self.started);
            if let Some((limiter, token)) = self.shared.get() {
                limiter.end_cooldown(self.eid.as_str(), *token);
            }
        }
    }
}

impl Cooldowns {
    fn start(&self, eid: &Eid, now: Instant, length: Duration) -> Result<(), Error> {
        let mut resting = self.lock();
        let rested = resting.since.get(eid.as_str()).map(|since| now.saturating_duration_since(*since));
        match rested.and_then(|rested| length.checked_sub(rested)).filter(|rest| !rest.is_zero()) {
            None => {
                resting.add(eid, now, length);
                Ok(())
            }
            Some(left) => Err(refusal(eid, length, left)),
        }
    }

    /// The refresh that started this cooldown was not made.
    fn undo(&self, eid: &Eid, started: Instant) {
        let mut resting = self.lock();
        if resting.since.get(eid.as_str()) == Some(&started) {
            resting.since.remove(eid.as_str());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Resting> {
        // A panic elsewhere leaves at worst an entry that is in one list and not in the other.
        locked(&self.resting)
    }
}

impl Resting {
    fn add(&mut self, eid: &Eid, now: Instant, length: Duration) {
        self.since.insert(eid.as_str().to_owned(), now);
        self.order.push_back((now, eid.as_str().to_owned()));
        self.longest = self.longest.max(length);
        let longest = self.longest;
        let is_over = |since: Instant| now.saturating_duration_since(since) >= longest;
        while self.order.len() > MAX_CARDS || self.order.front().is_some_and(|(since, _)| is_over(*since)) {
            let Some((since, eid)) = self.order.pop_front() else { break };
            if self.since.get(&eid) == Some(&since) {
                self.since.remove(&eid);
            }
        }
    }
}

fn refusal(eid: &Eid, length: Duration, left: Duration) -> Error {
    let text = format!(
        "refreshed less than {} s ago; wait {:.0} s more (eid_cooldown); nothing was sent",
        length.as_secs(),
        left.as_secs_f64().ceil()
    );
    Error::new(ErrorKind::Cooldown, text).with_eid(eid.as_str()).with_retry_after(Some(left))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: Duration = Duration::from_secs(300);

    fn eid(number: usize) -> Eid {
        Eid::parse(number.to_string()).expect("digits")
    }

    #[test]
    fn cooldown_refuses_a_card_and_says_how_long_to_wait() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let cooldowns = Cooldowns::default();
        assert!(cooldowns.start(&eid(1), start, LENGTH).is_ok());
        let error = cooldowns.start(&eid(1), at(100), LENGTH).expect_err("resting");
        assert_eq!(
            (error.kind(), error.retry_after()),
            (ErrorKind::Cooldown, Some(Duration::from_secs(200)))
        );
        assert!(error.to_string().contains("wait 200 s"), "{error}");
        assert!(cooldowns.start(&eid(2), at(100), LENGTH).is_ok());
        assert!(cooldowns.start(&eid(1), at(300), LENGTH).is_ok());
        assert!(cooldowns.start(&eid(1), at(500), LENGTH).is_err(), "the second refresh started it again");
    }

    #[test]
    fn cooldown_of_a_refresh_that_was_not_made_is_taken_back() {
        let account = Account::of("cooldown test", || 7);
        let start = |now| Cooldown::start(&account, &eid(1), now, LENGTH);
        let now = Instant::now();
        drop(start(now).expect("free"));
        start(now).expect("taken back").expect("a cooldown").keep();
        assert!(start(now).is_err(), "that one was kept");
        account.cooldowns.undo(&eid(1), now - Duration::from_secs(1));
        assert!(start(now).is_err(), "a cooldown that another refresh has started stays");
        assert!(matches!(Cooldown::start(&account, &eid(1), now, Duration::ZERO), Ok(None)), "off");
    }

    #[test]
    fn cooldowns_of_two_lengths_do_not_shorten_each_other() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let cooldowns = Cooldowns::default();
        cooldowns.start(&eid(1), start, LENGTH).expect("free");
        cooldowns.start(&eid(2), at(60), Duration::from_secs(10)).expect("free");
        assert!(cooldowns.start(&eid(1), at(60), LENGTH).is_err());
        assert!(cooldowns.start(&eid(1), at(60), Duration::from_secs(10)).is_ok());
    }

    #[test]
    fn cooldowns_are_bounded_and_forget_what_is_over() {
        let start = Instant::now();
        let cooldowns = Cooldowns::default();
        for number in 0..MAX_CARDS + 10 {
            cooldowns.start(&eid(number), start, LENGTH).expect("free");
        }
        assert_eq!(cooldowns.lock().since.len(), MAX_CARDS);
        assert!(cooldowns.start(&eid(0), start, LENGTH).is_ok(), "forgotten");
        cooldowns.start(&eid(1), start + Duration::from_secs(301), LENGTH).expect("free");
        assert_eq!(cooldowns.lock().since.len(), 1);
    }
}
