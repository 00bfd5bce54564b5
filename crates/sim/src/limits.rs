//! What the platform remembers of earlier calls: rate, nonces, cooldowns.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// A closed one-second window: calls exactly one second apart are in the same window.
const SECOND: Duration = Duration::from_secs(1);

/// The calls of the last second.
#[derive(Default)]
pub(crate) struct Window {
    calls: VecDeque<Instant>,
}

impl Window {
    /// How many calls lie in the closed second that ends now.
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
    // At most 90,000 of them exist, so this cannot grow without end.
    last_used: HashMap<u32, Use>,
    uses: u64,
}

struct Use {
    at: Instant,
    /// How many uses of any nonce there were before.
    number: u64,
}

/// A nonce was used before.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Repeated {
    /// So many calls ago; 1 is the call before.
    pub(crate) calls_ago: u64,
    pub(crate) ago: Duration,
}

impl Nonces {
    /// Notes a use, and tells of the one before.
    pub(crate) fn note(&mut self, nonce: u32, now: Instant) -> Option<Repeated> {
        let number = self.uses;
        self.uses += 1;
        let before = self.last_used.insert(nonce, Use { at: now, number })?;
        Some(Repeated { calls_ago: number - before.number, ago: now.saturating_duration_since(before.at) })
    }
}

/// The cards that rest.
#[derive(Default)]
pub(crate) struct Cooldowns {
    refreshed: HashMap<String, Instant>,
}

impl Cooldowns {
    /// How long this card must still rest.
    pub(crate) fn remaining(&self, eid: &str, cooldown: Duration, now: Instant) -> Option<Duration> {
        let since = now.saturating_duration_since(*self.refreshed.get(eid)?);
        cooldown.checked_sub(since).filter(|rest| !rest.is_zero())
    }

    pub(crate) fn start(&mut self, eid: &str, cooldown: Duration, now: Instant) {
        // Forget now and then who has rested enough, so that a million cards do not stay for ever.
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
    fn a_second_is_closed() {
        let start = Instant::now();
        let mut window = Window::default();
        window.add(start);
        assert_eq!(window.count(at(start, 1000)), 1);
        assert_eq!(window.count(at(start, 1001)), 0);
    }

    #[test]
    fn a_nonce_is_remembered_with_its_time_and_place() {
        let start = Instant::now();
        let mut nonces = Nonces::default();
        assert_eq!(nonces.note(12345, start), None);
        assert_eq!(nonces.note(12346, start), None);
        let repeated = nonces.note(12345, at(start, 300_000)).expect("used before");
        assert_eq!((repeated.calls_ago, repeated.ago), (2, Duration::from_secs(300)));
        assert_eq!(nonces.note(12345, at(start, 300_000)).expect("again").calls_ago, 1);
    }

    #[test]
    fn a_card_rests_for_its_cooldown() {
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
