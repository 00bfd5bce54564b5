//! What a call requests from the platform.

use super::body::{SignedBody, signed_body, signed_call_body};
use super::call::Call;
use crate::eid::Eid;
use crate::error::Error;
use crate::signing::{Credentials, SignMethod};

/// The refresh's path below the base URL (seed document).
pub(crate) const REFRESH_USAGE: &str = "/api/v3/cloudesim/refreshUsage";

/// The maximum size of a refresh's reply; real ones have some hundred bytes.
const REFRESH_REPLY_BYTES: usize = 64 * 1024;

/// The maximum size of any other reply: lists of cards may be long.
const CALL_REPLY_BYTES: usize = 8 * 1024 * 1024;

/// What a call requests from the platform.
#[derive(Clone, Copy)]
pub(crate) enum Request<'a> {
    RefreshUsage(&'a Eid),
    Call(&'a Call),
}

impl<'a> Request<'a> {
    /// The card, if the request concerns one.
    pub(crate) fn eid(self) -> Option<&'a str> {
        match self {
            Self::RefreshUsage(eid) => Some(eid.as_str()),
            Self::Call(call) => call.eid(),
        }
    }

    /// The path below the base URL.
    pub(crate) fn path(self) -> &'a str {
        match self {
            Self::RefreshUsage(_) => REFRESH_USAGE,
            Self::Call(call) => call.path(),
        }
    }

    /// The path, unless it is the refresh's, for messages.
    pub(crate) fn special_path(self) -> Option<&'a str> {
        match self {
            Self::RefreshUsage(_) => None,
            Self::Call(call) => Some(call.path()),
        }
    }

    /// Whether the request is idempotent. A refresh is (vendor documentation of the corresponding call by ICCID).
    pub(crate) fn is_idempotent(self) -> bool {
        match self {
            Self::RefreshUsage(_) => true,
            Self::Call(call) => call.is_idempotent(),
        }
    }

    pub(crate) fn max_reply_bytes(self) -> usize {
        match self {
            Self::RefreshUsage(_) => REFRESH_REPLY_BYTES,
            Self::Call(_) => CALL_REPLY_BYTES,
        }
    }

    /// The signed body.
    pub(crate) fn body(
        self,
        credentials: &Credentials,
        timestamp: u64,
        nonce: u32,
        method: SignMethod,
    ) -> Result<SignedBody, Error> {
        match self {
            Self::RefreshUsage(eid) => signed_body(credentials, eid, timestamp, nonce, method),
            Self::Call(call) => signed_call_body(credentials, call.parameters(), timestamp, nonce, method),
        }
    }
}
