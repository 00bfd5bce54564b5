//! Permits from a schedule in Redis.

use super::cooldown::Cooldown;
use super::limiter::{LOCK_MARGIN, RateLimiter};
use super::permit::Permit;
use super::redis::{Answer, Redis, Reservation};
use super::schedule::Reserved;
use crate::error::Error;
use crate::signing::Walk;
use crate::system;
use std::sync::Arc;
use std::time::{Duration, Instant};

impl RateLimiter {
    /// Reserves the next permit that is due in `ahead` or later, and starts the card's cooldown with it.
    pub(super) async fn reserve_in(
        self: &Arc<Self>,
        redis: &Redis,
        ahead: Duration,
        deadline: Instant,
        wait: bool,
        cooldown: Option<&Cooldown>,
    ) -> Result<Permit, Error> {
        let asked = system::now();
        let left = deadline.saturating_duration_since(asked);
        let card = cooldown.and_then(Cooldown::unshared);
        let wanted = Reservation {
            interval: self.interval,
            patience: if wait { left } else { Duration::ZERO },
            ahead,
            max_ahead: self.max_ahead(),
            card,
            token: if card.is_some() { system::random() } else { 0 },
        };
        let deadline = deadline.checked_sub(LOCK_MARGIN).unwrap_or(deadline);
        match redis.reserve(deadline, self.known_nonces(), &wanted).await? {
            Answer::Permit { after, at, position, seed } => {
                self.account.schedule().nonces = Walk { seed, position: position.saturating_add(1) };
                if let Some(cooldown) = cooldown.filter(|_| card.is_some()) {
                    cooldown.share(self.clone(), wanted.token);
                }
                Ok(self.permit(Reserved { at, position }, seed, redis.due(asked, after, at)))
            }
            Answer::Wait(after) => Err(self.refusal(after, wait)),
            Answer::Cooldown(left) => {
                Err(cooldown.map_or_else(|| self.refusal(left, wait), |cooldown| cooldown.refusal(left)))
            }
        }
    }
}
