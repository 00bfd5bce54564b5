//! `--shuffle`: the rows in a random order, which a seed repeats.

use eiot::Error;

/// Reads all rows and shuffles them.
pub(crate) fn shuffled<T>(
    rows: impl Iterator<Item = Result<T, Error>>,
    seed: u64,
) -> impl Iterator<Item = Result<T, Error>> {
    let (mut all, mut failure) = (Vec::new(), None);
    for row in rows {
        match row {
            Ok(row) => all.push(row),
            Err(error) => {
                failure = Some(Err(error));
                break;
            }
        }
    }
    let mut random = SplitMix(seed);
    for last in (1..all.len()).rev() {
        all.swap(last, (random.next() % (last as u64 + 1)) as usize);
    }
    // A file with an error is refused before anything is sent.
    let all = if failure.is_some() { Vec::new() } else { all };
    failure.into_iter().chain(all.into_iter().map(Ok))
}

/// SplitMix64: enough for an order, and the same on every machine.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(seed: u64) -> Vec<u64> {
        shuffled((1..=100).map(Ok), seed).map(|row| row.expect("a row")).collect()
    }

    #[test]
    fn shuffle_keeps_every_row_and_is_repeated_by_its_seed() {
        let mut sorted = order(1);
        assert_eq!(sorted, order(1));
        assert_ne!(sorted, order(2));
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(1..=100));
    }
}
