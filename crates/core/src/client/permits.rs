//! The permits of a call, and how the calls of a batch share one place in the queue for them.

use crate::error::Error;
use crate::locked::locked;
use crate::observer::{Notice, Observer};
use crate::rate_limit::{Cooldown, Permit, RateLimiter};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// What a card of a batch needs before it is called. Dropping it releases both.
pub(crate) struct Reservation {
    pub(super) permit: Permit,
    pub(super) cooldown: Option<Cooldown>,
}

/// Lets the calls of a batch wait for one permit at a time, so that a call beside the batch need not wait behind all of them.
pub(crate) struct Gate {
    queue: tokio::sync::Mutex<()>,
    /// Is told of long waits.
    observer: Arc<Mutex<Box<dyn Observer>>>,
}

impl Reservation {
    /// Whether the permit was acquired too long ago to be used.
    pub(crate) fn is_stale(&self) -> bool {
        self.permit.is_stale()
    }
}

impl Gate {
    pub(crate) fn new(observer: Arc<Mutex<Box<dyn Observer>>>) -> Self {
        Self { queue: tokio::sync::Mutex::default(), observer }
    }

    pub(super) fn notice(&self, notice: &Notice<'_>) {
        locked(&self.observer).notice(notice);
    }
}

/// Where the permits of a call come from.
pub(super) struct Permits<'a> {
    /// Acquired before.
    pub(super) first: Option<Permit>,
    /// Holds back all calls of a batch but one.
    pub(super) gate: Option<&'a Gate>,
    /// The cooldown of the card.
    pub(super) cooldown: Option<&'a Cooldown>,
    /// Is told of long waits.
    pub(super) notice: &'a (dyn Fn(&Notice<'_>) + Sync),
}

impl Permits<'_> {
    /// Waits for a permit; of the calls that share a gate, one at a time.
    pub(super) async fn acquire(
        &self,
        limiter: &Arc<RateLimiter>,
        deadline: Instant,
        wait: bool,
    ) -> Result<Permit, Error> {
        let _passed = match self.gate {
            None => None,
            // Past the deadline there is no permit either: asking for one says how long it would take.
            Some(gate) => tokio::time::timeout_at(deadline.into(), gate.queue.lock()).await.ok(),
        };
        limiter.acquire(deadline, wait, self.cooldown, self.notice).await
    }
}
