//! When a run ends before its input does, and which cards it leaves out.

use super::recent::Recent;
use crate::system::wall_clock;
use eiot::Eid;
use std::time::SystemTime;

/// The limits of a run.
#[derive(Default)]
pub(crate) struct Limits {
    /// No card is sent from this time on.
    pub(crate) until: Option<SystemTime>,
    /// At most this many cards are sent.
    pub(crate) count: Option<u64>,
    /// Cards that were refreshed not long ago.
    pub(crate) recent: Option<Recent>,
}

impl Limits {
    /// Whether it is too late to send a card.
    pub(crate) fn is_time_up(&self) -> bool {
        self.until.is_some_and(|until| until <= wall_clock())
    }

    /// Whether no more cards may be sent after this many.
    pub(crate) fn is_reached(&self, sent: u64) -> bool {
        self.count.is_some_and(|count| sent >= count)
    }

    /// Whether this card was refreshed not long ago.
    pub(crate) fn is_recent(&self, eid: &Eid) -> bool {
        self.recent.as_ref().is_some_and(|recent| recent.contains(eid))
    }
}
