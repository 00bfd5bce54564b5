//! The kinds of errors, and whether the platform may have acted.

/// The kind of an [`Error`](crate::Error). Numbers and names are the same in every language and never change; new
/// kinds are only added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An argument other than the EID is invalid.
    InvalidArgument,
    /// The EID is malformed: not 1 to 32 decimal digits or, in strict mode, not a GSMA EID.
    InvalidEid,
    /// An option is missing or invalid.
    Config,
    /// Connecting failed: DNS lookup, connection refused, host unreachable, proxy.
    Connect,
    /// The TLS handshake failed, usually because the certificate is not signed by a trusted CA.
    Tls,
    /// The call's deadline passed.
    Timeout,
    /// The connection was lost before the complete response arrived.
    ConnectionLost,
    /// The caller cancelled the call.
    Cancelled,
    /// Authentication or authorization failed: credentials, their permissions, or the source IP address (HTTP 401 or 403, the
    /// platform's codes 403 and 502).
    Auth,
    /// Rate limit exceeded: the platform's (HTTP 429, its code 501), or the client's own rate limiter has no permit before the
    /// deadline.
    RateLimited,
    /// The card was refreshed too recently.
    Cooldown,
    /// The platform rejected the call with a code that has no more specific kind. [`Error::is_final`](crate::Error::is_final) tells whether the same
    /// call would fail again.
    Platform,
    /// Unexpected HTTP status.
    Http,
    /// The response could not be parsed: not the documented JSON, too large, or a redirect.
    Protocol,
    /// The platform reports that it is temporarily unavailable (its code 500).
    Unavailable,
    /// A webhook was signed with another secret, modified, or is too old.
    InvalidSignature,
    /// A bug in this library.
    Internal,
}

/// One line of the taxonomy.
struct Row {
    status: i32,
    name: &'static str,
    description: &'static str,
}

impl ErrorKind {
    /// Every kind, in the order of its status number.
    pub const ALL: [ErrorKind; 17] = [
        Self::InvalidArgument,
        Self::InvalidEid,
        Self::Config,
        Self::Connect,
        Self::Tls,
        Self::Timeout,
        Self::ConnectionLost,
        Self::Cancelled,
        Self::Auth,
        Self::RateLimited,
        Self::Cooldown,
        Self::Platform,
        Self::Http,
        Self::Protocol,
        Self::Unavailable,
        Self::InvalidSignature,
        Self::Internal,
    ];

    /// The status of the C library (`EIOT_ERR_…`).
    pub fn status(self) -> i32 {
        self.row().status
    }

    /// The machine-readable name, such as `"invalid_eid"`: Python's `EiotError.kind`, the command's `--json`.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// A short description for people.
    pub fn description(self) -> &'static str {
        self.row().description
    }

    /// The kind with this [name](Self::name), if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    #[rustfmt::skip]
    fn row(self) -> Row {
        let (status, name, description) = match self {
            Self::InvalidArgument => (1,  "invalid_argument", "an argument is invalid"),
            Self::InvalidEid      => (2,  "invalid_eid",      "the EID is malformed"),
            Self::Config          => (3,  "config",           "an option is missing or invalid"),
            Self::Connect         => (20, "connect",          "connecting failed"),
            Self::Tls             => (21, "tls",              "the TLS handshake failed"),
            Self::Timeout         => (22, "timeout",          "the deadline passed"),
            Self::ConnectionLost  => (23, "connection_lost",  "the connection was lost before the reply arrived"),
            Self::Cancelled       => (24, "cancelled",        "the caller cancelled the call"),
            Self::Auth            => (40, "auth",             "authentication failed: credentials, permissions or source address"),
            Self::RateLimited     => (41, "rate_limited",     "too many requests"),
            Self::Cooldown        => (42, "cooldown",         "the card was refreshed too recently"),
            Self::Platform        => (43, "platform",         "the platform rejected the call"),
            Self::Http            => (44, "http",             "unexpected HTTP status"),
            Self::Protocol        => (45, "protocol",         "the response could not be parsed"),
            Self::Unavailable     => (46, "unavailable",      "the platform is temporarily unavailable"),
            Self::InvalidSignature => (60, "invalid_signature", "the webhook's signature is invalid, or it is too old"),
            Self::Internal        => (99, "internal",         "a bug in the eiot library"),
        };
        Row { status, name, description }
    }
}

/// Whether the platform received the request. Check this before you repeat a call that is not idempotent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Delivered {
    /// It did not: nothing was sent, or no connection was made.
    No,
    /// It did, and responded.
    Yes,
    /// It may have: the request was at least partly sent, and no response arrived.
    Unknown,
}

impl Delivered {
    /// `"no"`, `"yes"` or `"unknown"`.
    pub fn name(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Yes => "yes",
            Self::Unknown => "unknown",
        }
    }
}
