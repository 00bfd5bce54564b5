//! The cards of a batch from push to outcome: each one comes back exactly once, and duplicates with the first.

use super::job::Job;
use super::outcome::Outcome;
use super::recent::RecentResults;
use crate::error::Error;
use crate::protocol::Reply;
use crate::system;
use std::collections::{HashMap, VecDeque};

/// As many duplicates may wait for the cards that they repeat before the batch has no more room.
const MAX_WAITING_DUPLICATES: usize = 8_192;

/// A card as the caller pushed it.
pub(super) struct Pushed {
    pub(super) tag: u64,
    /// The EID as text; bytes that are not UTF-8 are replaced.
    pub(super) given: String,
}

/// A card that has no outcome yet.
struct Pending {
    pushed: Pushed,
    /// Came later, and come back together with it.
    duplicates: Vec<Pushed>,
    is_in_flight: bool,
}

/// All cards of a batch that the caller has not taken back.
pub(super) struct Cards {
    /// By the EID, or by the call. A card comes back by leaving this map, so it cannot come back twice.
    pending: HashMap<Job, Pending>,
    /// How many duplicates wait for pending cards.
    waiting_duplicates: usize,
    /// The outcomes that the caller has not taken.
    ended: VecDeque<Outcome>,
    recent: RecentResults,
}

impl Cards {
    pub(super) fn new() -> Self {
        Self {
            pending: HashMap::new(),
            waiting_duplicates: 0,
            ended: VecDeque::new(),
            recent: RecentResults::default(),
        }
    }

    /// Adds a card. Returns whether it needs a call: a duplicate gets the outcome of the first, now or when that ends.
    pub(super) fn add(&mut self, job: &Job, pushed: Pushed) -> bool {
        if let Some(first) = self.pending.get_mut(job) {
            first.duplicates.push(pushed);
            self.waiting_duplicates += 1;
            return false;
        }
        let recent = |eid| self.recent.outcome(eid, &pushed, system::now());
        if let Some(outcome) = job.refreshes().and_then(recent) {
            self.ended.push_back(outcome);
            return false;
        }
        self.pending.insert(job.clone(), Pending { pushed, duplicates: Vec::new(), is_in_flight: false });
        true
    }

    /// Returns a card whose EID is malformed.
    pub(super) fn refuse(&mut self, pushed: Pushed, error: Error) {
        self.ended.push_back(Outcome::malformed(pushed, error));
    }

    /// Records that the card is sent.
    pub(super) fn send(&mut self, job: &Job) {
        if let Some(card) = self.pending.get_mut(job) {
            card.is_in_flight = true;
        }
    }

    /// Records that the card's call has ended, possibly to be made again.
    pub(super) fn end_call(&mut self, job: &Job) {
        if let Some(card) = self.pending.get_mut(job) {
            card.is_in_flight = false;
        }
    }

    /// Returns a card and its duplicates with this result.
    pub(super) fn finish(&mut self, job: &Job, result: Result<Reply, Error>, unsent: bool) {
        let Some(Pending { pushed, duplicates, .. }) = self.pending.remove(job) else { return };
        self.waiting_duplicates = self.waiting_duplicates.saturating_sub(duplicates.len());
        let mut copies = Vec::new();
        if let Some(eid) = job.refreshes() {
            let now = system::now();
            self.recent.insert(eid, &result, unsent, now);
            let outcomes =
                duplicates.into_iter().filter_map(|duplicate| self.recent.outcome(eid, &duplicate, now));
            copies.extend(outcomes);
        }
        let (Pushed { tag, given }, eid) = (pushed, job.eid().to_owned());
        self.ended.push_back(Outcome { tag, given, eid, is_duplicate: false, result, unsent });
        self.ended.extend(copies);
    }

    /// The cards whose calls have not ended.
    pub(super) fn in_flight(&self) -> Vec<Job> {
        self.pending.iter().filter(|(_, card)| card.is_in_flight).map(|(job, _)| job.clone()).collect()
    }

    /// How many cards the caller has not taken back, including duplicates.
    pub(super) fn len(&self) -> usize {
        self.pending.len() + self.waiting_duplicates + self.ended.len()
    }

    /// Whether fewer than `most` cards, and not too many duplicates, are held in memory.
    pub(super) fn has_room(&self, most: usize) -> bool {
        self.pending.len() + self.ended.len() < most && self.waiting_duplicates < MAX_WAITING_DUPLICATES
    }

    /// Whether an outcome can be taken.
    pub(super) fn is_ready(&self) -> bool {
        !self.ended.is_empty()
    }

    /// Takes the next outcome.
    pub(super) fn take(&mut self) -> Option<Outcome> {
        self.ended.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::super::recent::WINDOW;
    use super::*;
    use crate::eid::Eid;
    use crate::error::{Delivered, ErrorKind};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn eid(number: usize) -> Job {
        Job::Refresh(Eid::parse(format!("8904{number}")).expect("digits"))
    }

    fn pushed(tag: u64) -> Pushed {
        Pushed { tag, given: format!(" card {tag} ") }
    }

    fn refused() -> Result<Reply, Error> {
        Err(Error::new(ErrorKind::Platform, "no").with_delivered(Delivered::Yes))
    }

    #[test]
    fn duplicate_of_a_pending_card_comes_back_with_it_and_later_ones_at_once() {
        let mut cards = Cards::new();
        assert!(cards.add(&eid(1), pushed(1)));
        assert!(!cards.add(&eid(1), pushed(2)) && !cards.add(&eid(1), pushed(3)));
        assert!(cards.add(&eid(2), pushed(4)));
        assert_eq!((cards.len(), cards.is_ready()), (4, false));
        cards.finish(&eid(1), refused(), false);
        assert!(!cards.add(&eid(1), pushed(5)));
        let outcomes: Vec<_> = std::iter::from_fn(|| cards.take()).collect();
        let seen: Vec<_> = outcomes.iter().map(|outcome| (outcome.tag, outcome.is_duplicate)).collect();
        assert_eq!(seen, [(1, false), (2, true), (3, true), (5, true)]);
        for outcome in outcomes {
            assert_eq!((outcome.eid.as_str(), outcome.given), ("89041", format!(" card {} ", outcome.tag)));
            let error = outcome.result.expect_err("refused");
            assert_eq!((error.kind(), error.delivered()), (ErrorKind::Platform, Delivered::Yes));
        }
        assert_eq!(cards.len(), 1);
    }

    proptest! {
        #[test]
        fn card_comes_back_exactly_once_whatever_happens(
            steps in proptest::collection::vec((0..3_u8, 0..6_usize), 0..200),
        ) {
            let mut cards = Cards::new();
            let mut taken = BTreeMap::<u64, u32>::new();
            let mut tags = 0_u64;
            let mut take = |cards: &mut Cards| {
                while let Some(outcome) = cards.take() {
                    *taken.entry(outcome.tag).or_default() += 1;
                }
            };
            for (step, number) in steps {
                match step {
                    0 => {
                        cards.add(&eid(number), pushed(tags));
                        tags += 1;
                    }
                    1 => cards.finish(&eid(number), refused(), number == 3),
                    _ => take(&mut cards),
                }
            }
            (0..6).for_each(|number| cards.finish(&eid(number), refused(), true));
            take(&mut cards);
            prop_assert_eq!(cards.len(), 0);
            prop_assert!(taken.len() as u64 == tags && taken.values().all(|times| *times == 1), "{:?}", taken);
        }
    }

    #[test]
    fn duplicates_of_one_card_do_not_grow_without_bound() {
        let mut cards = Cards::new();
        cards.add(&eid(1), pushed(0));
        let mut count = 0;
        while cards.has_room(32) {
            cards.add(&eid(1), pushed(0));
            count += 1;
        }
        assert_eq!(count, MAX_WAITING_DUPLICATES);
    }

    #[test]
    fn duplicate_is_recognized_among_the_last_8192_cards() {
        let mut cards = Cards::new();
        for number in 0..=WINDOW {
            assert!(cards.add(&eid(number), pushed(0)));
            cards.finish(&eid(number), refused(), false);
        }
        assert!(!cards.add(&eid(1), pushed(0)), "the oldest that is remembered");
        assert!(cards.add(&eid(0), pushed(0)), "forgotten");
    }
}
