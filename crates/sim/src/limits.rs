//! What the platform remembers of earlier calls: rate, nonces, cooldowns.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// A second, closed: calls exactly a second apart lie in the same one.
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
    last_used: HashMap<u32, Instant>,
}

impl Nonces {
    /// Notes a use, and tells whether there was one before within `memory` (`None`: ever).
    pub(crate) fn is_repeated(&mut self, nonce: u32, memory: Option<Duration>, now: Instant) -> bool {
        let before = self.last_used.insert(nonce, now);
        before
            .is_some_and(|before| memory.is_none_or(|memory| now.saturating_duration_since(before) <= memory))
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
    fn a_nonce_is_remembered_for_so_long_and_no_longer() {
        let start = Instant::now();
        let memory = Some(Duration::from_secs(300));
        let mut nonces = Nonces::default();
        assert!(!nonces.is_repeated(12345, memory, start));
        assert!(!nonces.is_repeated(12346, memory, start));
        assert!(nonces.is_repeated(12345, memory, at(start, 300_000)));
        assert!(!nonces.is_repeated(12345, memory, at(start, 600_001)));
        assert!(nonces.is_repeated(12345, None, at(start, 9_000_000)));
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
