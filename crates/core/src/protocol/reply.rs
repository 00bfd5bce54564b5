//! The platform's reply, and its classification.

use super::envelope::Envelope;
use super::error_codes::look_up;
use super::request::Request;
use crate::error::{CodeMeaning, Delivered, Error, ErrorKind, Evidence, append};
use crate::escape::{beginning, escaped, excerpt};
use crate::transport::{HttpResponse, MAX_BODY_BYTES, support_headers};
use reqwest::header::CONTENT_TYPE;
use std::collections::BTreeMap;
use std::time::Duration;

/// The only code that means success (seed document).
const SUCCESS: &str = "200";

/// The maximum length of a message in the error's text.
const SHOWN_BODY_BYTES: usize = 80;

/// A successful reply of the platform.
///
/// A refresh *triggers* one usage sync with the carrier (vendor documentation of the corresponding call by ICCID); new figures may
/// become visible a little later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    eid: String,
    message: String,
    data_json: Option<String>,
    attempts: u32,
    delivered: Delivered,
    http_status: u16,
}

impl Reply {
    /// The EID that was refreshed, without surrounding whitespace. For other calls: their `eid` parameter, or empty if they have
    /// none.
    pub fn eid(&self) -> &str {
        &self.eid
    }

    /// The platform's code, which is always `"200"`: all other codes are an [`Error`].
    pub fn code(&self) -> &'static str {
        SUCCESS
    }

    /// The platform's message, verbatim. Its wording varies: show it, but do not compare it.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The reply's `data` as JSON text, verbatim; `None` if there is none. The platform documents no fields for a refresh.
    pub fn data_json(&self) -> Option<&str> {
        self.data_json.as_deref()
    }

    /// How many requests the call took.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// A copy whose size is bounded: without `data`, and with at most 256 bytes of the message.
    pub(crate) fn brief(&self) -> Self {
        let Self { eid, message, data_json: _, attempts, delivered, http_status } = self;
        Self {
            eid: eid.clone(),
            message: beginning(message).to_owned(),
            data_json: None,
            attempts: *attempts,
            delivered: *delivered,
            http_status: *http_status,
        }
    }

    pub(crate) fn with_attempts_before(mut self, attempts: u32) -> Self {
        self.attempts = self.attempts.saturating_add(attempts);
        self
    }

    /// The HTTP status of the response, which is 2xx.
    pub(crate) fn http_status(&self) -> u16 {
        self.http_status
    }

    /// Whether the platform received the request: always [`Delivered::Yes`] here.
    pub fn delivered(&self) -> Delivered {
        self.delivered
    }
}

/// The one place that decides what a response means.
///
/// The platform's code takes precedence over the HTTP status: the caller's own `error_codes` first, then the published table. If
/// neither knows it, or the body cannot be parsed, HTTP 401, 403, 429 and 5xx have their usual meaning.
pub(crate) fn classify(
    raw: HttpResponse,
    request: Request<'_>,
    attempts: u32,
    codes: &BTreeMap<String, CodeMeaning>,
) -> Result<Reply, Error> {
    let HttpResponse { http_status, headers, retry_after, times: _, mut body } = raw;
    let (code, message, data) = match Envelope::read(&body) {
        Some(envelope) => (Some(envelope.code), envelope.message, envelope.data),
        None => (None, None, None),
    };
    let known = code.as_deref().filter(|code| *code != SUCCESS).and_then(|code| look_up(code, codes));
    let (kind, text) = match (http_status, code.as_deref(), &known) {
        (200..=299, Some(SUCCESS), _) => {
            return Ok(Reply {
                eid: request.eid().unwrap_or_default().to_owned(),
                message: message.unwrap_or_default(),
                data_json: data,
                attempts,
                delivered: Delivered::Yes,
                http_status,
            });
        }
        (_, Some(code), Some(known)) => {
            let description = description(code, message.as_deref(), known.words);
            let mut text = format!("the platform refused with {description}");
            for advice in [advice(code, known.meaning), waiting(retry_after).as_deref()].into_iter().flatten()
            {
                append(&mut text, advice);
            }
            (known.meaning.kind(), text)
        }
        (_, code, _) => by_status(http_status, code, message.as_deref(), retry_after, || {
            let content_type =
                headers.get(CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()));
            let content_type = content_type.as_deref().unwrap_or("none");
            let beginning = body.get(..body.len().min(SHOWN_BODY_BYTES)).unwrap_or_default();
            format!(
                "content type {content_type:?}, {} bytes, begins with \"{}\"",
                body.len(),
                escaped(&String::from_utf8_lossy(beginning))
            )
        }),
    };
    let is_the_platforms = code.is_some();
    body.truncate(MAX_BODY_BYTES);
    let body = (!is_the_platforms || kind == ErrorKind::Http).then_some(body);
    Err(Error::new(kind, text)
        .with_evidence(Evidence { body, headers: support_headers(&headers) })
        .with_subject(request.special_path(), request.eid())
        .with_platform(code, message)
        .with_meaning(known.map(|known| known.meaning))
        .with_http_status(http_status)
        .with_attempts(attempts)
        .with_retry_after(retry_after)
        .with_delivered(Delivered::Yes))
}

/// Classifies a response with an unknown code, or without one.
fn by_status(
    http_status: u16,
    code: Option<&str>,
    message: Option<&str>,
    retry_after: Option<Duration>,
    body: impl Fn() -> String,
) -> (ErrorKind, String) {
    let described = code.map(|code| description(code, message, None)).unwrap_or_default();
    let description = match code {
        Some(_) => format!("HTTP {http_status}, {described}"),
        None => format!("HTTP {http_status}"),
    };
    match (http_status, code) {
        (200..=299, None) => (
            ErrorKind::Protocol,
            format!(
                "the response could not be parsed: it is not the platform's JSON ({}); check base_url, and whether a proxy or \
                 a login page responded in the platform's place",
                body()
            ),
        ),
        (304, _) => (
            ErrorKind::Protocol,
            "HTTP 304 (not modified) is not a valid response to a signed request; check whether a cache responded in the platform's place"
                .to_owned(),
        ),
        (300..=399, _) => (
            ErrorKind::Protocol,
            format!(
                "HTTP {http_status} is a redirect, and signed requests do not follow redirects; check base_url"
            ),
        ),
        (401 | 403, _) => (
            ErrorKind::Auth,
            format!(
                "authentication failed ({description}); check appkey and secret, and that this machine's public address is on the \
                 allow-list in the console"
            ),
        ),
        (429, _) => {
            let advice = waiting(retry_after).unwrap_or_else(|| "call less often".to_owned());
            (ErrorKind::RateLimited, format!("too many requests ({description}); {advice}"))
        }
        (200..=499, Some(code)) if code != SUCCESS => {
            let mut text = format!("the platform refused with {described}");
            let advice = "this code is not published, so it is not known whether the call would fail again: ask the \
                          platform what it means, and set the option error_codes to";
            append(&mut text, &format!("{advice} \"{}=KIND\"", excerpt(code)));
            (ErrorKind::Platform, text)
        }
        _ => (ErrorKind::Http, format!("unexpected HTTP status {http_status} ({description})")),
    }
}

/// The platform's code and message, with the published words if the message lacks them, as it may be Chinese.
fn description(code: &str, message: Option<&str>, words: Option<&str>) -> String {
    let code = excerpt(code);
    let is_same = |words: &&str| {
        message.is_some_and(|message| message.trim_end_matches('.').eq_ignore_ascii_case(words))
    };
    let description = match message {
        Some(message) => format!("code {code}: {}", excerpt(message)),
        None => format!("code {code}, without a message"),
    };
    match words.filter(|words| !is_same(words)) {
        Some(words) => format!("{description} ({words})"),
        None => description,
    }
}

/// What to do about a code with this meaning.
fn advice(code: &str, meaning: CodeMeaning) -> Option<&'static str> {
    Some(match (meaning, code) {
        (CodeMeaning::Auth, "502") => {
            "this machine's public address is not on the account's allow-list: add it in the console (platform settings, up \
             to 15 addresses)"
        }
        (CodeMeaning::Auth, "403") => "check appkey, secret and the account's rights in the console",
        (CodeMeaning::Auth, _) => {
            "check appkey, secret, the account's rights and the allow-list in the console"
        }
        (CodeMeaning::RateLimited, "501") => {
            "call less often; it may also mean that this card was refreshed less than five minutes ago"
        }
        (CodeMeaning::RateLimited, _) => "too many requests: call less often",
        (CodeMeaning::Cooldown, _) => "this card was refreshed too recently",
        (CodeMeaning::Unavailable, _) => "the platform is temporarily unavailable: try again later",
        (CodeMeaning::Final, _) => "the same request would fail again",
        (CodeMeaning::Platform | CodeMeaning::Retry, _) => return None,
    })
}

fn waiting(retry_after: Option<Duration>) -> Option<String> {
    retry_after.filter(|wait| !wait.is_zero()).map(|wait| format!("wait {} s", wait.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eid::Eid;
    use proptest::prelude::*;
    use serde_json::Value;
    use std::time::SystemTime;

    fn raw(http_status: u16, body: Vec<u8>) -> HttpResponse {
        let epoch = SystemTime::UNIX_EPOCH;
        HttpResponse {
            http_status,
            headers: Default::default(),
            retry_after: None,
            times: crate::transport::Times { date: None, sent: epoch, received: epoch },
            body,
        }
    }

    /// Something similar to a reply: any bytes, or JSON whose parts are anything.
    fn body() -> impl Strategy<Value = Vec<u8>> {
        let part = prop_oneof![
            Just("null"),
            Just("200"),
            Just("\"200\""),
            Just("{}"),
            Just("[1]"),
            Just("1e999"),
            Just("\"")
        ];
        let like = (part.clone(), part.clone(), part).prop_map(|(code, message, data)| {
            format!("{{\"code\":{code},\"message\":{message},\"data\":{data}}}").into_bytes()
        });
        prop_oneof![like, proptest::collection::vec(any::<u8>(), 0..64)]
    }

    proptest! {
        #[test]
        fn classify_of_any_response_is_success_or_an_error_that_names_the_card(http_status in 200_u16..=599, body in body()) {
            let eid = Eid::parse("123").expect("digits");
            match classify(raw(http_status, body.clone()), Request::RefreshUsage(&eid), 1, &BTreeMap::new()) {
                Ok(reply) => prop_assert!((200..=299).contains(&http_status) && reply.eid() == "123"),
                Err(error) => prop_assert_eq!(error.eid(), Some("123")),
            }
        }
    }

    fn refusal(http_status: u16, body: &str, codes: &[(&str, CodeMeaning)]) -> Option<Error> {
        let codes = codes.iter().map(|(code, meaning)| ((*code).to_owned(), *meaning)).collect();
        let eid = Eid::parse("1").expect("digits");
        classify(raw(http_status, body.as_bytes().to_vec()), Request::RefreshUsage(&eid), 1, &codes).err()
    }

    fn coded(code: &str, message: &str) -> String {
        serde_json::json!({ "code": code, "message": message }).to_string()
    }

    #[test]
    fn classify_of_a_published_code_is_its_meaning_at_any_http_status() {
        let file: Value =
            serde_json::from_str(include_str!("../../../../tests/vectors/error_codes.json")).expect("JSON");
        for case in file["codes"].as_array().expect("a list") {
            let (code, zh) = (case["code"].as_str().expect("text"), case["zh"].as_str().expect("text"));
            let words = case["en"].as_str().expect("text").trim_end_matches('.');
            for http_status in [200, 302, 400, 401, 403, 404, 429, 500, 502, 503] {
                for message in [zh, &format!("{words}."), "something else"] {
                    let error = refusal(http_status, &coded(code, message), &[]).expect("a refusal");
                    assert_eq!(error.kind().name(), case["kind"], "HTTP {http_status}: {error}");
                    assert_eq!(error.is_final(), case["final"], "HTTP {http_status}: {error}");
                    assert_eq!(
                        (error.platform_code(), error.platform_message()),
                        (Some(code), Some(message))
                    );
                    let text = error.to_string();
                    assert_eq!(text.matches(words).count(), 1, "the published words, once: {text}");
                    assert!(text.contains(message), "{text}");
                }
            }
        }
    }

    #[test]
    fn classify_of_code_502_names_the_allow_list() {
        let error = refusal(200, &coded("502", "IP白名单错误"), &[]).expect("a refusal");
        assert!(error.to_string().contains("allow-list") && !error.is_final(), "{error}");
    }

    #[test]
    fn classify_of_an_unknown_code_is_not_final_and_says_how_to_teach_it() {
        let error = refusal(200, &coded("45109", "m"), &[]).expect("a refusal");
        assert_eq!((error.kind(), error.is_final()), (ErrorKind::Platform, false));
        let text = error.to_string();
        assert!(text.contains("code 45109: m") && text.contains("error_codes to \"45109=KIND\""), "{text}");
        for (http_status, kind) in
            [(401, ErrorKind::Auth), (429, ErrorKind::RateLimited), (503, ErrorKind::Http)]
        {
            assert_eq!(refusal(http_status, &coded("45109", "m"), &[]).map(|error| error.kind()), Some(kind));
        }
    }

    #[test]
    fn classify_of_an_own_code_takes_precedence() {
        let own = [
            ("45109", CodeMeaning::Cooldown),
            ("502", CodeMeaning::Unavailable),
            ("200", CodeMeaning::Auth),
            ("7", CodeMeaning::Final),
            ("8", CodeMeaning::Retry),
        ];
        let verdict_of = |http_status, code: &str| {
            refusal(http_status, &coded(code, "m"), &own).map(|error| (error.kind(), error.is_final()))
        };
        assert_eq!(verdict_of(200, "45109"), Some((ErrorKind::Cooldown, false)));
        assert_eq!(verdict_of(401, "45109"), Some((ErrorKind::Cooldown, false)), "at any HTTP status");
        assert_eq!(verdict_of(200, "502"), Some((ErrorKind::Unavailable, false)));
        assert_eq!(verdict_of(200, "7"), Some((ErrorKind::Platform, true)));
        assert_eq!(verdict_of(200, "8"), Some((ErrorKind::Platform, false)));
        assert_eq!(verdict_of(200, "200"), None, "success is success, whatever is configured");
        let error = refusal(200, &coded("502", "m"), &own).expect("a refusal");
        assert!(!error.to_string().contains("allow-list"), "{error}");
    }

    #[test]
    fn classify_agrees_with_every_reply_vector() {
        let file: Value =
            serde_json::from_str(include_str!("../../../../tests/vectors/replies.json")).expect("JSON");
        let eid = Eid::parse("11111111111111111111111111").expect("digits");
        for case in file["cases"].as_array().expect("a list") {
            let http_status = case["http_status"].as_u64().expect("a number") as u16;
            let raw = raw(http_status, case["body"].as_str().expect("a string").as_bytes().to_vec());
            let text = |field: &str| case[field].as_str();
            match classify(raw, Request::RefreshUsage(&eid), 1, &BTreeMap::new()) {
                Ok(reply) => {
                    assert_eq!(Some("ok"), text("kind"), "{case}");
                    assert_eq!(Some(reply.message()), text("message"), "{case}");
                    assert_eq!(reply.data_json(), text("data_json"), "{case}");
                }
                Err(error) => {
                    assert_eq!(Some(error.kind().name()), text("kind"), "{case}");
                    assert_eq!(error.platform_code(), text("code"), "{case}");
                    assert_eq!(error.platform_message(), text("message"), "{case}");
                    assert_eq!(error.delivered(), Delivered::Yes);
                    assert!(error.to_string().contains("EID 11111111111111111111111111: "), "{error}");
                }
            }
        }
    }
}
