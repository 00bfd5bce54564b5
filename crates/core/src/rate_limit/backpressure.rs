//! Backpressure: decides whether "too many requests" concerns the whole account or a single card.
//!
//! The platform's code 501 may mean the account's rate or the five minutes between two refreshes of a card; which of
//! them is not published. So the account pauses until there is evidence: if a card is rejected again after a pause
//! while others succeed, the card is the cause; if it succeeds after a pause, the account's rate was.

use crate::locked::locked;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The first pause of the account; it doubles with each pause until a call succeeds.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// The maximum pause: a limit per second has room again after it.
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// If the cards are the cause, the account still pauses this often, in case that has changed.
const PAUSE_INTERVAL: Duration = Duration::from_secs(30);

/// If the cards are the cause, this many consecutive rejections blame the account again.
const IN_A_ROW: u32 = 10;

/// The evidence from the rejections of an account. Thread-safe.
#[derive(Default)]
pub(crate) struct Backpressure {
    evidence: Mutex<Evidence>,
    /// Successful calls. Outside of the lock, because every successful call increments it.
    successes: AtomicU64,
    /// Rejections since the last success.
    in_a_row: AtomicU32,
}

#[derive(Default)]
struct Evidence {
    last_pause: Option<Instant>,
    /// Pauses since the last success.
    pauses: u32,
    successes: u64,
    cards_are_to_blame: bool,
}

/// Marks the first rejection of a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refused {
    /// How many calls had succeeded by then.
    successes: u64,
}

impl Backpressure {
    /// A call was rejected with "too many requests" and without a wait. `before`: the mark from an earlier rejection of
    /// the same call. Returns how long the account should pause, if at all, and the mark of this call.
    pub(crate) fn refused(&self, now: Instant, before: Option<Refused>) -> (Option<Duration>, Refused) {
        let mut evidence = locked(&self.evidence);
        let successes = self.successes.load(Ordering::Relaxed);
        let in_a_row = self.in_a_row.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if before.is_some_and(|before| successes > before.successes) {
            evidence.cards_are_to_blame = true;
        }
        if successes > evidence.successes {
            evidence.successes = successes;
            evidence.pauses = 0;
        }
        let long_ago =
            evidence.last_pause.is_none_or(|last| now.saturating_duration_since(last) >= PAUSE_INTERVAL);
        let pause = (!evidence.cards_are_to_blame || in_a_row >= IN_A_ROW || long_ago).then(|| {
            let pause = FIRST_PAUSE.saturating_mul(1 << evidence.pauses.min(8)).min(MAX_PAUSE);
            evidence.pauses = evidence.pauses.saturating_add(1);
            evidence.last_pause = Some(now);
            pause
        });
        (pause, before.unwrap_or(Refused { successes }))
    }

    /// A call succeeded. `before`: the mark from [`refused`](Self::refused), if it was rejected before.
    pub(crate) fn succeeded(&self, before: Option<Refused>) {
        if before.is_some() {
            locked(&self.evidence).cards_are_to_blame = false;
        }
        self.successes.fetch_add(1, Ordering::Relaxed);
        if self.in_a_row.load(Ordering::Relaxed) > 0 {
            self.in_a_row.store(0, Ordering::Relaxed);
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
        let (pause, first) = pressure.refused(start, None);
        assert_eq!(pause, Some(FIRST_PAUSE));
        pressure.succeeded(None);
        assert!(pressure.refused(start + seconds(1), None).0.is_some(), "one refusal proves nothing");
        assert_eq!(
            pressure.refused(start + seconds(2), Some(first)).0,
            None,
            "again, while another succeeded"
        );
        pressure.succeeded(None);
        assert_eq!(pressure.refused(start + seconds(3), None).0, None);
        assert!(pressure.refused(start + seconds(31), None).0.is_some(), "in case that has changed");
    }

    #[test]
    fn backpressure_pauses_the_account_longer_and_longer_while_no_call_succeeds() {
        let (pressure, start) = (Backpressure::default(), Instant::now());
        let mut before = None;
        let pauses = [0, 1, 2, 3, 4].map(|second| {
            let (pause, refused) = pressure.refused(start + seconds(second), before);
            before = Some(refused);
            pause.expect("a pause").as_millis()
        });
        assert_eq!(pauses, [250, 500, 1000, 1000, 1000]);
    }

    #[test]
    fn backpressure_blames_the_account_again_when_waiting_has_helped_or_all_are_refused() {
        let (pressure, now) = (Backpressure::default(), Instant::now());
        let (_, first) = pressure.refused(now, None);
        pressure.succeeded(None);
        assert_eq!(pressure.refused(now, Some(first)).0, None);
        pressure.succeeded(Some(first));
        assert!(pressure.refused(now, None).0.is_some(), "waiting has helped");

        pressure.succeeded(None);
        assert_eq!(pressure.refused(now, Some(first)).0, None);
        let paused = (2..=IN_A_ROW).filter(|_| pressure.refused(now, None).0.is_some()).count();
        assert_eq!(paused, 1, "the last of ten in a row");
    }
}
