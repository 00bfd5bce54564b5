//! What the end of a call says about the platform.

use crate::error::{Delivered, Error, ErrorKind};
use crate::protocol::Reply;

/// The HTTP status of a proxy that does not accept user and password; a directory locks accounts after a few of these.
pub(super) const PROXY_WANTS_PASSWORD: u16 = 407;

/// What the end of a call says about the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// It answered: it accepted the call, or refused it.
    Answer,
    /// It cannot be reached, or says so itself, or something else answers in its place.
    Unreachable,
    /// The request was at least partly sent, and no answer came.
    NoAnswer,
    /// Nothing: the call ended for a reason of its own.
    Nothing,
}

impl Signal {
    pub(crate) fn of(result: &Result<Reply, Error>) -> Self {
        let error = match result {
            Ok(_) => return Self::Answer,
            Err(error) => error,
        };
        match error.kind() {
            // Waiting does not help, and asking again does harm.
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
