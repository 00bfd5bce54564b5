//! Credentials: the appkey, and the secret that signs requests.

use std::fmt;
use zeroize::Zeroizing;

/// A secret: wiped from memory when dropped, and never shown by `Debug`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a secret. Wiping the caller's own copy, if any, is up to the caller.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(Zeroizing::new(secret.into()))
    }

    /// The secret itself, for signing only.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl From<String> for Secret {
    fn from(secret: String) -> Self {
        Self::new(secret)
    }
}

impl From<&str> for Secret {
    fn from(secret: &str) -> Self {
        Self::new(secret)
    }
}

/// The credentials of an application.
#[derive(Debug)]
pub(crate) struct Credentials {
    /// Sent with every request.
    pub(crate) appkey: String,
    /// Signs every request, and is never sent.
    pub(crate) secret: Secret,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_never_shows_the_secret() {
        let credentials = Credentials { appkey: "k".to_owned(), secret: Secret::new("hunter2") };
        let shown = format!("{credentials:?} {credentials:#?}");
        assert!(!shown.contains("hunter2") && shown.contains("[redacted]"), "{shown}");
    }
}
