//! The cards that came not long ago, in memory that does not grow.

use crate::eid::Eid;
use std::collections::HashSet;

/// How many different cards are remembered at least; up to twice as many are.
pub(crate) const REMEMBERED: usize = 8_192;

/// The last cards of a stream, however long it is. An EID has 32 digits at most, so it fits into a number.
pub(crate) struct Recent {
    newer: HashSet<u128>,
    older: HashSet<u128>,
}

impl Recent {
    pub(crate) fn new() -> Self {
        Self { newer: HashSet::with_capacity(REMEMBERED), older: HashSet::with_capacity(REMEMBERED) }
    }

    /// Notes a card; `false` when it came not long ago.
    pub(crate) fn note(&mut self, eid: &Eid) -> bool {
        let key = eid.to_number();
        if self.newer.contains(&key) || self.older.contains(&key) {
            return false;
        }
        if self.newer.len() == REMEMBERED {
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
    fn a_card_is_remembered_for_at_least_so_many_others() {
        let mut recent = Recent::new();
        assert!(recent.note(&eid("7")));
        for number in 0..REMEMBERED - 1 {
            assert!(recent.note(&eid(&format!("1{number:08}"))));
            assert!(!recent.note(&eid("7")));
        }
    }

    #[test]
    fn memory_is_bounded() {
        let mut recent = Recent::new();
        for number in 0..10 * REMEMBERED {
            recent.note(&eid(&number.to_string()));
        }
        assert!(recent.newer.len() + recent.older.len() <= 2 * REMEMBERED);
    }

    #[test]
    fn leading_zeros_make_another_card() {
        let mut recent = Recent::new();
        for digits in
            ["7", "07", "007", "99999999999999999999999999999999", "00000000000000000000000000000000"]
        {
            assert!(recent.note(&eid(digits)), "{digits}");
            assert!(!recent.note(&eid(digits)), "{digits}");
        }
    }
}
