//! Which cards a run has had already, in little memory: a Bloom filter, and the journal for what it cannot tell.
//!
//! The batch finds duplicates of its last 8,192 cards. Those that are further apart are found here, if there is a journal: a card
//! that the filter does not know is new; one that it may know waits until the journal is searched for many of them at once.

use eiot::Eid;

/// With this many bits per card, the filter errs for about one card in 200 over the whole input: the journal is searched once
/// for three million cards.
const BITS_PER_CARD: u64 = 8;
const HASHES: u64 = 5;

/// The number of cards that the filter is made for if the input does not say how many there are.
const DEFAULT_CARDS: u64 = 1_000_000;

/// The filter's size has these limits, in cards.
const MIN_CARDS: u64 = 1_000;
const MAX_CARDS: u64 = 50_000_000;

/// At most this many cards wait before the journal is searched.
const MAX_WAITING: usize = 16_384;

/// The cards of a run so far.
pub(crate) struct Seen {
    bits: Vec<u64>,
    waiting: Vec<Waiting>,
}

/// A card that may be a duplicate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Waiting {
    number: u128,
    pub(crate) line: u64,
}

impl Waiting {
    /// The EID as a number, see [`Eid::to_number`].
    pub(crate) fn number(&self) -> u128 {
        self.number
    }

    /// The digits of the EID.
    pub(crate) fn digits(&self) -> String {
        // The number has a 1 before the digits.
        self.number.to_string().split_off(1)
    }
}

impl Seen {
    /// For an input of this many cards, if that is known.
    pub(crate) fn new(total: Option<u64>) -> Self {
        let cards = total.unwrap_or(DEFAULT_CARDS).clamp(MIN_CARDS, MAX_CARDS);
        let words = usize::try_from(cards * BITS_PER_CARD / 64 + 1).unwrap_or(1);
        Self { bits: vec![0; words], waiting: Vec::new() }
    }

    /// Notes a card. Returns whether it is new for certain; otherwise it waits.
    pub(crate) fn note(&mut self, eid: &Eid, line: u64) -> bool {
        let number = eid.to_number();
        let is_new = self.insert(number);
        if !is_new {
            self.waiting.push(Waiting { number, line });
        }
        is_new
    }

    fn insert(&mut self, number: u128) -> bool {
        let (first, second) = (mixed(number as u64), mixed((number >> 64) as u64 ^ !(number as u64)) | 1);
        let count = self.bits.len() as u64 * 64;
        let mut is_new = false;
        for hash in 0..HASHES {
            let bit = first.wrapping_add(hash.wrapping_mul(second)) % count;
            let mask = 1 << (bit % 64);
            if let Some(word) = self.bits.get_mut((bit / 64) as usize) {
                is_new |= *word & mask == 0;
                *word |= mask;
            }
        }
        is_new
    }

    /// Whether enough cards wait that the journal should be searched.
    pub(crate) fn is_full(&self) -> bool {
        self.waiting.len() >= MAX_WAITING
    }

    pub(crate) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The cards that wait.
    pub(crate) fn take_waiting(&mut self) -> Vec<Waiting> {
        std::mem::take(&mut self.waiting)
    }
}

/// The finalizer of MurmurHash3, in the variant of SplitMix64.
fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eid(number: u64) -> Eid {
        Eid::parse(format!("89044011223344556677{number:012}")).expect("digits")
    }

    #[test]
    fn seen_knows_every_card_again_and_errs_rarely() {
        let mut seen = Seen::new(Some(100_000));
        let wrong = (0..100_000).filter(|number| !seen.note(&eid(*number), *number)).count();
        assert!(wrong < 600, "{wrong}");
        assert!((0..100_000).all(|number| !seen.note(&eid(number), number)));
        assert!(seen.is_full() && seen.take_waiting().len() == 100_000 + wrong && !seen.has_waiting());
    }

    #[test]
    fn seen_keeps_leading_zeros_of_cards_that_wait() {
        let mut seen = Seen::new(None);
        let card = Eid::parse("007").expect("digits");
        assert!(seen.note(&card, 1) && !seen.note(&card, 2));
        let waiting = seen.take_waiting();
        assert_eq!(
            waiting.iter().map(|card| (card.digits(), card.line)).collect::<Vec<_>>(),
            [("007".to_owned(), 2)]
        );
        assert_eq!(waiting[0].number(), card.to_number());
    }
}
