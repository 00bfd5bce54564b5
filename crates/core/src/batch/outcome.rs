//! The outcome of one card of a batch.

use super::cards::Pushed;
use crate::error::Error;
use crate::protocol::Reply;

/// The outcome of one card of a batch. Every card that was pushed has one.
#[derive(Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// The tag that the card was pushed with.
    pub tag: u64,
    /// The EID as it was pushed; bytes that are not UTF-8 are replaced.
    pub given: String,
    /// The EID without surrounding whitespace; if it is malformed, the same as `given`.
    pub eid: String,
    /// The card repeats one that is in the batch, or one of the last 8,192 that came back within the last 15 minutes. Nothing was
    /// sent for it, and `result` is that of the first, without the reply's data, or the error's body and headers, and with 256
    /// bytes of the platform's message.
    pub is_duplicate: bool,
    /// The platform's reply, or the error.
    pub result: Result<Reply, Error>,
    /// The card was not sent, because the batch had stopped.
    pub unsent: bool,
}

impl Outcome {
    pub(super) fn malformed(Pushed { tag, given }: Pushed, error: Error) -> Self {
        Self { tag, eid: given.clone(), given, is_duplicate: false, result: Err(error), unsent: false }
    }
}
