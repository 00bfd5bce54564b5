//! Parts of a call that benchmarks measure by themselves. Not part of the API: compiled with the feature `internals` only,
//! which nothing but our own benchmarks turns on.

use crate::config::Config;
use crate::credentials::Credentials;
use crate::eid::Eid;
use crate::error::Error;
use crate::pace::{Pace, Rate};
use crate::reply::{RawReply, Reply, verdict};
use crate::request::Request;
use crate::sign::SignMethod;
use crate::skew::Sighting;
use crate::wire;
use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

/// Signs requests of one account.
pub struct Signer(Credentials);

impl Signer {
    /// For this account.
    pub fn new(appkey: &str, secret: &str) -> Result<Self, Error> {
        Config::new(appkey, secret).credentials().map(Self)
    }

    /// A refresh's body, with SHA-1.
    pub fn signed_body(&self, eid: &Eid, timestamp: u64, nonce: u32) -> Result<Vec<u8>, Error> {
        wire::signed_body(&self.0, eid, timestamp, nonce, SignMethod::Sha1)
    }
}

/// What a reply with this status and body comes to.
pub fn read_reply(http_status: u16, body: &[u8], eid: &Eid) -> Result<Reply, Error> {
    let epoch = SystemTime::UNIX_EPOCH;
    let sighting = Sighting { date: None, sent: epoch, received: epoch };
    let raw = RawReply {
        http_status,
        headers: Default::default(),
        retry_after: None,
        sighting,
        body: body.to_vec(),
    };
    verdict(raw, Request::RefreshUsage(eid), 1, &BTreeMap::new())
}

/// The row of slots that a rate is.
pub struct Slots(Pace);

impl Slots {
    /// So many calls a second, for the threads of one process; `None` is any number.
    pub fn new(limit: Option<f64>) -> Self {
        Self(Pace::of_process(&Rate { limit, divided_by: 1 }))
    }

    /// Takes the next slot, however far away it is.
    pub fn take(&self) -> Result<Option<Instant>, Error> {
        self.0.take(Instant::now() + Duration::from_secs(u64::from(u32::MAX)), true)
    }
}
