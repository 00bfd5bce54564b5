//! Which failures are transient, and when a call is safe to repeat: for the retries of a call, and for its caller.
//!
//! Two kinds of failures are transient: a "not now" from the server, which is safe to repeat, and an unknown outcome,
//! which is repeated only if the call is idempotent, as a refresh is (vendor documentation of the corresponding call).

use super::{CodeMeaning, Delivered, Error, ErrorKind};

impl Error {
    /// Whether you may make this call again: the failure may pass by itself, and the call is safe to repeat, because
    /// nothing was delivered or the call is idempotent. Wait before you do, at least [`Error::retry_after`].
    ///
    /// A call retries such failures by itself, within its deadline and `max_attempts`; so this is an error that is left
    /// after that.
    pub fn is_retryable(&self) -> bool {
        self.is_transient() && self.is_safe_to_repeat(self.details.is_idempotent)
    }

    /// Whether the platform may have acted, although the call failed: it may have received the request, and did not refuse it. Before
    /// you repeat a call that is not idempotent, find out from the platform.
    ///
    /// A refusal is its code for a request that it does not accept, or the HTTP status for that: the kinds
    /// [`Auth`](ErrorKind::Auth), [`RateLimited`](ErrorKind::RateLimited), [`Cooldown`](ErrorKind::Cooldown) and
    /// [`Platform`](ErrorKind::Platform). "Try again later" ([`Unavailable`](ErrorKind::Unavailable)) is not one.
    pub fn may_have_acted(&self) -> bool {
        let is_refusal = matches!(
            self.kind(),
            ErrorKind::Auth | ErrorKind::RateLimited | ErrorKind::Cooldown | ErrorKind::Platform
        );
        self.delivered() != Delivered::No && !is_refusal
    }

    /// The server said "not now", or the outcome is unknown. Excludes permanent failures: certificates, credentials,
    /// rejections.
    pub(crate) fn is_transient(&self) -> bool {
        let has_transient_status =
            self.http_status().is_some_and(|status| matches!(status, 408 | 500 | 502 | 503 | 504));
        match self.kind() {
            // A status means that a proxy did not connect. A directory locks accounts after repeated attempts with a
            // wrong password.
            ErrorKind::Connect => self.http_status().is_none() || has_transient_status,
            ErrorKind::ConnectionLost
            | ErrorKind::Timeout
            | ErrorKind::RateLimited
            | ErrorKind::Unavailable => true,
            ErrorKind::Platform => self.meaning() == Some(CodeMeaning::Retry),
            ErrorKind::Http => has_transient_status,
            _ => false,
        }
    }

    /// The call is idempotent, nothing was sent, or the platform rejected the request for the rate without processing it.
    pub(crate) fn is_safe_to_repeat(&self, is_idempotent: bool) -> bool {
        is_idempotent || self.delivered() == Delivered::No || self.kind() == ErrorKind::RateLimited
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELIVERED: [Delivered; 3] = [Delivered::No, Delivered::Yes, Delivered::Unknown];

    fn is_retryable(error: Error, delivered: Delivered, idempotent: bool) -> bool {
        error.with_delivered(delivered).with_idempotent(idempotent).is_retryable()
    }

    #[test]
    fn retryable_is_what_is_transient_and_safe_to_repeat() {
        let transient = [
            ErrorKind::Connect,
            ErrorKind::ConnectionLost,
            ErrorKind::Timeout,
            ErrorKind::RateLimited,
            ErrorKind::Unavailable,
        ];
        for kind in ErrorKind::ALL {
            for delivered in DELIVERED {
                for idempotent in [true, false] {
                    let is_safe = idempotent || delivered == Delivered::No || kind == ErrorKind::RateLimited;
                    assert_eq!(
                        is_retryable(Error::new(kind, "x"), delivered, idempotent),
                        transient.contains(&kind) && is_safe,
                        "{kind:?}, delivered {delivered:?}, idempotent {idempotent}"
                    );
                }
            }
        }
    }

    #[test]
    fn platform_may_have_acted_unless_nothing_arrived_or_it_refused() {
        for kind in ErrorKind::ALL {
            let is_refusal = matches!(
                kind,
                ErrorKind::Auth | ErrorKind::RateLimited | ErrorKind::Cooldown | ErrorKind::Platform
            );
            let may_have_acted =
                DELIVERED.map(|delivered| Error::new(kind, "x").with_delivered(delivered).may_have_acted());
            assert_eq!(may_have_acted, [false, !is_refusal, !is_refusal], "{kind:?}");
        }
    }

    #[test]
    fn retryable_depends_on_the_http_status() {
        for (status, transient) in [
            (400, false),
            (404, false),
            (407, false),
            (408, true),
            (500, true),
            (501, false),
            (502, true),
            (503, true),
            (504, true),
        ] {
            for kind in [ErrorKind::Http, ErrorKind::Connect] {
                let error = || Error::new(kind, "x").with_http_status(status);
                assert_eq!(is_retryable(error(), Delivered::Yes, true), transient, "{kind:?} {status}");
                assert!(!is_retryable(error(), Delivered::Yes, false), "{kind:?} {status}");
            }
        }
    }

    #[test]
    fn retryable_depends_on_the_meaning_of_the_platforms_code() {
        for meaning in CodeMeaning::ALL {
            let error = Error::new(ErrorKind::Platform, "x").with_meaning(Some(meaning));
            assert_eq!(
                is_retryable(error, Delivered::Yes, true),
                meaning == CodeMeaning::Retry,
                "{meaning:?}"
            );
        }
    }
}
