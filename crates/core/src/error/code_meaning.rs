//! What an error code of the platform means for a call.

use super::kind::ErrorKind;

/// What an error code of the platform means for a call.
///
/// The names are those that the option `error_codes` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CodeMeaning {
    /// Credentials, rights or source address: a matter of the account, not of the card. Kind [`ErrorKind::Auth`].
    Auth,
    /// Too many requests. Kind [`ErrorKind::RateLimited`].
    RateLimited,
    /// This card was refreshed too recently. Kind [`ErrorKind::Cooldown`].
    Cooldown,
    /// The platform cannot serve calls at the moment; retried as an HTTP 503 is. Kind [`ErrorKind::Unavailable`].
    Unavailable,
    /// A refusal of which it is not known whether it would happen again. Kind [`ErrorKind::Platform`].
    Platform,
    /// A permanent refusal: the same request would fail again. Kind [`ErrorKind::Platform`], and
    /// [`Error::is_final`](crate::Error::is_final).
    Final,
    /// A transient refusal, retried as an HTTP 503 is. Kind [`ErrorKind::Platform`].
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
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|meaning| meaning.name() == name)
    }
}
