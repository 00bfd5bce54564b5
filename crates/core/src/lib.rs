//! Client for the EIOTCLUB open API: refreshes the package usage of cloud eSIM cards.
//!
//! ```no_run
//! let client = eiot::Client::new(eiot::Config::new("my-appkey", "my-secret"))?;
//! let reply = client.refresh_usage("89044011112233441122334411223321")?;
//! println!("{}: {}", reply.eid(), reply.message());
//! # Ok::<(), eiot::Error>(())
//! ```
//!
//! The request path, which `client.rs` contains as code:
//!
//! ```text
//! eid → rate limit → ┌ sign → send → read the reply → classify ┐ → Reply | Error
//!                    └─── backoff, if the failure is transient ─┘
//! ```
//!
//! This crate signs, sends and classifies calls. It prints nothing, starts no threads (except for DNS lookups) and contains no
//! `unsafe`. Its only global state is each account's rate limiter, which all clients of a process share. The C library, the
//! Python package and the command are front ends of it.
#![forbid(unsafe_code)]

mod batch;
mod call;
mod call_options;
mod circuit_breaker;
mod client;
mod clock;
mod config;
mod credentials;
mod eid;
mod endpoint;
mod envelope;
mod environment;
mod error;
mod error_codes;
mod escape;
mod files;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod http;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod internals;
mod journal;
mod lane;
mod nonce;
mod observer;
mod option_text;
mod option_values;
mod outcome;
mod parameters;
mod per_process;
mod pool;
mod probe;
mod progress;
mod proxy;
mod random;
mod rate_limit;
mod recent;
mod redact;
mod refresh_many;
mod reply;
mod request;
mod retry;
mod retry_after;
mod shared;
mod sign;
mod skew;
mod standstill;
mod summary;
mod tls;
mod transport_error;
mod webhook;
mod wire;

pub use batch::Batch;
pub use call::Call;
pub use client::Client;
#[doc(hidden)]
pub use clock::{Clock, SystemClock};
pub use config::{Config, RateScope};
pub use credentials::Secret;
pub use eid::Eid;
pub use error::{Delivered, Error, ErrorKind};
pub use error_codes::CodeMeaning;
pub use escape::{escaped, is_unsafe};
pub use journal::{Journal, Past, PastFailure, Run};
pub use observer::{Attempt, Notice, Observer};
pub use outcome::Outcome;
pub use probe::{Answer, Probe};
#[doc(hidden)]
pub use random::{Random, SystemRandom};
pub use rate_limit::RedisUrl;
pub use refresh_many::RefreshMany;
pub use reply::Reply;
pub use sign::{SignMethod, sign, string_to_sign};
pub use summary::Summary;
pub use webhook::verify_webhook;

/// The version of this library, as in `Cargo.toml`: `"0.1.0"`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
