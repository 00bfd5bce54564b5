//! protocol

mod body;
mod call;
mod envelope;
mod error_codes;
mod parameters;
mod reply;
mod request;
mod webhook;

#[cfg(feature = "internals")]
pub(crate) use body::signed_body;
pub use call::Call;
pub use reply::Reply;
pub(crate) use reply::classify;
pub(crate) use request::{REFRESH_USAGE, Request};
pub use webhook::verify_webhook;
#[cfg(any(test, fuzzing))]
pub(crate) use {body::signed_call_body, parameters::Parameters};
