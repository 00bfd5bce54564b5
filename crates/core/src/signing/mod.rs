//! signing

mod clock;
mod clock_skew;
mod credentials;
mod nonce;
mod signature;

pub(crate) use clock::timestamp;
pub use clock::{Clock, SystemClock};
pub(crate) use clock_skew::{ClockSample, ClockSkew};
pub(crate) use credentials::Credentials;
pub use credentials::Secret;
pub(crate) use nonce::{Permutation, Walk};
pub use signature::{SignMethod, sign, string_to_sign};
pub(crate) use signature::{Signature, sign_sorted};
