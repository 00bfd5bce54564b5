//! Ask the EIOTCLUB platform to refresh the package usage of a cloud eSIM card.
//!
//! ```no_run
//! let client = eiot::Client::new(eiot::Config::new("my-appkey", "my-secret"))?;
//! let reply = client.refresh_usage("89044011112233441122334411223321")?;
//! println!("{}: {}", reply.eid(), reply.message());
//! # Ok::<(), eiot::Error>(())
//! ```
//!
//! The way of a call, which `client.rs` shows as code:
//!
//! ```text
//! eid → rate limit → ┌ sign → send on a lane → read the reply → verdict ┐ → Reply | Error
//!                    └──────────── wait, if worth another try ──────────┘
//! ```
//!
//! This crate signs, calls and understands the reply. It prints nothing, starts no threads (name lookups aside) and
//! contains no `unsafe`. Its only global state is the rate of each account, which all clients of a process share. The C library, the Python package and the
//! command are thin faces over it.
#![forbid(unsafe_code)]

mod batch;
mod client;
mod config;
mod eid;
mod error;
mod escape;
mod files;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod internals;
mod journal;
mod observer;
mod per_process;
mod protocol;
mod random;
mod rate_limit;
mod retry;
mod signing;
mod transport;

pub use batch::Batch;
pub use batch::Outcome;
pub use batch::RefreshMany;
pub use batch::Summary;
pub use client::Client;
pub use client::{Answer, Probe};
pub use config::{Config, OptionInfo, RateScope};
pub use eid::Eid;
pub use error::CodeMeaning;
pub use error::{Delivered, Error, ErrorKind};
pub use escape::{escaped, is_unsafe};
pub use journal::{Journal, Past, PastFailure, Run};
pub use observer::{Attempt, Notice, Observer};
pub use protocol::Call;
pub use protocol::Reply;
pub use protocol::verify_webhook;
#[doc(hidden)]
pub use random::{Random, SystemRandom};
pub use rate_limit::RedisUrl;
pub use signing::Secret;
#[doc(hidden)]
pub use signing::{Clock, SystemClock};
pub use signing::{SignMethod, sign, string_to_sign};

/// The version of this library, as in `Cargo.toml`: `"0.1.0"`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
