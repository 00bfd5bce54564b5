//! The platform's limits: rate, nonces, cooldowns.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// A closed second: calls exactly one second apart are in the same one.
const SECOND: Duration = Duration::from_secs(1);

/// A sliding window over the calls of the last second.
#[derive(Default)]
pub(crate) struct SlidingWindow {
    calls: VecDeque<Instant>,
}

impl SlidingWindow {
    /// The number of calls in the closed second that ends now.
    pub(crate) fn count(&mut self, now: Instant) -> usize {
        while self.calls.front().is_some_and(|call| now.saturating_duration_since(*call) > SECOND) {
            self.calls.pop_front();
        }
        self.calls.len()
    }

    pub(crate) fn add(&mut self, now: Instant) {
        self.calls.push_back(now);
    }
}

/// The nonces that an account has used.
#[derive(Default)]
pub(crate) struct Nonces {
    // At most 90,000 nonces exist, so this is bounded.
    last_used: HashMap<u32, Use>,
    uses: u64,
}

struct Use {
    at: Instant,
    /// The number of uses of any nonce before.
    number: u64,
}

/// A nonce was used before.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Repeated {
    /// The number of calls since; 1 for the previous call.
    pub(crate) calls_ago: u64,
    pub(crate) ago: Duration,
}

impl Nonces {
    /// Records a use and returns the previous one.
    pub(crate) fn insert(&mut self, nonce: u32, now: Instant) -> Option<Repeated> {
        let number = self.uses;
        self.uses += 1;
        let before = self.last_used.insert(nonce, Use { at: now, number })?;
        Some(Repeated { calls_ago: number - before.number, ago: now.saturating_duration_since(before.at) })
    }
}

/// The cards in their cooldown.
#[derive(Default)]
pub(crate) struct Cooldowns {
    refreshed: HashMap<String, Instant>,
}

impl Cooldowns {
    /// The remaining cooldown of this card.
    pub(crate) fn remaining(&self, eid: &str, cooldown: Duration, now: Instant) -> Option<Duration> {
        let since = now.saturating_duration_since(*self.refreshed.get(eid)?);
        cooldown.checked_sub(since).filter(|remaining| !remaining.is_zero())
    }

    pub(crate) fn start(&mut self, eid: &str, cooldown: Duration, now: Instant) {
        // Removes expired cooldowns now and then, so that memory is bounded.
        if self.refreshed.len() >= 100_000 {
            self.refreshed.retain(|_, refreshed| now.saturating_duration_since(*refreshed) < cooldown);
        }
        self.refreshed.insert(eid.to_owned(), now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: Instant, milliseconds: u64) -> Instant {
        start + Duration::from_millis(milliseconds)
    }

    #[test]
    fn sliding_window_is_a_closed_second() {
        let start = Instant::now();
        let mut window = SlidingWindow::default();
        window.add(start);
        assert_eq!(window.count(at(start, 1000)), 1);
        assert_eq!(window.count(at(start, 1001)), 0);
    }

    #[test]
    fn nonces_remember_when_they_were_used() {
        let start = Instant::now();
        let mut nonces = Nonces::default();
        assert_eq!(nonces.insert(12345, start), None);
        assert_eq!(nonces.insert(12346, start), None);
        let repeated = nonces.insert(12345, at(start, 300_000)).expect("used before");
        assert_eq!((repeated.calls_ago, repeated.ago), (2, Duration::from_secs(300)));
        assert_eq!(nonces.insert(12345, at(start, 300_000)).expect("again").calls_ago, 1);
    }

    #[test]
    fn cooldown_of_a_card_ends_after_its_duration() {
        let start = Instant::now();
        let cooldown = Duration::from_secs(300);
        let mut cooldowns = Cooldowns::default();
        assert_eq!(cooldowns.remaining("1", cooldown, start), None);
        cooldowns.start("1", cooldown, start);
        assert_eq!(cooldowns.remaining("1", cooldown, at(start, 1000)), Some(Duration::from_secs(299)));
        assert_eq!(cooldowns.remaining("2", cooldown, at(start, 1000)), None);
        assert_eq!(cooldowns.remaining("1", cooldown, at(start, 300_000)), None);
    }
}
