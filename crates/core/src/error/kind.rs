//! The kinds of errors, and whether the platform may have acted.

/// The kind of an [`Error`]. Numbers and names are the same in every language and never change; new
/// kinds are only added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An argument other than the EID cannot be used.
    InvalidArgument,
    /// The EID is not 1 to 32 decimal digits (or, in strict mode, not a GSMA EID).
    InvalidEid,
    /// An option is missing or has a value that cannot be used.
    Config,
    /// No connection could be made: name look-up, refused, unreachable, proxy.
    Connect,
    /// The TLS handshake failed, most often because the certificate is not trusted.
    Tls,
    /// The deadline passed.
    Timeout,
    /// The connection broke before the whole reply had come.
    ConnectionLost,
    /// The caller asked to stop.
    Cancelled,
    /// The platform does not accept the credentials, their rights or the source address (HTTP 401 or 403, its codes 403
    /// and 502).
    Auth,
    /// Too many requests (HTTP 429, the platform's code 501), or the account's rate leaves no free slot in time.
    RateLimited,
    /// This card was refreshed too recently.
    Cooldown,
    /// The platform said no: any code but `"200"` that has no more precise kind. [`Error::is_final`] tells whether the same
    /// request would fail again.
    Platform,
    /// An HTTP status that the call does not know.
    Http,
    /// A reply that nobody can read: not the documented JSON, too large, or a redirect.
    Protocol,
    /// The platform itself says that it cannot serve the call now (its code 500).
    Unavailable,
    /// A webhook is not signed with the secret, was changed, or is too old.
    InvalidSignature,
    /// A fault of this library.
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

    /// The number that the C library returns (`EIOT_ERR_…`).
    pub fn status(self) -> i32 {
        self.row().status
    }

    /// The name that tools read, such as `"invalid_eid"`: Python's `Error.kind`, the command's `--json`.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// One sentence that says what this kind means, for people.
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
            Self::InvalidArgument => (1,  "invalid_argument", "an argument cannot be used"),
            Self::InvalidEid      => (2,  "invalid_eid",      "the EID is malformed"),
            Self::Config          => (3,  "config",           "an option is missing or cannot be used"),
            Self::Connect         => (20, "connect",          "no connection could be made"),
            Self::Tls             => (21, "tls",              "the TLS handshake failed"),
            Self::Timeout         => (22, "timeout",          "the deadline passed"),
            Self::ConnectionLost  => (23, "connection_lost",  "the connection broke before the reply had come"),
            Self::Cancelled       => (24, "cancelled",        "the caller asked to stop"),
            Self::Auth            => (40, "auth",             "the platform does not accept the credentials or the source address"),
            Self::RateLimited     => (41, "rate_limited",     "too many requests"),
            Self::Cooldown        => (42, "cooldown",         "the card was refreshed too recently"),
            Self::Platform        => (43, "platform",         "the platform refused the call"),
            Self::Http            => (44, "http",             "an HTTP status that the call does not know"),
            Self::Protocol        => (45, "protocol",         "a reply that nobody can read"),
            Self::Unavailable     => (46, "unavailable",      "the platform cannot serve calls at the moment"),
            Self::InvalidSignature => (60, "invalid_signature", "the webhook is not signed with the secret, or too old"),
            Self::Internal        => (99, "internal",         "a fault of the eiot library"),
        };
        Row { status, name, description }
    }
}

/// Did the platform get the request? What a billing system must know before it repeats a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Delivered {
    /// It did not: nothing was sent, or no connection was made.
    No,
    /// It did, and answered.
    Yes,
    /// It may have: the request was at least partly sent, and no answer came.
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
