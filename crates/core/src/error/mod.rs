//! Errors: one taxonomy for all languages.

mod code_meaning;
mod kind;
mod redact;
mod retryable;

pub use code_meaning::CodeMeaning;
pub use kind::{Delivered, ErrorKind};
pub(crate) use redact::redact;

use crate::escape::beginning;
use std::fmt;
use std::time::Duration;

/// A failed call.
///
/// Its text says what happened, to which EID, and what to do about it; its methods return the same for programs. It never
/// contains the secret or a signature.
#[derive(thiserror::Error)]
#[error("{}{}", Subject(&self.details), self.details.message)]
pub struct Error {
    // Boxed, so that a Result stays small on the path that succeeds.
    details: Box<Details>,
}

#[derive(PartialEq, Eq)]
struct Details {
    kind: ErrorKind,
    message: String,
    /// The path, unless the call is a refresh.
    path: Option<String>,
    eid: Option<String>,
    platform_code: Option<String>,
    platform_message: Option<String>,
    /// The meaning of the platform's code, if it is known.
    meaning: Option<CodeMeaning>,
    http_status: Option<u16>,
    attempts: u32,
    retry_after: Option<Duration>,
    delivered: Delivered,
    /// Whether the call may be repeated even if it was delivered.
    is_idempotent: bool,
    evidence: Evidence,
}

/// The parts of a response that are kept for diagnosis.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Evidence {
    /// The beginning of the body.
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl Evidence {
    /// Masks secrets of the request that the server has echoed.
    pub(crate) fn redact(&mut self, secrets: [&[u8]; 2]) {
        if let Some(body) = &mut self.body {
            redact(body, secrets);
        }
        for (_, value) in &mut self.headers {
            let mut bytes = std::mem::take(value).into_bytes();
            redact(&mut bytes, secrets);
            *value = String::from_utf8_lossy(&bytes).into_owned();
        }
    }
}

impl Error {
    /// An error that was detected before anything was sent.
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let details = Details {
            kind,
            message: message.into(),
            path: None,
            eid: None,
            platform_code: None,
            platform_message: None,
            meaning: None,
            http_status: None,
            attempts: 0,
            retry_after: None,
            delivered: Delivered::No,
            is_idempotent: false,
            evidence: Evidence::default(),
        };
        Self { details: Box::new(details) }
    }

    /// An invalid argument. For front ends, whose arguments the core does not see.
    pub fn invalid_argument(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidArgument, message)
    }

    /// A cancelled run. For front ends, whose callers can stop a run between two calls.
    pub fn cancelled(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Cancelled, message)
    }

    /// A call that an earlier process made, and whose outcome is lost with it. For front ends that keep a journal.
    pub fn outcome_lost(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::ConnectionLost, message).with_delivered(Delivered::Unknown)
    }

    /// An invalid option: names the option and says what it takes.
    pub fn config(option: &str, takes: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Config, format!("{option}: {takes}"))
    }

    /// A bug in this library, such as a caught panic; whether the platform acted is unknown.
    pub fn internal(message: impl fmt::Display) -> Self {
        Self::new(
            ErrorKind::Internal,
            format!("internal error in eiot {}: {message}; please report it", crate::VERSION),
        )
        .with_delivered(Delivered::Unknown)
    }

    /// The error of a caught panic, for front ends.
    pub fn panicked(panic: &(dyn std::any::Any + Send)) -> Self {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        Self::internal(text.unwrap_or("a panic without a text"))
    }

    pub(crate) fn with_eid(mut self, eid: impl Into<String>) -> Self {
        self.details.eid = Some(eid.into());
        self
    }

    /// Adds the subject: the path, unless it is a refresh, and the card, if the call concerns one.
    pub(crate) fn with_subject(mut self, path: Option<&str>, eid: Option<&str>) -> Self {
        self.details.path = path.map(str::to_owned);
        self.details.eid = eid.map(str::to_owned);
        self
    }

    /// Appends a clause to the message.
    pub(crate) fn with_note(mut self, note: &str) -> Self {
        append(&mut self.details.message, note);
        self
    }

    pub(crate) fn with_platform(mut self, code: Option<String>, message: Option<String>) -> Self {
        self.details.platform_code = code;
        self.details.platform_message = message;
        self
    }

    pub(crate) fn with_meaning(mut self, meaning: Option<CodeMeaning>) -> Self {
        self.details.meaning = meaning;
        self
    }

    pub(crate) fn with_http_status(mut self, http_status: u16) -> Self {
        self.details.http_status = Some(http_status);
        self
    }

    pub(crate) fn with_attempts(mut self, attempts: u32) -> Self {
        self.details.attempts = attempts;
        self
    }

    pub(crate) fn with_retry_after(mut self, retry_after: Option<Duration>) -> Self {
        self.details.retry_after = retry_after;
        self
    }

    pub(crate) fn with_delivered(mut self, delivered: Delivered) -> Self {
        self.details.delivered = delivered;
        self
    }

    pub(crate) fn with_idempotent(mut self, is_idempotent: bool) -> Self {
        self.details.is_idempotent = is_idempotent;
        self
    }

    pub(crate) fn with_evidence(mut self, evidence: Evidence) -> Self {
        self.details.evidence = evidence;
        self
    }

    pub(crate) fn with_redacted_evidence(mut self, secrets: [&[u8]; 2]) -> Self {
        self.details.evidence.redact(secrets);
        self
    }

    /// A copy whose size is bounded: without the EID, the body and the headers of the response, and with at most 256 bytes of the
    /// platform's message.
    pub(crate) fn brief(&self) -> Self {
        let details = &self.details;
        Self {
            details: Box::new(Details {
                kind: details.kind,
                message: details.message.clone(),
                path: details.path.clone(),
                eid: None,
                platform_code: details.platform_code.clone(),
                platform_message: details.platform_message.as_deref().map(beginning).map(str::to_owned),
                meaning: details.meaning,
                http_status: details.http_status,
                attempts: details.attempts,
                retry_after: details.retry_after,
                delivered: details.delivered,
                is_idempotent: details.is_idempotent,
                evidence: Evidence::default(),
            }),
        }
    }

    /// Whether the other error says the same in all respects.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.details == other.details
    }

    /// What kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        self.details.kind
    }

    /// The EID of the call, as it was passed; `None` if the error does not concern a single card.
    pub fn eid(&self) -> Option<&str> {
        self.details.eid.as_deref()
    }

    /// The platform's error code, verbatim (an integer as decimal digits).
    pub fn platform_code(&self) -> Option<&str> {
        self.details.platform_code.as_deref()
    }

    /// The platform's error message, verbatim; it can be Chinese.
    pub fn platform_message(&self) -> Option<&str> {
        self.details.platform_message.as_deref()
    }

    /// The meaning of the platform's code, if the published table or the option `error_codes` has it.
    pub(crate) fn meaning(&self) -> Option<CodeMeaning> {
        self.details.meaning
    }

    /// Whether the same call would fail again no matter how network, account and platform change: for malformed EIDs and
    /// arguments, and for the platform's codes for invalid requests (vendor error-code page, or the option `error_codes`).
    /// Unpublished codes are never final.
    pub fn is_final(&self) -> bool {
        matches!(self.details.kind, ErrorKind::InvalidEid | ErrorKind::InvalidArgument)
            || self.details.meaning == Some(CodeMeaning::Final)
    }

    /// The HTTP status of the response, if there was one; for a [`Connect`](ErrorKind::Connect) error, that of a proxy that refused
    /// to connect.
    pub fn http_status(&self) -> Option<u16> {
        self.details.http_status
    }

    /// The first 2 KiB of the body of a response that is not the platform's, verbatim; otherwise `None`. The secret and the
    /// signature are masked if the server echoes them.
    pub fn body(&self) -> Option<&[u8]> {
        self.details.evidence.body.as_deref()
    }

    /// The response headers that help support, by their names in lower case, such as `"date"` and `"x-request-id"`; empty if there
    /// was no response.
    pub fn headers(&self) -> &[(&'static str, String)] {
        &self.details.evidence.headers
    }

    /// How many requests were sent or started for this call; 0 if it failed before the first one.
    pub fn attempts(&self) -> u32 {
        self.details.attempts
    }

    /// How long to wait before the next call: what the platform asks for, or the time until the rate limiter or the card's
    /// cooldown allows it. `None` if neither says.
    pub fn retry_after(&self) -> Option<Duration> {
        self.details.retry_after
    }

    /// Whether the platform received the request.
    pub fn delivered(&self) -> Delivered {
        self.details.delivered
    }
}

/// Appends a clause: after a semicolon or, if the text so far ends like a sentence, as the next one. The platform's own
/// messages often do.
pub(crate) fn append(text: &mut String, clause: &str) {
    let mut rest = clause.chars();
    match rest.next().filter(|_| text.ends_with(['.', '!', '?', '。', '！', '？'])) {
        Some(first) => {
            text.push(' ');
            text.extend(first.to_uppercase());
            text.push_str(rest.as_str());
        }
        None => {
            text.push_str("; ");
            text.push_str(clause);
        }
    }
}

/// "EID 8904…: ", "/api/v3/cloudesim/get, EID 8904…: ", or nothing.
struct Subject<'a>(&'a Details);

impl fmt::Display for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.0.path, &self.0.eid) {
            (None, None) => Ok(()),
            (None, Some(eid)) => write!(f, "EID {eid}: "),
            (Some(path), None) => write!(f, "{path}: "),
            (Some(path), Some(eid)) => write!(f, "{path}, EID {eid}: "),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.details.kind)
            .field("message", &self.to_string())
            .field("platform_code", &self.details.platform_code)
            .field("http_status", &self.details.http_status)
            .field("attempts", &self.details.attempts)
            .field("retry_after", &self.details.retry_after)
            .field("delivered", &self.details.delivered)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_kinds_have_unique_statuses_and_names() {
        let mut statuses: Vec<_> = ErrorKind::ALL.iter().map(|kind| kind.status()).collect();
        let mut names: Vec<_> = ErrorKind::ALL.iter().map(|kind| kind.name()).collect();
        assert!(statuses.is_sorted());
        statuses.dedup();
        names.sort_unstable();
        names.dedup();
        assert_eq!(statuses.len(), ErrorKind::ALL.len());
        assert_eq!(names.len(), ErrorKind::ALL.len());
    }

    #[test]
    fn error_kinds_are_documented_with_number_and_name() {
        let documentation = include_str!("../../../../docs/errors.md");
        for kind in ErrorKind::ALL {
            let (status, name) = (kind.status(), kind.name());
            let row =
                documentation.lines().find(|line| line.starts_with(&format!("| `{name}` |"))).expect(name);
            assert!(row.contains(&format!("` {status} |")), "{row}");
            assert!(documentation.contains(&format!("\n## {name}\n")), "no section about {name}");
        }
    }

    #[test]
    fn error_kind_is_found_by_its_name_and_statuses_are_unique() {
        for kind in ErrorKind::ALL {
            assert_eq!(ErrorKind::from_name(kind.name()), Some(kind));
        }
        assert_eq!(ErrorKind::from_name("ok"), None);
        let statuses: std::collections::BTreeSet<i32> = ErrorKind::ALL.map(ErrorKind::status).into();
        assert!(statuses.len() == ErrorKind::ALL.len() && !statuses.contains(&0));
    }

    #[test]
    fn error_note_after_a_full_stop_is_a_sentence_and_otherwise_a_clause() {
        let noted =
            |text: &str| Error::new(ErrorKind::Platform, text).with_note("call less often").to_string();
        assert_eq!(noted("HTTP 429"), "HTTP 429; call less often");
        assert_eq!(noted("code 501: Too many requests."), "code 501: Too many requests. Call less often");
        assert_eq!(noted("code 501: 请求太频繁。"), "code 501: 请求太频繁。 Call less often");
    }

    #[test]
    fn error_text_starts_with_the_eid() {
        let error = Error::new(ErrorKind::Timeout, "no reply within 3 s").with_eid("890");
        assert_eq!(error.to_string(), "EID 890: no reply within 3 s");
        let of_call =
            |eid| Error::new(ErrorKind::Timeout, "no reply").with_subject(Some("/a"), eid).to_string();
        assert_eq!(of_call(Some("890")), "/a, EID 890: no reply");
        assert_eq!(of_call(None), "/a: no reply");
    }
}
