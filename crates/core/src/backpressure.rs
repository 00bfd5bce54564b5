//! Backpressure: whether "too many requests" pauses the whole account, or is the matter of one card.
//!
//! The platform's code 501 may mean the account's rate or the five minutes between two refreshes of a card; which of them is
//! not published. So the account pauses until there is evidence: a card that is refused again after a pause, while others
//! succeed, is refused for its own sake; a card that succeeds after a pause was refused for the account's rate.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Where the cards are to blame, the account still pauses this often, in case that has changed.
const PAUSES_APART: Duration = Duration::from_secs(30);

/// What the refusals of an account have shown so far. Thread-safe.
#[derive(Default)]
pub(crate) struct Backpressure {
    evidence: Mutex<Evidence>,
    /// A call has succeeded since the last pause. Apart from the rest, since every call that succeeds looks at it.
    succeeded: AtomicBool,
}

#[derive(Default)]
struct Evidence {
    last_pause: Option<Instant>,
    cards_are_to_blame: bool,
}

impl Backpressure {
    /// A call was refused with "too many requests", without being told how long to wait. `again`: so was its attempt before.
    /// Whether the account should pause.
    pub(crate) fn refused(&self, now: Instant, again: bool) -> bool {
        let mut evidence = self.evidence.lock().unwrap_or_else(PoisonError::into_inner);
        let succeeded = self.succeeded.load(Ordering::Relaxed);
        if again && succeeded {
            evidence.cards_are_to_blame = true;
        }
        let long_ago =
            evidence.last_pause.is_none_or(|last| now.saturating_duration_since(last) >= PAUSES_APART);
        let pauses = !evidence.cards_are_to_blame || !succeeded || long_ago;
        if pauses {
            evidence.last_pause = Some(now);
            self.succeeded.store(false, Ordering::Relaxed);
        }
        pauses
    }

    /// A call succeeded. `after_refusal`: its attempt before was refused with "too many requests".
    pub(crate) fn succeeded(&self, after_refusal: bool) {
        if after_refusal {
            self.evidence.lock().unwrap_or_else(PoisonError::into_inner).cards_are_to_blame = false;
        }
        if !self.succeeded.load(Ordering::Relaxed) {
            self.succeeded.store(true, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn backpressure_pauses_the_account_until_a_card_is_to_blame() {
        let (pressure, start) = (Backpressure::default(), Instant::now());
        assert!(pressure.refused(start, false));
        pressure.succeeded(false);
        assert!(pressure.refused(start + seconds(1), false), "one refusal proves nothing");
        pressure.succeeded(false);
        assert!(!pressure.refused(start + seconds(2), true), "refused again, while others succeed");
        assert!(!pressure.refused(start + seconds(3), false));
        assert!(pressure.refused(start + seconds(31), false), "now and then, in case that has changed");
    }

    #[test]
    fn backpressure_pauses_the_account_when_no_call_succeeds() {
        let (pressure, start) = (Backpressure::default(), Instant::now());
        for second in 0..10 {
            assert!(pressure.refused(start + seconds(second), second > 0));
        }
    }

    #[test]
    fn backpressure_blames_the_account_again_when_waiting_has_helped() {
        let (pressure, start) = (Backpressure::default(), Instant::now());
        assert!(pressure.refused(start, false));
        pressure.succeeded(false);
        assert!(!pressure.refused(start + seconds(1), true));
        pressure.succeeded(true);
        assert!(pressure.refused(start + seconds(2), false));
    }
}
