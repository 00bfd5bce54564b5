//! How calls acquire permits, and how the calls of a batch share one place in the queue.

use super::latch::Latch;
use super::statistics::Statistics;
use crate::error::Error;
use crate::locked::locked;
use crate::observer::{Notice, Observer};
use crate::rate_limit::{Cooldown, Permit, RateLimiter};
use crate::system;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// What a card of a batch needs before it is sent. Dropping it releases both.
pub(crate) struct Reservation {
    pub(super) permit: Permit,
    pub(super) cooldown: Option<Cooldown>,
}

/// Lets only one call of a batch wait for a permit at a time, so that a single call does not queue behind all of them.
pub(crate) struct Gate {
    queue: tokio::sync::Mutex<()>,
    /// Receives notices of long waits.
    observer: Arc<Mutex<Box<dyn Observer>>>,
    /// No more attempts are wanted.
    stop: Latch,
}

impl Reservation {
    /// Whether the permit was acquired too long ago to be used.
    pub(crate) fn is_stale(&self) -> bool {
        self.permit.is_stale()
    }
}

impl Gate {
    pub(crate) fn new(observer: Arc<Mutex<Box<dyn Observer>>>) -> Self {
        Self { queue: tokio::sync::Mutex::default(), observer, stop: Latch::default() }
    }

    /// Ends the waits for further attempts; those that are in flight complete.
    pub(crate) fn stop(&self) {
        self.stop.set();
    }

    pub(super) fn notice(&self, notice: &Notice<'_>) {
        locked(&self.observer).notice(notice);
    }
}

/// How a call acquires its permits.
pub(super) struct Permits<'a> {
    /// A permit that was acquired in advance.
    pub(super) first: Option<Permit>,
    /// Admits one call of a batch at a time.
    pub(super) gate: Option<&'a Gate>,
    /// The cooldown of the card.
    pub(super) cooldown: Option<&'a Cooldown>,
    pub(super) statistics: &'a Statistics,
    /// Receives notices of long waits.
    pub(super) notice: &'a (dyn Fn(&Notice<'_>) + Sync),
}

impl Permits<'_> {
    /// Resolves when the batch of this call wants no more attempts.
    pub(super) async fn stopped(&self) {
        match self.gate {
            Some(gate) => gate.stop.wait().await,
            None => pending().await,
        }
    }

    /// Waits for a permit; of the calls that share a gate, one at a time. `meanwhile` is called when it is known to be due later.
    pub(super) async fn acquire(
        &self,
        limiter: &Arc<RateLimiter>,
        deadline: Instant,
        wait: bool,
        meanwhile: &(dyn Fn() + Sync),
    ) -> Result<Permit, Error> {
        let started = system::now();
        let _passed = match self.gate {
            None => None,
            // After the deadline there is no permit either; the limiter's error says how long the wait would be.
            Some(gate) => system::timeout_at(deadline, gate.queue.lock()).await,
        };
        let permit = limiter.acquire(deadline, wait, self.cooldown, self.notice, meanwhile).await;
        self.statistics.waited(system::elapsed(started));
        permit
    }
}
