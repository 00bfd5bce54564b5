//! Parts of a call that benchmarks measure separately. Not part of the API: compiled only with the feature `internals`,
//! which only the project's own benchmarks enable.

use crate::config::Config;
use crate::eid::Eid;
use crate::error::Error;
use crate::protocol::{Reply, Request, classify, signed_body};
use crate::rate_limit::{Account, Rate, RateLimiter};
use crate::signing::{Credentials, SignMethod};
use crate::transport::HttpResponse;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// Signs the requests of one account.
pub struct Signer(Credentials);

impl Signer {
    /// A signer for this account.
    pub fn new(appkey: &str, secret: &str) -> Result<Self, Error> {
        Config::new(appkey, secret).credentials().map(Self)
    }

    /// The body of a refresh, signed with SHA-1.
    pub fn signed_body(&self, eid: &Eid, timestamp: u64, nonce: u32) -> Result<Vec<u8>, Error> {
        signed_body(&self.0, eid, timestamp, nonce, SignMethod::Sha1).map(|body| body.json)
    }
}

/// Classifies a reply with this status and body.
pub fn read_reply(http_status: u16, body: &[u8], eid: &Eid) -> Result<Reply, Error> {
    let epoch = SystemTime::UNIX_EPOCH;
    let times = crate::transport::Times { date: None, sent: epoch, received: epoch };
    let raw = HttpResponse {
        http_status,
        headers: Default::default(),
        retry_after: None,
        times,
        body: body.to_vec(),
    };
    classify(raw, Request::RefreshUsage(eid), 1, &BTreeMap::new())
}

/// A rate limiter with the event loop that it waits on.
pub struct Limiter(Arc<RateLimiter>, tokio::runtime::Runtime);

impl Limiter {
    /// A limiter that all threads of the process share, in calls per second; `None` is unlimited.
    pub fn new(limit: Option<f64>) -> Result<Self, Error> {
        let account = Account::of("internals", || 0);
        let limiter =
            RateLimiter::in_process(account, Rate { limit, share: (1, 1) }, Arc::new(crate::SystemClock));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        Ok(Self(Arc::new(limiter), runtime.map_err(Error::internal)?))
    }

    /// Reserves the next permit, no matter how late it is, and returns its nonce.
    pub fn reserve(&self) -> Result<u32, Error> {
        let deadline = Instant::now() + Duration::from_secs(u64::from(u32::MAX));
        self.1
            .block_on(self.0.reserve(Duration::ZERO, deadline, true, &|_| ()))
            .map(|mut permit| permit.spend())
    }
}
