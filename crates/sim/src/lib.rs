//! A stand-in for the EIOTCLUB platform: real HTTP over real sockets, for trying, testing and rehearsing offline.
//!
//! ```
//! let platform = eiot_sim::Simulator::start(eiot_sim::Options::default())?;
//! println!("EIOT_BASE_URL={}", platform.url());
//! # Ok::<(), eiot_sim::StartError>(())
//! ```
//!
//! It depends on nothing of the client's, and checks signatures with code of its own, so that a mistake in the client
//! cannot agree with itself. `README.md` says what it checks and what it does not imitate.
#![forbid(unsafe_code)]

mod answer;
mod call;
mod clock;
mod connection;
mod counters;
mod faults;
mod fields;
mod http;
mod limits;
mod options;
mod platform;
mod published;
mod reply;
mod request;
mod server;
mod signature;
mod start_error;
mod stop;
mod stream;
mod tls;
mod webhook;

pub use counters::Counters;
pub use faults::plan::Faults;
pub use faults::{Fault, NoFault, refusal_code};
pub use options::{Account, Options, SignMethod};
pub use server::Simulator;
pub use start_error::StartError;
pub use webhook::signed_webhook;
