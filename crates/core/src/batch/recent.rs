//! The results of a batch's most recent cards, for duplicates that come later. Memory does not depend on how many
//! cards the batch has.
//!
//! Most cards have the same result: it is stored once, and a card takes about 64 bytes. A tree, because a hash table from
//! which the oldest card is always removed grows to four times what it holds.

use super::cards::Pushed;
use super::outcome::Outcome;
use crate::eid::Eid;
use crate::error::Error;
use crate::protocol::Reply;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many cards are remembered.
pub(super) const WINDOW: usize = 8_192;

/// How long. A batch may live as long as a daemon, in which a card that is pushed again later is to be refreshed again. At
/// ten calls per second, about the time of `WINDOW` cards.
pub(super) const REMEMBERED_FOR: Duration = Duration::from_secs(15 * 60);

/// How many different results are looked through before another copy is stored.
const MAX_SHARED: usize = 8;

/// An EID as a number: it has at most 32 digits. In two halves, because a `u128` is aligned to 16 bytes.
type Key = [u64; 2];

/// Results by EID, without what makes some of them large.
#[derive(Default)]
pub(super) struct RecentResults {
    results: BTreeMap<Key, Recent>,
    /// The same cards, oldest first.
    order: VecDeque<Key>,
    /// The different results of the last cards, the latest last.
    shared: VecDeque<Arc<Shared>>,
    /// What times are relative to: the first card.
    epoch: Option<Instant>,
}

struct Recent {
    /// Since when it is remembered, in milliseconds after the epoch.
    since: u64,
    shared: Arc<Shared>,
}

/// A result without the EID, so that many cards share it.
struct Shared {
    result: Result<Reply, Error>,
    /// The error names its card.
    names_card: bool,
    unsent: bool,
}

impl RecentResults {
    /// Remembers the result of a card, and forgets those that are too old or too many.
    pub(super) fn insert(&mut self, eid: &Eid, result: &Result<Reply, Error>, unsent: bool, now: Instant) {
        self.forget(now);
        let key = key(eid);
        let (since, shared) = (self.time(now), self.share(Shared::new(result, unsent)));
        if let Some(known) = self.results.get_mut(&key) {
            known.shared = shared;
            return;
        }
        if self.order.len() == WINDOW {
            self.forget_oldest();
        }
        self.order.push_back(key);
        self.results.insert(key, Recent { since, shared });
    }

    /// The outcome of a duplicate; `None` if the card is not a recent one.
    pub(super) fn outcome(&mut self, eid: &Eid, pushed: &Pushed, now: Instant) -> Option<Outcome> {
        self.forget(now);
        let shared = &self.results.get(&key(eid))?.shared;
        let Pushed { tag, given } = pushed;
        Some(Outcome {
            tag: *tag,
            given: given.clone(),
            eid: eid.as_str().to_owned(),
            is_duplicate: true,
            result: shared.of(eid),
            unsent: shared.unsent,
        })
    }

    /// The result as it is stored already, or this one.
    fn share(&mut self, new: Shared) -> Arc<Shared> {
        if let Some(known) = self.shared.iter().rev().find(|known| known.is_same(&new)) {
            return known.clone();
        }
        if self.shared.len() == MAX_SHARED {
            self.shared.pop_front();
        }
        let new = Arc::new(new);
        self.shared.push_back(new.clone());
        new
    }

    /// Milliseconds since the first card.
    fn time(&mut self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(*self.epoch.get_or_insert(now));
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    fn forget(&mut self, now: Instant) {
        let now = self.time(now);
        let is_old =
            |recent: &Recent| u128::from(now.saturating_sub(recent.since)) >= REMEMBERED_FOR.as_millis();
        while self.order.front().is_some_and(|oldest| self.results.get(oldest).is_none_or(is_old)) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some(oldest) = self.order.pop_front() {
            self.results.remove(&oldest);
        }
    }
}

impl Shared {
    fn new(result: &Result<Reply, Error>, unsent: bool) -> Self {
        let names_card = result.as_ref().is_err_and(|error| error.eid().is_some());
        // Of bounded size.
        let result = match result {
            Ok(reply) => Ok(reply.brief()),
            Err(error) => Err(error.brief()),
        };
        Self { result, names_card, unsent }
    }

    /// The result of this card.
    fn of(&self, eid: &Eid) -> Result<Reply, Error> {
        match &self.result {
            Ok(reply) => Ok(reply.brief().with_eid(eid.as_str())),
            Err(error) if self.names_card => Err(error.brief().with_eid(eid.as_str())),
            Err(error) => Err(error.brief()),
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        let is_same = match (&self.result, &other.result) {
            (Ok(one), Ok(other)) => one == other,
            (Err(one), Err(other)) => one.is_same(other),
            _ => false,
        };
        is_same && (self.names_card, self.unsent) == (other.names_card, other.unsent)
    }
}

fn key(eid: &Eid) -> Key {
    let number = eid.to_number();
    [number as u64, (number >> 64) as u64]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Delivered, ErrorKind, Evidence};

    #[test]
    fn recent_result_is_small_whatever_the_server_sent() {
        let large = || "x".repeat(60_000);
        let evidence = Evidence { body: Some(vec![b'x'; 2048]), headers: vec![("server", large())] };
        let error = Error::new(ErrorKind::Http, "a page")
            .with_http_status(404)
            .with_delivered(Delivered::Yes)
            .with_attempts(3)
            .with_platform(Some("7".to_owned()), Some(large()))
            .with_evidence(evidence);
        let shared = Shared::new(&Err(error.with_eid("7")), false);
        let kept = shared.of(&eid("8")).expect_err("an error");
        assert_eq!(kept.eid(), Some("8"));
        assert_eq!((kept.kind(), kept.http_status(), kept.attempts()), (ErrorKind::Http, Some(404), 3));
        assert_eq!((kept.delivered(), kept.platform_code()), (Delivered::Yes, Some("7")));
        assert_eq!(
            (kept.platform_message().map(str::len), kept.body(), kept.headers().len()),
            (Some(256), None, 0)
        );
    }

    fn eid(digits: &str) -> Eid {
        Eid::parse(digits).expect("digits")
    }

    fn insert(recent: &mut RecentResults, digits: &str, now: Instant) {
        recent.insert(&eid(digits), &Err(Error::new(ErrorKind::Timeout, "x")), false, now);
    }

    fn is_known(recent: &mut RecentResults, digits: &str, now: Instant) -> bool {
        recent.outcome(&eid(digits), &Pushed { tag: 0, given: String::new() }, now).is_some()
    }

    #[test]
    fn recent_results_are_bounded_and_distinguish_leading_zeros() {
        let (mut recent, now) = (RecentResults::default(), Instant::now());
        for digits in
            ["7", "07", "007", "99999999999999999999999999999999", "00000000000000000000000000000000"]
        {
            assert!(!is_known(&mut recent, digits, now), "{digits}");
            insert(&mut recent, digits, now);
            assert!(is_known(&mut recent, digits, now), "{digits}");
        }
        for number in 0..2 * WINDOW {
            insert(&mut recent, &format!("1{number}"), now);
        }
        assert_eq!((recent.results.len(), recent.order.len()), (WINDOW, WINDOW));
        assert!(!is_known(&mut recent, "7", now));
    }

    #[test]
    fn recent_result_is_forgotten_after_a_quarter_of_an_hour() {
        let (mut recent, start) = (RecentResults::default(), Instant::now());
        insert(&mut recent, "7", start);
        let later = start + REMEMBERED_FOR - Duration::from_secs(1);
        insert(&mut recent, "8", later);
        assert!(is_known(&mut recent, "7", later));
        assert!(!is_known(&mut recent, "7", start + REMEMBERED_FOR));
        assert!(is_known(&mut recent, "8", start + REMEMBERED_FOR));
        insert(&mut recent, "7", start + REMEMBERED_FOR);
        assert_eq!((recent.results.len(), recent.order.len()), (2, 2));
        assert!(is_known(&mut recent, "7", later + REMEMBERED_FOR), "counted from the second call");
    }

    #[test]
    fn recent_results_that_are_the_same_are_stored_once() {
        let (mut recent, now) = (RecentResults::default(), Instant::now());
        let failure = |text: &str, eid: &str| Err(Error::new(ErrorKind::Timeout, text).with_eid(eid));
        for number in 0..WINDOW {
            let digits = number.to_string();
            let text = ["no reply", "no reply within 3 s"][number % 2];
            recent.insert(&eid(&digits), &failure(text, &digits), number % 3 == 0, now);
        }
        let mut stored: Vec<_> = recent.results.values().map(|recent| Arc::as_ptr(&recent.shared)).collect();
        stored.sort_unstable();
        stored.dedup();
        assert_eq!((stored.len(), recent.shared.len()), (4, 4));
        for (number, text, unsent) in [(3, "EID 3: no reply within 3 s", true), (4, "EID 4: no reply", false)]
        {
            let pushed = Pushed { tag: 9, given: " 3 ".to_owned() };
            let outcome = recent.outcome(&eid(&number.to_string()), &pushed, now).expect("a recent one");
            assert_eq!((outcome.tag, outcome.given.as_str(), outcome.unsent), (9, " 3 ", unsent));
            assert_eq!(outcome.result.expect_err("a failure").to_string(), text);
        }
        for number in 0..3 * MAX_SHARED {
            let digits = format!("9{number}");
            recent.insert(&eid(&digits), &failure(&digits, &digits), false, now);
        }
        assert_eq!(recent.shared.len(), MAX_SHARED, "results that all differ are not searched for long");
    }
}
