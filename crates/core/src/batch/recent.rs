//! The results of a batch's most recent cards, for duplicates that come later. Memory does not depend on how many
//! cards the batch has.

use super::cards::Pushed;
use super::outcome::Outcome;
use crate::eid::Eid;
use crate::error::Error;
use crate::protocol::Reply;
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// How many cards are remembered.
pub(super) const WINDOW: usize = 8_192;

/// How long. A batch may live as long as a daemon, in which a card that is pushed again later is to be refreshed again. At
/// ten calls per second, about the time of `WINDOW` cards.
pub(super) const REMEMBERED_FOR: Duration = Duration::from_secs(15 * 60);

/// Results by EID, without what makes some of them large. An EID has at most 32 digits, so it fits into an integer.
#[derive(Default)]
pub(super) struct RecentResults {
    results: HashMap<u128, Box<Recent>>,
    /// The same cards, oldest first, and since when they are remembered.
    order: VecDeque<(u128, Instant)>,
}

struct Recent {
    result: Result<Reply, Error>,
    unsent: bool,
}

impl RecentResults {
    /// Remembers the result of a card, and forgets those that are too old or too many.
    pub(super) fn insert(&mut self, eid: &Eid, result: &Result<Reply, Error>, unsent: bool, now: Instant) {
        self.forget(now);
        let key = eid.to_number();
        if self.results.insert(key, Box::new(Recent { result: brief(result), unsent })).is_none() {
            self.order.push_back((key, now));
        }
        if self.order.len() > WINDOW {
            self.forget_oldest();
        }
    }

    /// The outcome of a duplicate; `None` if the card is not a recent one.
    pub(super) fn outcome(&mut self, eid: &Eid, pushed: &Pushed, now: Instant) -> Option<Outcome> {
        self.forget(now);
        let Recent { result, unsent } = self.results.get(&eid.to_number()).map(Box::as_ref)?;
        let (Pushed { tag, given }, eid) = (pushed, eid.as_str().to_owned());
        Some(Outcome {
            tag: *tag,
            given: given.clone(),
            eid,
            is_duplicate: true,
            result: brief(result),
            unsent: *unsent,
        })
    }

    fn forget(&mut self, now: Instant) {
        let is_old = |since: Instant| now.duration_since(since) >= REMEMBERED_FOR;
        while self.order.front().is_some_and(|(_, since)| is_old(*since)) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((oldest, _)) = self.order.pop_front() {
            self.results.remove(&oldest);
        }
    }
}

/// A copy whose size is bounded.
fn brief(result: &Result<Reply, Error>) -> Result<Reply, Error> {
    match result {
        Ok(reply) => Ok(reply.brief()),
        Err(error) => Err(error.brief()),
    }
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
        let kept = brief(&Err(error)).expect_err("an error");
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
}
