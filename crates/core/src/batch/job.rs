//! What a batch does for a card: the refresh of its usage, or another call.

use crate::eid::Eid;
use crate::error::Error;
use crate::protocol::{Call, Request};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// What is done for a card. Refreshes of the same card are equal; calls never are.
#[derive(Clone)]
pub(super) enum Job {
    Refresh(Eid),
    Call {
        call: Arc<Call>,
        /// Tells the calls of a batch apart.
        serial: u64,
    },
}

/// What tells jobs apart.
#[derive(PartialEq, Eq, Hash)]
enum Key<'a> {
    Refresh(&'a Eid),
    Call(u64),
}

impl Job {
    pub(super) fn request(&self) -> Request<'_> {
        match self {
            Self::Refresh(eid) => Request::RefreshUsage(eid),
            Self::Call { call, .. } => Request::Call(call),
        }
    }

    /// The card that is refreshed: it may be a duplicate, and it has a cooldown.
    pub(super) fn refreshes(&self) -> Option<&Eid> {
        match self {
            Self::Refresh(eid) => Some(eid),
            Self::Call { .. } => None,
        }
    }

    /// The EID of the card; empty if a call concerns no single card.
    pub(super) fn eid(&self) -> &str {
        self.request().eid().unwrap_or_default()
    }

    /// The error, with the EID if there is one.
    pub(super) fn named(&self, error: Error) -> Error {
        match self.request().eid() {
            Some(eid) => error.with_eid(eid),
            None => error,
        }
    }

    fn key(&self) -> Key<'_> {
        match self {
            Self::Refresh(eid) => Key::Refresh(eid),
            Self::Call { serial, .. } => Key::Call(*serial),
        }
    }
}

impl PartialEq for Job {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Job {}

impl Hash for Job {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}
