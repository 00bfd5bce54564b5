//! The cooldown of each card between two refreshes.
//!
//! The vendor documents five minutes for the corresponding call by ICCID; for EIDs that is inferred, so it is off by
//! default.

use super::account::Account;
use super::limiter::RateLimiter;
use crate::eid::Eid;
use crate::error::{Error, ErrorKind};
use crate::locked::locked;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::{Duration, Instant};

/// The maximum number of cards; the one refreshed longest ago is dropped first.
const MAX_CARDS: usize = 100_000;

/// The recently refreshed cards of an account.
#[derive(Default)]
pub(crate) struct Cooldowns {
    entries: Mutex<Entries>,
}

/// The cooldown that a refresh has started. Dropping it reverts it: the refresh was not made.
pub(crate) struct Cooldown {
    account: Arc<Account>,
    eid: Eid,
    started: Instant,
    length: Duration,
    /// The limiter that shares it with other machines, and the token that identifies it there.
    shared: OnceLock<(Arc<RateLimiter>, u64)>,
    kept: bool,
}

#[derive(Default)]
struct Entries {
    since: HashMap<String, Instant>,
    /// The same entries, oldest first; an entry that a newer refresh has replaced is skipped.
    order: VecDeque<(Instant, String)>,
    /// The longest cooldown of any client: entries are kept for that long.
    longest: Duration,
}

impl Cooldown {
    /// Starts a card's cooldown, or fails if the last one has not ended. `length` is the client's; zero disables it.
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
        let (account, eid) = (account.clone(), eid.clone());
        Ok(Some(Self { account, eid, started: now, length, shared: OnceLock::new(), kept: false }))
    }

    /// The card and its cooldown, unless other machines know it already.
    pub(super) fn unshared(&self) -> Option<(&str, Duration)> {
        self.shared.get().is_none().then_some((self.eid.as_str(), self.length))
    }

    /// Records that other machines know it.
    pub(super) fn share(&self, limiter: Arc<RateLimiter>, token: u64) {
        let _ = self.shared.set((limiter, token));
    }

    /// The error for a card that another machine has refreshed.
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
        // A forked child has a copy that it does not own.
        if !self.kept && self.account.is_of_this_process() {
            self.account.cooldowns.undo(&self.eid, self.started);
            if let Some((limiter, token)) = self.shared.get() {
                limiter.end_cooldown(self.eid.as_str(), *token);
            }
        }
    }
}

impl Cooldowns {
    fn start(&self, eid: &Eid, now: Instant, length: Duration) -> Result<(), Error> {
        let mut entries = self.lock();
        let rested = entries.since.get(eid.as_str()).map(|since| now.saturating_duration_since(*since));
        match rested.and_then(|rested| length.checked_sub(rested)).filter(|rest| !rest.is_zero()) {
            None => {
                entries.add(eid, now, length);
                Ok(())
            }
            Some(left) => Err(refusal(eid, length, left)),
        }
    }

    /// Reverts the cooldown of a refresh that was not made.
    fn undo(&self, eid: &Eid, started: Instant) {
        let mut entries = self.lock();
        if entries.since.get(eid.as_str()) == Some(&started) {
            entries.since.remove(eid.as_str());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        // After a panic, the worst case is an entry in one list but not in the other.
        locked(&self.entries)
    }
}

impl Entries {
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
        let error = cooldowns.start(&eid(1), at(100), LENGTH).expect_err("in its cooldown");
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
    fn cooldown_of_a_refresh_that_was_not_made_is_reverted() {
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
    fn cooldowns_are_bounded_and_drop_expired_entries() {
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
