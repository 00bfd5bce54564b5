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
pub(crate) use body::{TrackedBody, sign_in};
pub use call::Call;
pub use error_codes::CodeMeaning;
pub use reply::Reply;
pub(crate) use reply::{MAX_BODY_BYTES, RawReply, verdict};
pub(crate) use request::Request;
pub use webhook::verify_webhook;
#[cfg(any(test, fuzzing))]
pub(crate) use {body::signed_call_body, parameters::Parameters};
