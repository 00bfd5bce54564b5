//! Nonces that do not repeat.

use std::sync::atomic::{AtomicU64, Ordering};

/// The platform's nonces are 10000..=99999 (seed document).
const FIRST: u64 = 10_000;
const COUNT: u64 = 90_000;

/// The smallest power of two that holds them all.
const BITS: u32 = 17;
const MASK: u64 = (1 << BITS) - 1;

/// An endless walk through one random permutation of all 90,000 nonces.
///
/// Random choice meets a repeat with probability one half after 354 calls; this never repeats one within 90,000.
/// Walking the same permutation again, instead of drawing a new one, keeps that true across the seam.
pub(crate) struct Nonces {
    /// An odd multiplier and an offset for each round of mixing.
    rounds: [(u64, u64); 3],
    next: AtomicU64,
}

impl Nonces {
    /// Each seed walks its own permutation.
    pub(crate) fn new(seed: u64) -> Self {
        let round = |shift: u32| {
            let bits = seed.rotate_left(shift).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
            (bits & MASK | 1, bits >> BITS & MASK)
        };
        Self { rounds: [round(0), round(21), round(42)], next: AtomicU64::new(0) }
    }

    /// The next nonce; any number of threads may ask.
    pub(crate) fn next(&self) -> u32 {
        let mut place = self.next.fetch_add(1, Ordering::Relaxed) % COUNT;
        // Walk the cycle until it is back inside the 90,000: what maps all of 0..2^17 one to one then maps
        // 0..90,000 one to one too.
        loop {
            place = self.mix(place);
            if place < COUNT {
                return (FIRST + place) as u32;
            }
        }
    }

    /// A one-to-one map of 0..2^17: each step can be undone.
    fn mix(&self, place: u64) -> u64 {
        self.rounds.iter().fold(place, |place, (multiplier, offset)| {
            let place = place.wrapping_mul(*multiplier).wrapping_add(*offset) & MASK;
            place ^ (place >> (BITS / 2 + 1))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_nonce_repeats_within_any_90_000() {
        for seed in [0, 1, 42, u64::MAX, 0x5EED_5EED_5EED_5EED] {
            let nonces = Nonces::new(seed);
            let mut last_seen = vec![None; 100_000];
            for call in 0..200_000_usize {
                let nonce = nonces.next() as usize;
                assert!((10_000..=99_999).contains(&nonce), "{nonce}");
                if let Some(before) = last_seen[nonce].replace(call) {
                    assert!(call - before >= 90_000, "{nonce} after {} calls, seed {seed}", call - before);
                }
            }
        }
    }

    #[test]
    fn different_seeds_walk_different_ways() {
        let starts: HashSet<Vec<u32>> = (0..100_u64)
            .map(|seed| {
                let nonces = Nonces::new(seed.wrapping_mul(0x1234_5678_9ABC_DEF1));
                (0..4).map(|_| nonces.next()).collect()
            })
            .collect();
        assert_eq!(starts.len(), 100);
    }

    #[test]
    fn neighbours_do_not_look_like_a_count() {
        let nonces = Nonces::new(7);
        let walk: Vec<u32> = (0..1_000).map(|_| nonces.next()).collect();
        let steps: HashSet<i64> = walk.windows(2).map(|w| i64::from(w[1]) - i64::from(w[0])).collect();
        assert!(steps.len() > 100, "only {} different steps in 1,000", steps.len());
    }
}
