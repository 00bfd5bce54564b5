//! The results of a batch's most recent cards, for duplicates that come later. Memory does not depend on how many
//! cards the batch has.

use super::cards::Pushed;
use super::outcome::Outcome;
use crate::eid::Eid;
use crate::error::Error;
use crate::protocol::Reply;
use std::collections::{HashMap, VecDeque};

/// How many cards are remembered.
pub(super) const WINDOW: usize = 8_192;

/// Results by EID, without what makes some of them large. An EID has at most 32 digits, so it fits into an integer.
#[derive(Default)]
pub(super) struct RecentResults {
    results: HashMap<u128, Box<Recent>>,
    /// The same cards, oldest first.
    order: VecDeque<u128>,
}

struct Recent {
    result: Result<Reply, Error>,
    unsent: bool,
}

impl RecentResults {
    /// Remembers the result of a card, and forgets the oldest one.
    pub(super) fn insert(&mut self, eid: &Eid, result: &Result<Reply, Error>, unsent: bool) {
        let key = eid.to_number();
        if self.results.insert(key, Box::new(Recent { result: brief(result), unsent })).is_none() {
            self.order.push_back(key);
        }
        if self.order.len() > WINDOW {
            if let Some(oldest) = self.order.pop_front() {
                self.results.remove(&oldest);
            }
        }
    }

    /// The outcome of a duplicate; `None` if the card is not a recent one.
    pub(super) fn outcome(&self, eid: &Eid, Pushed { tag, given }: &Pushed) -> Option<Outcome> {
        let Recent { result, unsent } = self.results.get(&eid.to_number()).map(Box::as_ref)?;
        let (given, eid) = (given.clone(), eid.as_str().to_owned());
        Some(Outcome { tag: *tag, given, eid, is_duplicate: true, result: brief(result), unsent: *unsent })
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

    #[test]
    fn recent_results_are_bounded_and_distinguish_leading_zeros() {
        let mut recent = RecentResults::default();
        let eid = |digits: &str| Eid::parse(digits).expect("digits");
        let known = |recent: &RecentResults, digits: &str| {
            recent.outcome(&eid(digits), &Pushed { tag: 0, given: String::new() }).is_some()
        };
        for digits in
            ["7", "07", "007", "99999999999999999999999999999999", "00000000000000000000000000000000"]
        {
            assert!(!known(&recent, digits), "{digits}");
            recent.insert(&eid(digits), &Err(Error::new(ErrorKind::Timeout, "x")), false);
            assert!(known(&recent, digits), "{digits}");
        }
        for number in 0..2 * WINDOW {
            recent.insert(&eid(&format!("1{number}")), &Err(Error::new(ErrorKind::Timeout, "x")), false);
        }
        assert_eq!((recent.results.len(), recent.order.len()), (WINDOW, WINDOW));
        assert!(!known(&recent, "7"));
    }
}
