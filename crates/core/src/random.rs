//! Sources of randomness.

use rand::TryRng;
use rand::rngs::SysRng;
use std::time::SystemTime;

/// A source of random numbers; tests replace it.
pub trait Random: Send + Sync {
    /// 64 random bits.
    fn next_u64(&self) -> u64;
}

/// The operating system's random number generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn next_u64(&self) -> u64 {
        // None of these numbers is a secret: nonces must differ, but need not be unpredictable. So if the system has no
        // randomness, the time and the process ID are good enough.
        SysRng.try_next_u64().unwrap_or_else(|_| {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            (now.as_nanos() as u64).rotate_left(20) ^ u64::from(std::process::id())
        })
    }
}
