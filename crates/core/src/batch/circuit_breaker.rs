//! The circuit breaker of a batch: holds the batch while the platform is unreachable, and stops it after repeated
//! authentication failures.

use super::signal::{PROXY_WANTS_PASSWORD, Signal};
use crate::error::{Error, ErrorKind};
use crate::protocol::Reply;
use std::time::{Duration, Instant};

/// This many consecutive calls without an answer are an outage.
pub(super) const OUTAGE_THRESHOLD: u32 = 5;

/// The wait before the first probe of an outage; it doubles with each probe.
const FIRST_PROBE: Duration = Duration::from_millis(500);

/// The maximum wait between probes.
const MAX_PROBE_INTERVAL: Duration = Duration::from_secs(60);

/// How long the last few cards of a list are held: fewer than [`OUTAGE_THRESHOLD`] failures do not distinguish an
/// outage from cards that fail individually.
const MAX_HOLD_OF_FEW: Duration = Duration::from_secs(30);

/// The names of what can be unreachable, for messages.
pub(crate) const PLATFORM: &str = "the platform";
pub(crate) const LIMITER: &str = "the Redis that the rate is shared by";

/// Why a batch has stopped sending.
#[derive(Debug, Clone)]
pub(crate) struct Trip {
    kind: ErrorKind,
    reason: String,
}

impl Trip {
    /// The error of a card that was not sent because the breaker tripped.
    pub(crate) fn error(&self) -> Error {
        Error::new(self.kind, format!("not sent, because {}", self.reason))
    }

    pub(crate) fn reason(&self) -> &str {
        &self.reason
    }
}

/// The current outage.
#[derive(Debug, Clone, Copy)]
struct Outage {
    since: Instant,
    gives_up_at: Instant,
    probe_at: Instant,
    interval: Duration,
    probing: bool,
    probes: u32,
    /// Only a few cards have failed, which may not be an outage.
    of_few: bool,
    /// A card that came later has failed too.
    of_others: bool,
    /// No permits are available, because the shared limiter is unreachable.
    of_limiter: bool,
    /// The final probe, sent when the time was up, has failed.
    is_time_up: bool,
}

/// Counts what calls reveal about the platform and the account. Reads no clock: callers pass the time.
pub(crate) struct CircuitBreaker {
    /// 0 is off.
    max_auth_failures: u32,
    /// Zero is off.
    outage_timeout: Duration,
    /// Consecutive authentication failures.
    auth_failures: u32,
    /// Consecutive calls without an answer.
    unanswered: u32,
    /// The platform has answered at least once, so base_url is correct.
    has_answered: bool,
    /// A permit was acquired at least once, so rate_scope is correct.
    has_permitted: bool,
    outage: Option<Outage>,
}

impl CircuitBreaker {
    pub(crate) fn new(max_auth_failures: u32, outage_timeout: Duration) -> Self {
        Self {
            max_auth_failures,
            outage_timeout,
            auth_failures: 0,
            unanswered: 0,
            has_answered: false,
            has_permitted: false,
            outage: None,
        }
    }

    /// Whether a card that failed with this signal is held, because the failure may be part of an outage.
    pub(crate) fn holds(&self, signal: Signal) -> bool {
        !self.outage_timeout.is_zero() && matches!(signal, Signal::Unreachable | Signal::NoAnswer)
    }

    /// Whether cards are held.
    pub(crate) fn is_open(&self) -> bool {
        self.outage.is_some()
    }

    /// Counts a card that was held; `is_untried` if that was its first call. If a few cards are held, other cards that fail as well
    /// show that it is an outage.
    pub(crate) fn unanswered(&mut self, is_untried: bool) {
        self.unanswered = self.unanswered.saturating_add(1);
        let Some(outage) = self.outage.as_mut().filter(|outage| outage.of_few && !outage.of_limiter) else {
            return;
        };
        outage.of_others |= is_untried;
        if outage.of_others && self.unanswered >= OUTAGE_THRESHOLD {
            outage.of_few = false;
            outage.gives_up_at = outage.since + self.outage_timeout;
        }
    }

    /// Whether a few cards are held that may fail individually.
    pub(crate) fn is_of_few(&self) -> bool {
        self.outage.is_some_and(|outage| outage.of_few)
    }

    /// A call ended without an answer. Returns whether it was a probe; if so, schedules the next one after a longer
    /// wait.
    pub(crate) fn end_probe(&mut self, now: Instant) -> bool {
        let Some(outage) = self.outage.as_mut().filter(|outage| outage.probing) else { return false };
        outage.probing = false;
        outage.is_time_up = now >= outage.gives_up_at;
        outage.interval = (outage.interval * 2).min(MAX_PROBE_INTERVAL);
        // The last probe is sent when the time is up.
        outage.probe_at = (now + outage.interval).min(outage.gives_up_at);
        true
    }

    /// The platform answered, which ends an outage of the platform. Returns how long the outage lasted.
    pub(crate) fn answered(&mut self, now: Instant) -> Option<Duration> {
        self.unanswered = 0;
        self.has_answered = true;
        self.end(now, false)
    }

    /// A permit was acquired, which ends an outage of the limiter. Returns how long the outage lasted.
    pub(crate) fn permitted(&mut self, now: Instant) -> Option<Duration> {
        self.has_permitted = true;
        self.end(now, true)
    }

    /// The platform and the limiter end only their own outages.
    fn end(&mut self, now: Instant, of_limiter: bool) -> Option<Duration> {
        let ended = self.outage.take_if(|outage| outage.of_limiter == of_limiter)?;
        Some(now.saturating_duration_since(ended.since))
    }

    /// A call ended. Returns why the batch must stop, if too many consecutive calls failed authentication.
    pub(crate) fn check_account(&mut self, result: &Result<Reply, Error>) -> Option<Trip> {
        match result {
            Err(error) if error.http_status() == Some(PROXY_WANTS_PASSWORD) => {
                Some(Trip { kind: error.kind(), reason: format!("of the first refusal: {error}") })
            }
            Err(error) if error.kind() == ErrorKind::Auth => {
                self.auth_failures = self.auth_failures.saturating_add(1);
                let reached = self.max_auth_failures > 0 && self.auth_failures >= self.max_auth_failures;
                reached.then(|| Trip {
                    kind: ErrorKind::Auth,
                    reason: format!(
                        "{} calls in a row were refused for the account (max_auth_failures); the last refusal: {error}",
                        self.auth_failures
                    ),
                })
            }
            Err(error) if !matches!(error.kind(), ErrorKind::Platform | ErrorKind::Cooldown) => None,
            _ => {
                self.auth_failures = 0;
                None
            }
        }
    }

    /// Opens the circuit if there is an outage. `few_left`: only held cards are left. Returns whether it opened the
    /// circuit.
    pub(crate) fn open(&mut self, now: Instant, few_left: bool) -> bool {
        if self.outage.is_some() || self.outage_timeout.is_zero() {
            return false;
        }
        let of_few = self.unanswered < OUTAGE_THRESHOLD;
        if of_few && !(few_left && self.has_answered) {
            return false;
        }
        self.begin(now, of_few, false);
        true
    }

    /// Opens the circuit because the shared limiter is unreachable. One failure is enough, because it does not concern
    /// a card. `cards`: how many are waiting. Returns whether they are held rather than fail.
    pub(crate) fn open_for_limiter(&mut self, now: Instant, cards: usize) -> bool {
        let of_few = cards < OUTAGE_THRESHOLD as usize;
        if self.outage_timeout.is_zero() || (of_few && !self.has_permitted) {
            return false;
        }
        if self.outage.is_none() {
            self.begin(now, of_few, true);
        }
        true
    }

    fn begin(&mut self, now: Instant, of_few: bool, of_limiter: bool) {
        let hold = if of_few { self.outage_timeout.min(MAX_HOLD_OF_FEW) } else { self.outage_timeout };
        self.outage = Some(Outage {
            since: now,
            gives_up_at: now + hold,
            probe_at: now + FIRST_PROBE.min(hold),
            interval: FIRST_PROBE,
            probing: false,
            probes: 0,
            of_few,
            of_others: false,
            of_limiter,
            is_time_up: false,
        });
    }

    /// Whether cards are held because the limiter is unreachable, rather than the platform.
    pub(crate) fn is_of_limiter(&self) -> bool {
        self.outage.is_some_and(|outage| outage.of_limiter)
    }

    /// The name of what is unreachable, for messages.
    pub(crate) fn unreachable(&self) -> &'static str {
        if self.is_of_limiter() { LIMITER } else { PLATFORM }
    }

    /// When the next probe may be sent; `None` if there is no outage or a probe is in flight.
    pub(crate) fn probe_at(&self) -> Option<Instant> {
        self.outage.filter(|outage| !outage.probing).map(|outage| outage.probe_at)
    }

    /// Whether the next probe uses a card that was not tried yet, as every second probe does.
    pub(crate) fn is_untried_next(&self) -> bool {
        self.outage.is_some_and(|outage| outage.probes % 2 == 1)
    }

    /// A call is sent; during an outage it is a probe.
    pub(crate) fn probe(&mut self) {
        if let Some(outage) = &mut self.outage {
            outage.probing = true;
            outage.probes += 1;
        }
    }

    /// The time until the next probe, and until the batch gives up.
    pub(crate) fn waits(&self, now: Instant) -> (Duration, Duration) {
        self.outage.map_or_else(Default::default, |outage| {
            (
                outage.probe_at.saturating_duration_since(now),
                outage.gives_up_at.saturating_duration_since(now),
            )
        })
    }

    /// Whether the outage timeout has passed and the final probe has failed.
    pub(crate) fn is_time_up(&self) -> bool {
        self.outage.is_some_and(|outage| outage.is_time_up)
    }

    /// Ends an outage that timed out. Returns why the batch must stop, unless only a few cards had failed.
    pub(crate) fn give_up(&mut self, now: Instant, last: Option<&Error>) -> Option<Trip> {
        let unreachable = self.unreachable();
        let outage = self.outage.take()?;
        let last = last.filter(|_| !outage.of_few)?;
        Some(Trip {
            kind: last.kind(),
            reason: format!(
                "{unreachable} could not be reached for {} s (outage_timeout); the last failure: {last}",
                now.saturating_duration_since(outage.since).as_secs()
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Delivered;

    const LONG: Duration = Duration::from_secs(900);

    fn failure(kind: ErrorKind) -> Error {
        Error::new(kind, "it failed").with_attempts(1)
    }

    fn down(breaker: &mut CircuitBreaker, calls: u32) {
        for _ in 0..calls {
            breaker.unanswered(false);
        }
    }

    #[test]
    fn circuit_opens_after_five_consecutive_calls_without_an_answer() {
        let (mut breaker, now) = (CircuitBreaker::new(20, LONG), Instant::now());
        down(&mut breaker, 4);
        assert!(!breaker.open(now, false));
        breaker.answered(now);
        down(&mut breaker, 4);
        assert!(!breaker.open(now, false), "an answer in between");
        down(&mut breaker, 1);
        assert!(breaker.open(now, false) && breaker.is_open());
        assert!(!breaker.open(now, false), "once");
    }

    #[test]
    fn circuit_probes_at_growing_intervals_up_to_a_minute_and_gives_up_in_time() {
        let (mut breaker, start) = (CircuitBreaker::new(20, LONG), Instant::now());
        down(&mut breaker, 5);
        breaker.open(start, false);
        let (mut now, mut waits) = (start, Vec::new());
        while !breaker.is_time_up() {
            let probe_at = breaker.probe_at().expect("a probe");
            waits.push((probe_at - now).as_millis());
            now = probe_at;
            breaker.probe();
            assert_eq!(breaker.probe_at(), None, "one probe at a time");
            assert!(breaker.end_probe(now) && !breaker.end_probe(now));
        }
        assert_eq!(waits[..9], [500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
        assert_eq!(now - start, LONG, "the last probe is made when the time is up");
        let trip = breaker.give_up(now, Some(&failure(ErrorKind::Tls))).expect("it stops");
        let error = trip.error();
        assert_eq!((error.kind(), error.delivered(), error.attempts()), (ErrorKind::Tls, Delivered::No, 0));
        assert!(
            error.to_string().starts_with("not sent, because the platform could not be reached for 900 s"),
            "{error}"
        );
    }

    #[test]
    fn circuit_closes_when_a_probe_is_answered() {
        let (mut breaker, start) = (CircuitBreaker::new(20, LONG), Instant::now());
        down(&mut breaker, 5);
        breaker.open(start, false);
        assert_eq!(breaker.answered(start + FIRST_PROBE), Some(FIRST_PROBE));
        assert!(!breaker.is_open() && !breaker.open(start, false));
    }

    #[test]
    fn circuit_holds_the_last_few_cards_only_when_the_platform_has_answered_before() {
        let (mut breaker, now) = (CircuitBreaker::new(20, LONG), Instant::now());
        down(&mut breaker, 1);
        assert!(!breaker.open(now, true), "base_url may be wrong");
        breaker.answered(now);
        down(&mut breaker, 1);
        assert!(breaker.open(now, true));
        assert_eq!(breaker.waits(now), (FIRST_PROBE, MAX_HOLD_OF_FEW));
        assert!(
            breaker.give_up(now, Some(&failure(ErrorKind::Connect))).is_none(),
            "the cards fail, the batch goes on"
        );
    }

    #[test]
    fn circuit_that_holds_a_few_cards_is_open_for_all_when_another_card_fails_too() {
        let (mut breaker, start) = (CircuitBreaker::new(20, LONG), Instant::now());
        breaker.answered(start);
        down(&mut breaker, 1);
        assert!(breaker.open(start, true) && breaker.is_of_few());
        down(&mut breaker, 10);
        assert!(breaker.is_of_few(), "the same card, again and again");
        breaker.unanswered(true);
        assert!(breaker.is_open() && !breaker.is_of_few());
        assert_eq!(breaker.waits(start), (FIRST_PROBE, LONG));
    }

    #[test]
    fn circuit_opens_at_once_without_permits_and_closes_with_the_next_one() {
        let (mut breaker, now) = (CircuitBreaker::new(20, LONG), Instant::now());
        assert!(!breaker.open_for_limiter(now, 4), "rate_scope may be wrong");
        assert!(breaker.open_for_limiter(now, 5) && breaker.is_open());
        assert_eq!(breaker.answered(now), None, "a call in flight says nothing about permits");
        assert!(breaker.is_of_limiter() && breaker.unreachable() == LIMITER);
        assert_eq!(breaker.permitted(now + FIRST_PROBE), Some(FIRST_PROBE));
        assert!(!breaker.is_open());
        assert!(breaker.open_for_limiter(now, 4), "it was right before");
        assert_eq!(breaker.waits(now), (FIRST_PROBE, MAX_HOLD_OF_FEW));
        let (mut breaker, _) = (CircuitBreaker::new(20, LONG), now);
        down(&mut breaker, 5);
        breaker.open(now, false);
        assert_eq!(breaker.permitted(now), None, "a permit says nothing of the platform");
        assert!(breaker.open_for_limiter(now, 5) && !breaker.is_of_limiter(), "it stays the platform's");
    }

    #[test]
    fn circuit_never_opens_when_it_is_off() {
        let (mut breaker, now) = (CircuitBreaker::new(0, Duration::ZERO), Instant::now());
        assert!(!breaker.holds(Signal::Unreachable));
        down(&mut breaker, 100);
        assert!(!breaker.open(now, true) && !breaker.open_for_limiter(now, 100));
        for _ in 0..100 {
            assert!(breaker.check_account(&Err(failure(ErrorKind::Auth))).is_none());
        }
    }

    #[test]
    fn circuit_trips_after_consecutive_authentication_failures() {
        let mut breaker = CircuitBreaker::new(3, LONG);
        let mut check = |kind| breaker.check_account(&Err(failure(kind)));
        for kind in [ErrorKind::Auth, ErrorKind::Auth, ErrorKind::Timeout] {
            assert!(check(kind).is_none());
        }
        assert!(check(ErrorKind::Platform).is_none(), "an answer about the card: the account is accepted");
        for kind in [ErrorKind::Auth, ErrorKind::RateLimited, ErrorKind::Auth] {
            assert!(check(kind).is_none());
        }
        let error = check(ErrorKind::Auth).expect("three in a row").error();
        assert_eq!((error.kind(), error.delivered(), error.attempts()), (ErrorKind::Auth, Delivered::No, 0));
        assert!(error.to_string().contains("3 calls in a row"), "{error}");
    }

    #[test]
    fn signal_of_a_failure_is_what_it_reveals_about_the_platform() {
        let of = |kind, delivered, http_status| {
            let error = failure(kind).with_delivered(delivered).with_http_status(http_status);
            Signal::of(&Err(error))
        };
        let no_platform = [
            ErrorKind::Connect,
            ErrorKind::Tls,
            ErrorKind::Unavailable,
            ErrorKind::Http,
            ErrorKind::Protocol,
        ];
        for kind in no_platform {
            assert_eq!(of(kind, Delivered::Yes, 200), Signal::Unreachable, "{kind:?}");
        }
        for kind in [ErrorKind::Timeout, ErrorKind::ConnectionLost] {
            assert_eq!(of(kind, Delivered::No, 0), Signal::Unreachable, "{kind:?}");
            assert_eq!(of(kind, Delivered::Unknown, 0), Signal::NoAnswer, "{kind:?}");
        }
        for kind in [ErrorKind::Auth, ErrorKind::Platform, ErrorKind::Cooldown, ErrorKind::RateLimited] {
            assert_eq!(of(kind, Delivered::Yes, 200), Signal::Answer, "{kind:?}");
            assert_eq!(Signal::of(&Err(Error::new(kind, "here"))), Signal::Nothing, "{kind:?}");
        }
        for kind in [ErrorKind::Cancelled, ErrorKind::Internal, ErrorKind::Config] {
            assert_eq!(of(kind, Delivered::Unknown, 200), Signal::Nothing, "{kind:?}");
        }
    }
}
