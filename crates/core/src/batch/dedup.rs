//! Deduplication of a stream of cards, in bounded memory.

use crate::eid::Eid;
use std::collections::HashSet;

/// The minimum number of distinct cards that are remembered; the maximum is twice this.
pub(crate) const WINDOW: usize = 8_192;

/// The most recent cards of a stream. An EID has at most 32 digits, so it fits into an integer.
pub(crate) struct DedupWindow {
    newer: HashSet<u128>,
    older: HashSet<u128>,
}

impl DedupWindow {
    pub(crate) fn new() -> Self {
        Self { newer: HashSet::with_capacity(WINDOW), older: HashSet::with_capacity(WINDOW) }
    }

    /// Inserts a card; returns `false` if it is a recent duplicate.
    pub(crate) fn insert(&mut self, eid: &Eid) -> bool {
        let key = eid.to_number();
        if self.newer.contains(&key) || self.older.contains(&key) {
            return false;
        }
        if self.newer.len() == WINDOW {
            std::mem::swap(&mut self.newer, &mut self.older);
            self.newer.clear();
        }
        self.newer.insert(key);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eid(digits: &str) -> Eid {
        Eid::parse(digits).expect("digits")
    }

    #[test]
    fn dedup_remembers_a_card_for_a_minimum_number_of_others() {
        let mut window = DedupWindow::new();
        assert!(window.insert(&eid("7")));
        for number in 0..WINDOW - 1 {
            assert!(window.insert(&eid(&format!("1{number:08}"))));
            assert!(!window.insert(&eid("7")));
        }
    }

    #[test]
    fn dedup_memory_is_bounded() {
        let mut window = DedupWindow::new();
        for number in 0..10 * WINDOW {
            window.insert(&eid(&number.to_string()));
        }
        assert!(window.newer.len() + window.older.len() <= 2 * WINDOW);
    }

    #[test]
    fn dedup_distinguishes_leading_zeros() {
        let mut window = DedupWindow::new();
        for digits in
            ["7", "07", "007", "99999999999999999999999999999999", "00000000000000000000000000000000"]
        {
            assert!(window.insert(&eid(digits)), "{digits}");
            assert!(!window.insert(&eid(digits)), "{digits}");
        }
    }
}
