//! A simulator of the EIOTCLUB platform: real HTTP over real sockets, for offline testing.
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
mod connection;
mod counters;
mod fault;
mod fault_delivery;
mod fault_plan;
mod fault_reply;
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
mod stop;
mod tls;
mod webhook;

pub use counters::Counters;
pub use fault::{Fault, NoFault, refusal_code};
pub use fault_plan::Faults;
pub use options::{Account, Options, SignMethod};
pub use server::{Simulator, StartError};
pub use webhook::signed_webhook;
