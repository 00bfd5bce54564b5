//! `--then-get`: reads each card some time after its refresh.

use crate::system::now;
use eiot::{Call, Error, Reply};
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// The call that reads a card.
const GET: &str = "/api/v3/cloudesim/get";

/// As many refreshed cards may wait for their time.
const MAX_WAITING: usize = 10_000;

/// Tags of reading calls begin here; tags of cards are lines.
const FIRST_TAG: u64 = 1 << 63;

/// The cards that were refreshed and are not read yet.
pub(crate) struct Reading {
    pause: Duration,
    /// In the order of their times.
    waiting: VecDeque<(Instant, Reply)>,
    /// By the tag of the call.
    in_batch: HashMap<u64, Reply>,
    next_tag: u64,
}

impl Reading {
    /// Reads cards this long after their refresh.
    pub(crate) fn new(pause: Duration) -> Self {
        Self { pause, waiting: VecDeque::new(), in_batch: HashMap::new(), next_tag: FIRST_TAG }
    }

    /// Adds a card that was refreshed just now.
    pub(crate) fn add(&mut self, reply: Reply) {
        self.waiting.push_back((now() + self.pause, reply));
    }

    /// Whether more cards may be refreshed.
    pub(crate) fn has_room(&self) -> bool {
        self.waiting.len() < MAX_WAITING
    }

    /// Whether cards wait for their time.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The next call that is due, with its tag.
    pub(crate) fn next_due(&mut self) -> Result<Option<(Call, u64)>, Error> {
        if self.waiting.front().is_none_or(|(due, _)| *due > now()) {
            return Ok(None);
        }
        let Some((_, reply)) = self.waiting.pop_front() else { return Ok(None) };
        let call = Call::new(GET, &HashMap::from([("eid", reply.eid())]))?;
        let tag = self.next_tag;
        self.next_tag += 1;
        self.in_batch.insert(tag, reply);
        Ok(Some((call, tag)))
    }

    /// The refresh of a card whose reading has ended; `None` if the tag is that of a card.
    pub(crate) fn take(&mut self, tag: u64) -> Option<Reply> {
        self.in_batch.remove(&tag)
    }

    /// The cards whose time does not come any more.
    pub(crate) fn take_waiting(&mut self) -> impl Iterator<Item = Reply> + use<> {
        std::mem::take(&mut self.waiting).into_iter().map(|(_, reply)| reply)
    }
}
