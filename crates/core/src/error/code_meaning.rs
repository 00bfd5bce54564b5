//! The meaning of the platform's error codes for a call.

use super::kind::ErrorKind;

/// The meaning of one of the platform's error codes for a call.
///
/// The option `error_codes` takes their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CodeMeaning {
    /// Credentials, permissions or source address: concerns the account, not the card. Kind [`ErrorKind::Auth`].
    Auth,
    /// Too many requests. Kind [`ErrorKind::RateLimited`].
    RateLimited,
    /// This card was refreshed too recently. Kind [`ErrorKind::Cooldown`].
    Cooldown,
    /// The platform is temporarily unavailable; retried like an HTTP 503. Kind [`ErrorKind::Unavailable`].
    Unavailable,
    /// A rejection that may or may not be permanent. Kind [`ErrorKind::Platform`].
    Platform,
    /// A permanent rejection: the same request would fail again. Kind [`ErrorKind::Platform`], and
    /// [`Error::is_final`](crate::Error::is_final).
    Final,
    /// A transient rejection, retried like an HTTP 503. Kind [`ErrorKind::Platform`].
    Retry,
}

impl CodeMeaning {
    /// Every meaning.
    pub const ALL: [CodeMeaning; 7] = [
        Self::Auth,
        Self::RateLimited,
        Self::Cooldown,
        Self::Unavailable,
        Self::Platform,
        Self::Final,
        Self::Retry,
    ];

    /// The name that the option `error_codes` takes: the kind's, `"final"` or `"retry"`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Final => "final",
            Self::Retry => "retry",
            _ => self.kind().name(),
        }
    }

    /// The kind of the error.
    pub fn kind(self) -> ErrorKind {
        match self {
            Self::Auth => ErrorKind::Auth,
            Self::RateLimited => ErrorKind::RateLimited,
            Self::Cooldown => ErrorKind::Cooldown,
            Self::Unavailable => ErrorKind::Unavailable,
            Self::Platform | Self::Final | Self::Retry => ErrorKind::Platform,
        }
    }

    /// The meaning with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|meaning| meaning.name() == name)
    }
}
