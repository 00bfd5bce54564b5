//! A simulator of the EIOTCLUB platform: real HTTP over real sockets, for offline tests and trials.
//!
//! ```
//! let platform = eiot_sim::Simulator::start(eiot_sim::Options::default())?;
//! println!("EIOT_BASE_URL={}", platform.url());
//! # Ok::<(), eiot_sim::StartError>(())
//! ```
//!
//! [`Platform`] is the same without sockets, threads and clocks: for simulations whose time is not the machine's.
//!
//! It shares no code with the client and checks signatures independently, so that a bug in the client cannot hide itself.
//! `README.md` lists what it checks and what it does not simulate.
//!
//! Modules: `server`, `connection` and `send` (sockets) · `http`, `request`, `fields`, `reply` (parsing and formatting) ·
//! `platform` (the rules, with `limits`, `call`, `answer` and `published`; what it decides is an `exchange`) · `faults` (faults
//! on demand) · `clock`, `counters`, `options`. Imports go one way: server → connection → platform → faults → answer → reply.
#![forbid(unsafe_code)]

mod answer;
mod call;
mod clock;
mod connection;
mod counters;
mod exchange;
mod faults;
mod fields;
mod http;
mod limits;
mod options;
mod platform;
mod published;
mod reply;
mod request;
mod send;
mod server;
mod signature;
mod start_error;
mod stop;
mod stream;
mod tls;
mod webhook;

pub use clock::Now;
pub use counters::Counters;
pub use exchange::Exchange;
pub use faults::delivery::{Delivery, End, Sent};
pub use faults::plan::{FaultPeriod, Faults};
pub use faults::{Fault, NoFault, refusal_code};
pub use http::HttpRequest;
pub use options::{Account, Options, SignMethod};
pub use platform::Platform;
pub use reply::Reply;
pub use server::Simulator;
pub use start_error::StartError;
pub use webhook::{signed_webhook, signed_webhook_at};
