//! The outcome of one card of a batch.

use crate::error::Error;
use crate::protocol::Reply;

/// The outcome of one card of a batch.
#[derive(Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// The card's EID; as it was given, quoted and shortened, where it is none.
    pub eid: String,
    /// The platform's reply, or why there is none.
    pub result: Result<Reply, Error>,
    /// The card was not sent at all, because the batch was stopped or stopped by itself.
    pub unsent: bool,
}

impl Outcome {
    /// A card that was not sent.
    pub(crate) fn refused(error: Error) -> Self {
        Self { eid: error.eid().unwrap_or_default().to_owned(), result: Err(error), unsent: false }
    }
}
