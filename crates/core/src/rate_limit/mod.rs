//! The account's rate limit: when a call may be made, and with which nonce.
//!
//! The platform limits the account, so the state belongs to the account and not to a client object:
//!
//! ```text
//! RateLimiter (one per client) → Account (one per process) → Schedule, in memory, in a shared file or in a Redis
//! ```

mod account;
mod backpressure;
mod cooldown;
mod limiter;
mod permit;
mod rate;
mod redis;
mod redis_clock;
mod redis_permits;
mod redis_url;
mod resp;
mod schedule;
mod share;
mod shared_file;

pub(crate) use account::Account;
#[cfg(feature = "simulation")]
pub use account::end_process;
pub(crate) use backpressure::Refused;
pub(crate) use cooldown::Cooldown;
pub(crate) use limiter::RateLimiter;
pub(crate) use permit::Permit;
pub(crate) use rate::{RATE_USED, Rate};
pub(crate) use redis::Redis;
pub use redis_url::RedisUrl;
pub(crate) use shared_file::SharedFile;
