//! Nonces that do not repeat.

/// The platform's nonces are 10000..=99999 (seed document).
const FIRST: u64 = 10_000;
const COUNT: u64 = 90_000;

/// A position in an endless cycle through a permutation of the nonces. It belongs to the account: processes that share
/// it never repeat a nonce within as many calls as there are nonces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Walk {
    /// Selects the permutation.
    pub(crate) seed: u64,
    /// How many nonces were taken.
    pub(crate) position: u64,
}

/// More nonces than other processes can have taken since this process last looked.
const MAX_TAKEN_SINCE: u64 = 1024;

impl Walk {
    /// A position from which the walk can continue without repeating nonces that other processes have taken since.
    pub(crate) fn beyond_others(self) -> Self {
        match self.position {
            0 => self,
            position => Self { position: position.wrapping_add(MAX_TAKEN_SINCE), ..self },
        }
    }

    /// Takes the next position.
    pub(crate) fn advance(&mut self) -> u64 {
        let position = self.position;
        self.position = position.wrapping_add(1);
        position
    }

    /// Returns a position if it is still the last one, and whether it was.
    pub(crate) fn retreat(&mut self, position: u64) -> bool {
        let is_last = self.position == position.wrapping_add(1);
        if is_last {
            self.position = position;
        }
        is_last
    }
}

/// A random permutation of the nonces of a share.
///
/// Random choice repeats a nonce with probability one half after 354 calls; a permutation repeats none within 90,000.
/// Repeating the same permutation, instead of drawing a new one, preserves that across the boundary.
pub(crate) struct Permutation {
    /// The first nonce of the share, and their number.
    first: u64,
    count: u64,
    /// An odd multiplier and an offset for each round of mixing.
    rounds: [(u64, u64); 3],
    /// The number of bits of the smallest power of two that holds the share.
    bits: u32,
}

impl Permutation {
    /// Each seed has its own permutation. `share` is (index, count): each share has a separate range of nonces.
    pub(crate) fn new(seed: u64, (which, of): (u32, u32)) -> Self {
        let (which, of) = (u64::from(which.max(1)), u64::from(of.max(1)));
        // If there are more shares than nonces, some have the same one.
        let start = (COUNT * (which - 1) / of).min(COUNT - 1);
        let count = (COUNT * which / of).min(COUNT).saturating_sub(start).max(1);
        // At least two bits, so that there is something to mix.
        let bits = count.next_power_of_two().trailing_zeros().max(2);
        let round = |shift: u32| {
            let mixed = seed.rotate_left(shift).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
            let mask = (1 << bits) - 1;
            (mixed & mask | 1, mixed >> bits & mask)
        };
        Self { first: FIRST + start, count, rounds: [round(0), round(21), round(42)], bits }
    }

    /// The nonce at a position.
    pub(crate) fn nonce(&self, position: u64) -> u32 {
        let mut place = position % self.count;
        // Walks the cycle until it is back inside the share: a permutation of 0..2^bits then induces one of 0..count.
        loop {
            place = self.mix(place);
            if place < self.count {
                return (self.first + place) as u32;
            }
        }
    }

    /// A permutation of 0..2^bits: each step is invertible.
    fn mix(&self, place: u64) -> u64 {
        let mask = (1 << self.bits) - 1;
        self.rounds.iter().fold(place, |place, (multiplier, offset)| {
            let place = place.wrapping_mul(*multiplier).wrapping_add(*offset) & mask;
            place ^ (place >> (self.bits / 2 + 1))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    const ALL: (u32, u32) = (1, 1);

    #[test]
    fn nonces_do_not_repeat_within_any_90_000() {
        for seed in [0, 1, 42, u64::MAX, 0x5EED_5EED_5EED_5EED] {
            let permutation = Permutation::new(seed, ALL);
            let mut last_seen = vec![None; 100_000];
            for call in 0..200_000_usize {
                let nonce = permutation.nonce(call as u64) as usize;
                assert!((10_000..=99_999).contains(&nonce), "{nonce}");
                if let Some(before) = last_seen[nonce].replace(call) {
                    assert!(call - before >= 90_000, "{nonce} after {} calls, seed {seed}", call - before);
                }
            }
        }
    }

    #[test]
    fn nonces_are_divided_among_shares_without_overlap_and_without_rest() {
        for of in [2, 3, 7, 20, 89_999] {
            let mut seen = HashSet::new();
            for which in (1..=of).take(200).chain((201..=of).rev().take(200)) {
                let permutation = Permutation::new(u64::from(which) * 77, (which, of));
                for position in 0..permutation.count {
                    assert!(seen.insert(permutation.nonce(position)), "{which}/{of}");
                }
            }
            if of <= 400 {
                assert_eq!(seen.len(), 90_000, "{of}");
            }
        }
        for share in [(1, u32::MAX), (u32::MAX, u32::MAX), (90_001, 200_000)] {
            let nonce = Permutation::new(7, share).nonce(123_456);
            assert!((10_000..=99_999).contains(&nonce), "{nonce} of {share:?}");
        }
    }

    #[test]
    fn nonces_of_different_seeds_differ() {
        let starts: HashSet<Vec<u32>> = (0..100_u64)
            .map(|seed| {
                let permutation = Permutation::new(seed.wrapping_mul(0x1234_5678_9ABC_DEF1), ALL);
                (0..4).map(|position| permutation.nonce(position)).collect()
            })
            .collect();
        assert_eq!(starts.len(), 100);
    }

    #[test]
    fn nonces_of_adjacent_positions_are_not_sequential() {
        let permutation = Permutation::new(7, ALL);
        let walk: Vec<u32> = (0..1_000).map(|position| permutation.nonce(position)).collect();
        let steps: HashSet<i64> = walk.windows(2).map(|w| i64::from(w[1]) - i64::from(w[0])).collect();
        assert!(steps.len() > 100, "only {} different steps in 1,000", steps.len());
    }
}
