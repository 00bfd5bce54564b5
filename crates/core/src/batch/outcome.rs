//! The outcome of one card of a batch.

use crate::error::Error;
use crate::protocol::Reply;

/// The outcome of one card of a batch.
#[derive(Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// The card's EID; for an invalid EID, the input, quoted and truncated.
    pub eid: String,
    /// The platform's reply, or the error.
    pub result: Result<Reply, Error>,
    /// The card was not sent, because the batch had stopped.
    pub unsent: bool,
}

impl Outcome {
    /// A card that was not sent.
    pub(crate) fn refused(error: Error) -> Self {
        Self { eid: error.eid().unwrap_or_default().to_owned(), result: Err(error), unsent: false }
    }
}
