//! Retries: how often, and with which backoff. Which failures are retried is in `error/retryable.rs`.

use crate::error::{Error, ErrorKind};
use crate::system::{self, Random};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The maximum wait before the second attempt; it doubles with each attempt.
const INITIAL_BACKOFF: Duration = Duration::from_millis(200);

/// The maximum backoff.
const MAX_BACKOFF: Duration = Duration::from_secs(5);

/// The maximum wait that a server can request; longer ones are reported to the caller instead.
pub(crate) const MAX_RETRY_AFTER: Duration = Duration::from_secs(120);

/// What to do after a failed attempt.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum RetryDecision {
    /// Retry after this wait.
    RetryAfter(Duration),
    /// Stop; with the reason, if the failure would otherwise be retried.
    Stop(Option<String>),
}

/// The retry policy of a call.
pub(crate) struct Policy {
    pub(crate) max_attempts: u32,
    /// Whether the call is idempotent.
    pub(crate) idempotent: bool,
}

impl Policy {
    /// Decides after attempt number `attempts` failed with `error`.
    pub(crate) fn decide(
        &self,
        error: &Error,
        attempts: u32,
        time_left: Duration,
        bucket: &TokenBucket,
        random: &dyn Random,
    ) -> RetryDecision {
        if !error.is_transient() {
            return RetryDecision::Stop(None);
        }
        if !error.is_safe_to_repeat(self.idempotent) {
            return RetryDecision::Stop(Some("not retried: this call is not marked idempotent".to_owned()));
        }
        if attempts >= self.max_attempts {
            let after = (attempts > 1).then(|| format!("this was attempt {attempts} of {attempts}"));
            return RetryDecision::Stop(after);
        }
        let wait = match error.retry_after() {
            Some(wait) if wait > MAX_RETRY_AFTER => {
                let max_wait = MAX_RETRY_AFTER.as_secs();
                return RetryDecision::Stop(Some(format!(
                    "not retried: that is more than the {max_wait} s that a call waits"
                )));
            }
            Some(wait) => wait,
            None => full_jitter(attempts, random),
        };
        if wait >= time_left {
            return RetryDecision::Stop(Some("not retried: no time is left before the deadline".to_owned()));
        }
        if !bucket.take(cost(error)) {
            return RetryDecision::Stop(Some("not retried: too many calls are failing".to_owned()));
        }
        RetryDecision::RetryAfter(wait)
    }
}

/// Exponential backoff with full jitter: clients that failed together do not retry together.
fn full_jitter(attempts: u32, random: &dyn Random) -> Duration {
    let doublings = attempts.saturating_sub(1).min(16);
    let max = INITIAL_BACKOFF.saturating_mul(1 << doublings).min(MAX_BACKOFF);
    let fraction = (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    max.mul_f64(fraction)
}

/// A token bucket that limits the retries of all calls of a client, so that they do not multiply the load of an outage.
///
/// The cost of a retry that succeeds is refunded, and a call that succeeds at once adds a little.
pub(crate) struct TokenBucket {
    tokens: AtomicU32,
}

const CAPACITY: u32 = 500;
const RETRY_COST: u32 = 5;

/// "Too many requests" may concern the five minutes between two refreshes of one card, which no retry outlasts. At this
/// cost, a list in which every second card answers this way spends one call in ten on retries.
const RATE_LIMITED_COST: u32 = 10;

fn cost(error: &Error) -> u32 {
    match (error.kind(), error.retry_after()) {
        (ErrorKind::RateLimited, None) => RATE_LIMITED_COST,
        _ => RETRY_COST,
    }
}

impl TokenBucket {
    /// Starts full: enough for a hundred consecutive retries that fail.
    pub(crate) fn new() -> Self {
        Self { tokens: AtomicU32::new(CAPACITY) }
    }

    /// Takes the cost of a retry, if enough tokens are left.
    fn take(&self, cost: u32) -> bool {
        self.change(|tokens| tokens.checked_sub(cost))
    }

    /// A call succeeded after `attempts`.
    pub(crate) fn success(&self, attempts: u32) {
        let back = if attempts > 1 { RETRY_COST } else { 1 };
        // Writes nothing if the bucket is full, as it usually is, to avoid contention between threads.
        if self.tokens.load(Ordering::Relaxed) < CAPACITY {
            self.change(|tokens| Some(tokens.saturating_add(back).min(CAPACITY)));
        }
    }

    fn change(&self, change: impl FnMut(u32) -> Option<u32>) -> bool {
        self.tokens.fetch_update(Ordering::Relaxed, Ordering::Relaxed, change).is_ok()
    }
}

/// The time until then; zero if it is past.
pub(crate) fn time_left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(system::now())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{CodeMeaning, Delivered};

    /// The largest and the smallest random fraction.
    struct Always(u64);

    impl Random for Always {
        fn next_u64(&self) -> u64 {
            self.0
        }
    }

    const POLICY: Policy = Policy { max_attempts: 3, idempotent: true };
    const AMPLE_TIME: Duration = Duration::from_secs(300);

    fn after(error: &Error, attempts: u32, time_left: Duration) -> RetryDecision {
        POLICY.decide(error, attempts, time_left, &TokenBucket::new(), &Always(0))
    }

    fn http(status: u16, retry_after: Option<u64>) -> Error {
        Error::new(ErrorKind::Http, "x")
            .with_http_status(status)
            .with_retry_after(retry_after.map(Duration::from_secs))
    }

    #[test]
    fn retry_follows_transient_failures_and_unknown_outcomes_only() {
        for kind in ErrorKind::ALL {
            let again = matches!(after(&Error::new(kind, "x"), 1, AMPLE_TIME), RetryDecision::RetryAfter(_));
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
            assert_eq!(
                after(&http(status, None), 1, AMPLE_TIME),
                RetryDecision::RetryAfter(Duration::ZERO),
                "{status}"
            );
        }
        for status in [400, 404, 418, 501, 505] {
            assert_eq!(after(&http(status, None), 1, AMPLE_TIME), RetryDecision::Stop(None), "{status}");
        }
    }

    #[test]
    fn retry_after_a_proxys_rejection_depends_on_its_status() {
        for (status, retried) in
            [(302, false), (403, false), (407, false), (502, true), (503, true), (504, true)]
        {
            let error = Error::new(ErrorKind::Connect, "x").with_http_status(status);
            assert_eq!(
                matches!(after(&error, 1, AMPLE_TIME), RetryDecision::RetryAfter(_)),
                retried,
                "{status}"
            );
        }
    }

    #[test]
    fn retry_after_a_platform_code_depends_on_its_meaning() {
        for (meaning, retried) in
            [(None, false), (Some(CodeMeaning::Retry), true), (Some(CodeMeaning::Final), false)]
        {
            let error = Error::new(ErrorKind::Platform, "x").with_meaning(meaning);
            assert_eq!(
                matches!(after(&error, 1, AMPLE_TIME), RetryDecision::RetryAfter(_)),
                retried,
                "{meaning:?}"
            );
        }
    }

    #[test]
    fn retry_after_too_many_requests_costs_twice_as_much() {
        let bucket = TokenBucket::new();
        let too_many = Error::new(ErrorKind::RateLimited, "x");
        let granted = || {
            matches!(
                POLICY.decide(&too_many, 1, AMPLE_TIME, &bucket, &Always(0)),
                RetryDecision::RetryAfter(_)
            )
        };
        assert_eq!((0..1000).filter(|_| granted()).count(), 50);
    }

    #[test]
    fn retry_of_a_call_that_is_not_idempotent_requires_that_it_has_not_acted() {
        let careful = Policy { idempotent: false, ..POLICY };
        let after = |error: &Error| careful.decide(error, 1, AMPLE_TIME, &TokenBucket::new(), &Always(0));
        for kind in [ErrorKind::Connect, ErrorKind::Timeout, ErrorKind::ConnectionLost] {
            let error = |delivered| Error::new(kind, "x").with_delivered(delivered);
            assert!(matches!(after(&error(Delivered::No)), RetryDecision::RetryAfter(_)), "{kind:?}");
            let RetryDecision::Stop(Some(why)) = after(&error(Delivered::Unknown)) else {
                panic!("{kind:?}")
            };
            assert!(why.contains("idempotent"), "{why}");
        }
        let too_many = Error::new(ErrorKind::RateLimited, "x").with_delivered(Delivered::Yes);
        assert!(matches!(after(&too_many), RetryDecision::RetryAfter(_)));
        assert!(matches!(
            after(&http(503, None).with_delivered(Delivered::Yes)),
            RetryDecision::Stop(Some(_))
        ));
    }

    #[test]
    fn retry_stops_after_max_attempts() {
        assert!(matches!(after(&http(503, None), 2, AMPLE_TIME), RetryDecision::RetryAfter(_)));
        assert!(matches!(after(&http(503, None), 3, AMPLE_TIME), RetryDecision::Stop(Some(_))));
    }

    #[test]
    fn retry_backoff_grows_to_a_cap_with_full_jitter() {
        let max = |attempts| full_jitter(attempts, &Always(u64::MAX)).as_secs_f64() * 1000.0;
        let max = |attempts| max(attempts).round() as u64;
        assert_eq!([max(1), max(2), max(3), max(5), max(6), max(60)], [200, 400, 800, 3200, 5000, 5000]);
        assert_eq!(full_jitter(3, &Always(0)), Duration::ZERO);
    }

    #[test]
    fn retry_after_header_is_obeyed_up_to_two_minutes() {
        assert_eq!(
            after(&http(503, Some(120)), 1, AMPLE_TIME),
            RetryDecision::RetryAfter(Duration::from_secs(120))
        );
        assert!(matches!(after(&http(503, Some(121)), 1, AMPLE_TIME), RetryDecision::Stop(Some(_))));
    }

    #[test]
    fn retry_wait_does_not_exceed_the_deadline() {
        let left = Duration::from_secs(2);
        assert!(matches!(after(&http(503, Some(2)), 1, left), RetryDecision::Stop(Some(_))));
        assert!(matches!(after(&http(503, Some(1)), 1, left), RetryDecision::RetryAfter(_)));
    }

    #[test]
    fn retry_token_bucket_is_emptied_by_failures_and_refilled_by_successes() {
        let bucket = TokenBucket::new();
        let granted = || {
            matches!(
                POLICY.decide(&http(503, None), 1, AMPLE_TIME, &bucket, &Always(0)),
                RetryDecision::RetryAfter(_)
            )
        };
        assert_eq!((0..1000).filter(|_| granted()).count(), 100);
        for _ in 0..5 {
            assert!(!granted());
            bucket.success(1);
        }
        assert!(granted(), "five successes pay for a retry");
        bucket.success(2);
        assert!(granted(), "a retry that led to success got its price back");
    }
}
