//! Retries: which failures, after which backoff.
//!
//! Two kinds of failures are transient: the server said "not now", which is safe to repeat, and the outcome of the request is
//! unknown, which is retried only if the call is idempotent, as a refresh is (vendor documentation of the corresponding call).

use crate::error::{Delivered, Error, ErrorKind};
use crate::error_codes::CodeMeaning;
use crate::random::Random;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The wait before the second attempt is at most this, and doubles from attempt to attempt.
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// No wait of our own is longer than this.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// A platform that asks for a longer wait than this is not waited for; the caller is told.
pub(crate) const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(120);

/// What to do after a failed attempt.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Try again after this wait.
    TryAfter(Duration),
    /// Give up; where it is worth saying, why although the failure would deserve another try.
    GiveUp(Option<String>),
}

/// How a call is retried.
pub(crate) struct Policy {
    pub(crate) max_attempts: u32,
    /// Whether the platform may receive the request twice.
    pub(crate) idempotent: bool,
}

impl Policy {
    /// Decides after attempt number `attempts` has failed with `error`.
    pub(crate) fn after(
        &self,
        error: &Error,
        attempts: u32,
        time_left: Duration,
        budget: &Budget,
        random: &dyn Random,
    ) -> Next {
        if !is_worth_another_try(error) {
            return Next::GiveUp(None);
        }
        if !self.idempotent && !has_surely_not_acted(error) {
            return Next::GiveUp(Some("not retried: this call is not marked idempotent".to_owned()));
        }
        if attempts >= self.max_attempts {
            let after = (attempts > 1).then(|| format!("this was attempt {attempts} of {attempts}"));
            return Next::GiveUp(after);
        }
        let wait = match error.retry_after() {
            Some(wait) if wait > LONGEST_RETRY_AFTER => {
                let longest = LONGEST_RETRY_AFTER.as_secs();
                return Next::GiveUp(Some(format!(
                    "not retried: that is more than the {longest} s that a call waits"
                )));
            }
            Some(wait) => wait,
            None => full_jitter(attempts, random),
        };
        if wait >= time_left {
            return Next::GiveUp(Some("not retried: no time is left before the deadline".to_owned()));
        }
        if !budget.take(cost(error)) {
            return Next::GiveUp(Some("not retried: too many calls are failing".to_owned()));
        }
        Next::TryAfter(wait)
    }
}

/// The server said "not now", or the outcome is unknown. Not permanent failures: certificates, credentials, rejections.
fn is_worth_another_try(error: &Error) -> bool {
    match error.kind() {
        // Where there is a status, a proxy does not connect. A directory locks accounts that come with a wrong password again and
        // again.
        ErrorKind::Connect => error.http_status().is_none_or(is_transient),
        ErrorKind::ConnectionLost | ErrorKind::Timeout | ErrorKind::RateLimited | ErrorKind::Unavailable => {
            true
        }
        ErrorKind::Platform => error.meaning() == Some(CodeMeaning::Retry),
        ErrorKind::Http => error.http_status().is_some_and(is_transient),
        _ => false,
    }
}

fn is_transient(http_status: u16) -> bool {
    matches!(http_status, 408 | 500 | 502 | 503 | 504)
}

/// Nothing was sent, or the platform said that it had too many requests to look at this one.
fn has_surely_not_acted(error: &Error) -> bool {
    error.delivered() == Delivered::No || error.kind() == ErrorKind::RateLimited
}

/// Exponential backoff with full jitter: clients that failed together do not retry together.
fn full_jitter(attempts: u32, random: &dyn Random) -> Duration {
    let doublings = attempts.saturating_sub(1).min(16);
    let most = FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT);
    let fraction = (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    most.mul_f64(fraction)
}

/// A token bucket that keeps an outage from multiplying the load: all calls of a client pay for their retries from it.
///
/// A retry that leads to success is refunded, and a call that succeeds without a retry adds a little.
pub(crate) struct Budget {
    tokens: AtomicU32,
}

const FULL: u32 = 500;
const PRICE: u32 = 5;

/// A refusal for too many requests may speak of the five minutes between two refreshes of one card, which no retry outlasts.
/// At this price, a list in which every second card answers so spends one call in ten on retries.
const PRICE_AFTER_TOO_MANY: u32 = 10;

fn cost(error: &Error) -> u32 {
    match (error.kind(), error.retry_after()) {
        (ErrorKind::RateLimited, None) => PRICE_AFTER_TOO_MANY,
        _ => PRICE,
    }
}

impl Budget {
    /// Full: good for a hundred retries in a row that all fail.
    pub(crate) fn new() -> Self {
        Self { tokens: AtomicU32::new(FULL) }
    }

    /// Pays for a retry, if there is enough left.
    fn take(&self, cost: u32) -> bool {
        self.change(|tokens| tokens.checked_sub(cost))
    }

    /// A call has succeeded, after `attempts`.
    pub(crate) fn success(&self, attempts: u32) {
        let back = if attempts > 1 { PRICE } else { 1 };
        // Nothing to write, and so nothing for threads to fight over, when it is full, as it is almost always.
        if self.tokens.load(Ordering::Relaxed) < FULL {
            self.change(|tokens| Some(tokens.saturating_add(back).min(FULL)));
        }
    }

    fn change(&self, change: impl FnMut(u32) -> Option<u32>) -> bool {
        self.tokens.fetch_update(Ordering::Relaxed, Ordering::Relaxed, change).is_ok()
    }
}

/// How long until then; nothing when that is past.
pub(crate) fn time_left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest and the smallest fraction that randomness can give.
    struct Always(u64);

    impl Random for Always {
        fn next_u64(&self) -> u64 {
            self.0
        }
    }

    const POLICY: Policy = Policy { max_attempts: 3, idempotent: true };
    const PLENTY: Duration = Duration::from_secs(300);

    fn after(error: &Error, attempts: u32, time_left: Duration) -> Next {
        POLICY.after(error, attempts, time_left, &Budget::new(), &Always(0))
    }

    fn http(status: u16, retry_after: Option<u64>) -> Error {
        Error::new(ErrorKind::Http, "x")
            .with_http_status(status)
            .with_retry_after(retry_after.map(Duration::from_secs))
    }

    #[test]
    fn not_now_and_nobody_knows_are_tried_again_and_a_no_is_not() {
        for kind in ErrorKind::ALL {
            let again = matches!(after(&Error::new(kind, "x"), 1, PLENTY), Next::TryAfter(_));
            let expected = [
                ErrorKind::Connect,
                ErrorKind::ConnectionLost,
                ErrorKind::Timeout,
                ErrorKind::RateLimited,
                ErrorKind::Unavailable,
            ];
            assert_eq!(again, expected.contains(&kind), "{kind:?}");
        }
        for status in [408, 500, 502, 503, 504] {
            assert_eq!(after(&http(status, None), 1, PLENTY), Next::TryAfter(Duration::ZERO), "{status}");
        }
        for status in [400, 404, 418, 501, 505] {
            assert_eq!(after(&http(status, None), 1, PLENTY), Next::GiveUp(None), "{status}");
        }
    }

    #[test]
    fn retry_of_a_proxys_refusal_is_for_its_status_to_say() {
        for (status, retried) in
            [(302, false), (403, false), (407, false), (502, true), (503, true), (504, true)]
        {
            let error = Error::new(ErrorKind::Connect, "x").with_http_status(status);
            assert_eq!(matches!(after(&error, 1, PLENTY), Next::TryAfter(_)), retried, "{status}");
        }
    }

    #[test]
    fn retry_of_a_platform_code_is_for_its_meaning_to_say() {
        for (meaning, retried) in
            [(None, false), (Some(CodeMeaning::Retry), true), (Some(CodeMeaning::Final), false)]
        {
            let error = Error::new(ErrorKind::Platform, "x").with_meaning(meaning);
            assert_eq!(matches!(after(&error, 1, PLENTY), Next::TryAfter(_)), retried, "{meaning:?}");
        }
    }

    #[test]
    fn retry_after_too_many_requests_costs_twice_as_much() {
        let budget = Budget::new();
        let too_many = Error::new(ErrorKind::RateLimited, "x");
        let granted = || matches!(POLICY.after(&too_many, 1, PLENTY, &budget, &Always(0)), Next::TryAfter(_));
        assert_eq!((0..1000).filter(|_| granted()).count(), 50);
    }

    #[test]
    fn what_may_do_harm_twice_is_tried_again_only_when_it_has_surely_not_been_done() {
        let careful = Policy { idempotent: false, ..POLICY };
        let after = |error: &Error| careful.after(error, 1, PLENTY, &Budget::new(), &Always(0));
        for kind in [ErrorKind::Connect, ErrorKind::Timeout, ErrorKind::ConnectionLost] {
            let error = |delivered| Error::new(kind, "x").with_delivered(delivered);
            assert!(matches!(after(&error(Delivered::No)), Next::TryAfter(_)), "{kind:?}");
            let Next::GiveUp(Some(why)) = after(&error(Delivered::Unknown)) else { panic!("{kind:?}") };
            assert!(why.contains("idempotent"), "{why}");
        }
        let too_many = Error::new(ErrorKind::RateLimited, "x").with_delivered(Delivered::Yes);
        assert!(matches!(after(&too_many), Next::TryAfter(_)));
        assert!(matches!(after(&http(503, None).with_delivered(Delivered::Yes)), Next::GiveUp(Some(_))));
    }

    #[test]
    fn the_last_attempt_is_the_last() {
        assert!(matches!(after(&http(503, None), 2, PLENTY), Next::TryAfter(_)));
        assert!(matches!(after(&http(503, None), 3, PLENTY), Next::GiveUp(Some(_))));
    }

    #[test]
    fn waits_grow_to_a_cap_and_are_spread_over_the_whole_range() {
        let most = |attempts| full_jitter(attempts, &Always(u64::MAX)).as_secs_f64() * 1000.0;
        let most = |attempts| most(attempts).round() as u64;
        assert_eq!(
            [most(1), most(2), most(3), most(5), most(6), most(60)],
            [200, 400, 800, 3200, 5000, 5000]
        );
        assert_eq!(full_jitter(3, &Always(0)), Duration::ZERO);
    }

    #[test]
    fn a_wait_that_the_platform_asks_for_is_honoured_up_to_two_minutes() {
        assert_eq!(after(&http(503, Some(120)), 1, PLENTY), Next::TryAfter(Duration::from_secs(120)));
        assert!(matches!(after(&http(503, Some(121)), 1, PLENTY), Next::GiveUp(Some(_))));
    }

    #[test]
    fn no_wait_goes_past_the_deadline() {
        let left = Duration::from_secs(2);
        assert!(matches!(after(&http(503, Some(2)), 1, left), Next::GiveUp(Some(_))));
        assert!(matches!(after(&http(503, Some(1)), 1, left), Next::TryAfter(_)));
    }

    #[test]
    fn an_outage_uses_the_budget_up_and_successes_fill_it_again() {
        let budget = Budget::new();
        let granted =
            || matches!(POLICY.after(&http(503, None), 1, PLENTY, &budget, &Always(0)), Next::TryAfter(_));
        assert_eq!((0..1000).filter(|_| granted()).count(), 100);
        for _ in 0..5 {
            assert!(!granted());
            budget.success(1);
        }
        assert!(granted(), "five successes pay for a retry");
        budget.success(2);
        assert!(granted(), "a retry that led to success got its price back");
    }
}
