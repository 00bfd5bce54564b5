//! What the result of a call reveals about the platform.

use crate::error::{Delivered, Error, ErrorKind};
use crate::protocol::Reply;

/// The HTTP status of a proxy that rejects user and password; a directory locks accounts after a few of these.
pub(super) const PROXY_WANTS_PASSWORD: u16 = 407;

/// What the result of a call reveals about the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// The platform answered: it accepted or rejected the call.
    Answer,
    /// The platform is unreachable, reports that it is unavailable, or something else responds in its place.
    Unreachable,
    /// The request was at least partly sent, and no answer arrived.
    NoAnswer,
    /// Nothing: the call ended for an unrelated reason.
    Nothing,
}

impl Signal {
    pub(crate) fn of(result: &Result<Reply, Error>) -> Self {
        let error = match result {
            Ok(_) => return Self::Answer,
            Err(error) => error,
        };
        match error.kind() {
            // Waiting does not help, and retrying is harmful.
            ErrorKind::Connect if error.http_status() == Some(PROXY_WANTS_PASSWORD) => Self::Nothing,
            ErrorKind::Connect
            | ErrorKind::Tls
            | ErrorKind::Unavailable
            | ErrorKind::Http
            | ErrorKind::Protocol => Self::Unreachable,
            ErrorKind::Timeout | ErrorKind::ConnectionLost => match error.delivered() {
                Delivered::No => Self::Unreachable,
                _ => Self::NoAnswer,
            },
            ErrorKind::Auth | ErrorKind::Platform | ErrorKind::Cooldown | ErrorKind::RateLimited
                if error.attempts() > 0 =>
            {
                Self::Answer
            }
            _ => Self::Nothing,
        }
    }
}
