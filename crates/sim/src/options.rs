//! How strict the platform is, and who may call it.

use crate::fault_plan::Faults;
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

/// The simulator's options. Each check can be set or switched off; the defaults are the strict side of what is known
/// or said about the platform.
#[derive(Debug, Clone)]
pub struct Options {
    /// Who may call. Default one: `demo-appkey` with `demo-secret`.
    pub accounts: Vec<Account>,
    /// The hash behind the signature. Default SHA-1.
    pub sign_method: SignMethod,
    /// The port on 127.0.0.1; 0, the default, is any free one.
    pub port: u16,
    /// Speak TLS, with a certificate from an authority made at start. Default off.
    pub tls: bool,
    /// How far a timestamp may be from the simulator's clock; `None` is any distance. Default 300 s (the platform's own
    /// tolerance is unknown).
    pub timestamp_window: Option<Duration>,
    /// Refuse a nonce that the account has used within the timestamp window, or ever when that is off. Default on
    /// (whether the platform does is unknown).
    pub nonce_check: bool,
    /// Calls an account may make in any closed second. Default 10 (said by an outside integrator).
    pub rate_limit: Option<u32>,
    /// How long a card must rest after a refresh that was accepted. Default 300 s (vendor, for the corresponding call by ICCID).
    pub cooldown: Option<Duration>,
    /// The code that a refresh is refused with during the cooldown; `None`, the default, is `sim.cooldown` (the
    /// platform's own code is unknown; `501`, "too many requests", is a guess).
    pub cooldown_code: Option<String>,
    /// Addresses that may call; `None`, the default, is any.
    pub allowed_ips: Option<Vec<IpAddr>>,
    /// Cards that exist; `None`, the default, is all.
    pub known_eids: Option<Vec<String>>,
    /// How far the simulator's own clock is wrong, in seconds: for `Date` and the timestamp check. Default 0.
    pub clock_offset_seconds: i64,
    /// Rejects every call with a valid signature with this code, in the platform's words if it is published.
    pub refuse: Option<String>,
    /// Refuse with HTTP 400, 401, 403, 404, 429 or 500 instead of HTTP 200 (whether the platform does is unknown).
    pub http_refusals: bool,
    /// Send codes that are numbers as integers, as a sibling page of the vendor's shows that of success.
    pub integer_codes: bool,
    /// Close a connection that has been idle for so long; `None` is never. Default 60 s.
    pub idle_timeout: Option<Duration>,
    /// Wait before each reply. Default none.
    pub latency: Duration,
    /// What goes wrong with which call. Default nothing.
    pub faults: Faults,
    /// Is told of each call in one line without secret or signature.
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
    /// The defaults without rate limit, cooldown and nonce check: for load, and for calling one card again and again.
    pub fn unlimited() -> Self {
        Self { nonce_check: false, rate_limit: None, cooldown: None, ..Self::default() }
    }
}
