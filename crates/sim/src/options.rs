//! The simulator's options: who may call it, and how strict it is.

use crate::faults::plan::Faults;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

/// An account that may call.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// Identifies the account's application.
    pub appkey: String,
    /// What its requests are signed with.
    pub secret: String,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Account {{ appkey: {:?}, secret: [redacted] }}", self.appkey)
    }
}

/// The hash behind the signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SignMethod {
    /// SHA-1, which the platform documents (vendor SDK 1.0.1).
    #[default]
    Sha1,
    /// MD5 over the same string.
    Md5,
}

/// The simulator's options. Each check can be configured or switched off. The defaults are as strict as anything that is known or
/// reported about the platform.
#[derive(Debug, Clone)]
pub struct Options {
    /// The accounts. Default: `demo-appkey` with `demo-secret`.
    pub accounts: Vec<Account>,
    /// The hash behind the signature. Default SHA-1.
    pub sign_method: SignMethod,
    /// The port on 127.0.0.1; 0, the default, is any free port.
    pub port: u16,
    /// Use TLS, with a certificate authority generated at start. Default off.
    pub tls: bool,
    /// How far a timestamp may be from the simulator's clock; `None` is any distance. Default 300 s (the platform's own
    /// tolerance is unknown).
    pub timestamp_window: Option<Duration>,
    /// Refuse a nonce that the account used within the timestamp window, or ever if that is off. Default on (whether the
    /// platform does this is unknown).
    pub nonce_check: bool,
    /// Calls per account in any closed second. Default 10 (reported by a third-party integrator).
    pub rate_limit: Option<u32>,
    /// The cooldown of a card after an accepted refresh. Default 300 s (vendor, for the corresponding call by ICCID).
    pub cooldown: Option<Duration>,
    /// The code that refuses a refresh during the cooldown; `None`, the default, is `sim.cooldown` (the platform's code is
    /// unknown; `501`, "too many requests", is a guess).
    pub cooldown_code: Option<String>,
    /// The allow-list of addresses; `None`, the default, allows any.
    pub allowed_ips: Option<Vec<IpAddr>>,
    /// Cards that exist; `None`, the default, is all.
    pub known_eids: Option<Vec<String>>,
    /// The offset of the simulator's clock in seconds, for `Date` and the timestamp check. Default 0.
    pub clock_offset_seconds: i64,
    /// Refuse every call that has a valid signature with this code, in the published words if it is published.
    pub refuse: Option<String>,
    /// Refuse with HTTP 400, 401, 403, 404, 429 or 500 instead of HTTP 200 (what the platform does is unknown).
    pub http_refusals: bool,
    /// Send numeric codes as integers, as another page of the vendor's documentation shows the code of success.
    pub integer_codes: bool,
    /// Close connections that are idle for this long; `None` is never. Default 60 s.
    pub idle_timeout: Option<Duration>,
    /// The delay of each reply. Default none.
    pub latency: Duration,
    /// The faults. Default none.
    pub faults: Faults,
    /// Called with a line per call, without secrets and signatures.
    pub on_call: Option<fn(&str)>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            accounts: vec![Account { appkey: "demo-appkey".to_owned(), secret: "demo-secret".to_owned() }],
            sign_method: SignMethod::default(),
            port: 0,
            tls: false,
            timestamp_window: Some(Duration::from_secs(300)),
            nonce_check: true,
            rate_limit: Some(10),
            cooldown: Some(Duration::from_secs(300)),
            cooldown_code: None,
            allowed_ips: None,
            known_eids: None,
            clock_offset_seconds: 0,
            refuse: None,
            http_refusals: false,
            integer_codes: false,
            idle_timeout: Some(Duration::from_secs(60)),
            latency: Duration::ZERO,
            faults: Faults::default(),
            on_call: None,
        }
    }
}

impl Options {
    /// The defaults without rate limit, cooldown and nonce check, for load tests and repeated calls for one card.
    pub fn unlimited() -> Self {
        Self { nonce_check: false, rate_limit: None, cooldown: None, ..Self::default() }
    }
}
