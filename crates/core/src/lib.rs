//! Client for the EIOTCLUB open API: refreshes the package usage of cloud eSIM cards.
//!
//! ```no_run
//! let client = eiot::Client::new(eiot::Config::new("my-appkey", "my-secret"))?;
//! let reply = client.refresh_usage("89044011112233441122334411223321")?;
//! println!("{}: {}", reply.eid(), reply.message());
//! # Ok::<(), eiot::Error>(())
//! ```
//!
//! The path of a call, as implemented in `client/execute.rs`:
//!
//! ```text
//! EID → rate limit → ┌ sign → send → read the response → classify ┐ → Reply | Error
//!                    └──────── wait, if a retry is worthwhile ────┘
//! ```
//!
//! The modules, and the directions of their imports (checked by `tests/test_layout.py`):
//!
//! ```text
//! batch ──→ client ──→ config ─────→ rate_limit ──→ signing
//!              │   ╲                                   ↑
//!              │    ╲───→ protocol ────────────────────┘
//!              │              ↓
//!              └─────────→ transport
//! ```
//!
//! - `client`: the public API, and `execute`, the path of a call.
//! - `batch`: many calls in flight on one thread, deduplication, the circuit breaker.
//! - `protocol`: calls, request bodies, replies, error codes, webhooks. `webhook.rs` is not part of the request path.
//! - `transport`: HTTP and TLS on event loops that run on the caller's thread. Knows nothing about calls.
//! - `rate_limit`: the account's rate, cooldowns and nonces, in this process, in a shared file or in Redis.
//! - `signing`: signature, nonces, clock and clock skew, credentials.
//! - `config`: the one table of options, and the environment.
//!
//! The other modules (`error`, `eid`, `retry`, …) import none of these.
//!
//! The crate prints nothing, starts no threads (except for DNS lookups) and contains no `unsafe`. Its only global state
//! is the rate limit of each account, which all clients of a process share. The C library, the Python package and the
//! command are thin layers over it.
#![forbid(unsafe_code)]

mod batch;
mod client;
mod config;
mod eid;
mod error;
mod escape;
mod files;
#[cfg(any(test, fuzzing))]
#[path = "../../../fuzz/src/core.rs"]
pub mod fuzzing;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod internals;
mod locked;
mod observer;
mod per_process;
mod protocol;
mod rate_limit;
mod retry;
mod signing;
mod system;
mod transport;

pub use batch::{Batch, OnOutcome, Outcome, StartedBatch, Summary};
pub use client::{Answer, CallLoop, Client, OnDone, Probe, Spawn, StartedCall};
pub use config::{Config, OptionInfo, RateScope};
pub use eid::{Eid, EidRules};
pub use error::{CodeMeaning, Delivered, Error, ErrorKind};
pub use escape::{escaped, is_unsafe};
pub use observer::{Attempt, Notice, Observer};
pub use protocol::{Call, Reply, verify_webhook};
pub use rate_limit::RedisUrl;
pub use signing::{Secret, SignMethod, sign, string_to_sign};

/// Simulated time, for the project's own `eiot-night`.
#[cfg(feature = "simulation")]
#[doc(hidden)]
pub mod simulation {
    pub use crate::rate_limit::end_process;
    pub use crate::system::simulation::*;
}

#[doc(hidden)]
pub use signing::{Clock, SystemClock};
#[doc(hidden)]
pub use system::{Random, SystemRandom};

/// The version of this library, as in `Cargo.toml`: `"0.1.0"`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
