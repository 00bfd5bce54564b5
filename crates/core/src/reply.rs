//! What the platform answered, and what that means.

use crate::error::{Delivered, Error, ErrorKind};
use crate::request::Request;
use crate::skew::Sighting;
use crate::wire::Envelope;
use hyper::header::HeaderValue;
use std::collections::BTreeMap;
use std::time::Duration;

/// The only code that means success (seed document).
const SUCCESS: &str = "200";

/// The platform has accepted the call.
///
/// A refresh *starts* one synchronisation of the card's usage with the carrier (vendor documentation of the twin call);
/// the new figures may become visible a little later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    eid: String,
    message: String,
    data_json: Option<String>,
    attempts: u32,
    delivered: Delivered,
}

impl Reply {
    /// The EID that was refreshed, without the white space it may have come with; of another call its `eid` parameter, and
    /// empty where there is none.
    pub fn eid(&self) -> &str {
        &self.eid
    }

    /// The platform's code for success, `"200"`: every other one is an [`Error`].
    pub fn code(&self) -> &'static str {
        SUCCESS
    }

    /// The platform's message, exactly as it came. Its wording varies: show it, never compare it.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The reply's `data` as JSON text, exactly as it came; it is optional, and of a refresh its fields are not
    /// documented.
    pub fn data_json(&self) -> Option<&str> {
        self.data_json.as_deref()
    }

    /// How many requests it took.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Whether the platform got the request: here always [`Delivered::Yes`].
    pub fn delivered(&self) -> Delivered {
        self.delivered
    }
}

/// An HTTP reply that has come whole.
pub(crate) struct RawReply {
    pub(crate) http_status: u16,
    pub(crate) content_type: Option<HeaderValue>,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) sighting: Sighting,
    pub(crate) body: Vec<u8>,
}

/// The one table from HTTP status and platform code to meaning.
///
/// Only `"200"` is documented; refusals may come as HTTP 200 with another code or as an HTTP error, with or without
/// the platform's envelope. So 401, 403, 429 and 5xx mean what they usually mean, `codes` says what is known of others,
/// and every other code is passed on as it is.
pub(crate) fn verdict(
    raw: RawReply,
    request: Request<'_>,
    attempts: u32,
    codes: &BTreeMap<String, ErrorKind>,
) -> Result<Reply, Error> {
    let RawReply { http_status, content_type, retry_after, sighting: _, body } = raw;
    let meaning = |code: &str| codes.get(code).copied().unwrap_or(ErrorKind::Platform);
    let (code, message, data) = match Envelope::read(&body) {
        Some(envelope) => (Some(envelope.code.into_text()), envelope.message, envelope.data),
        None => (None, None, None),
    };
    let said = match (&code, &message) {
        (Some(code), Some(message)) => format!("code {code}: {message}"),
        (Some(code), None) => format!("code {code}, without a message"),
        (None, _) => format!("HTTP {http_status}"),
    };
    let (kind, text) = match (http_status, code.as_deref()) {
        (200..=299, Some(SUCCESS)) => {
            return Ok(Reply {
                eid: request.eid().unwrap_or_default().to_owned(),
                message: message.unwrap_or_default(),
                data_json: data.map(|data| data.get().to_owned()),
                attempts,
                delivered: Delivered::Yes,
            });
        }
        (200..=299, None) => (
            ErrorKind::Protocol,
            format!(
                "the reply is not the platform's JSON (content type {:?}, {} bytes); is base_url right, \
                 or does something on the way answer in the platform's place?",
                content_type.as_ref().and_then(|value| value.to_str().ok()).unwrap_or_default(),
                body.len()
            ),
        ),
        (300..=399, _) => (
            ErrorKind::Protocol,
            format!(
                "HTTP {http_status} redirects elsewhere, and a signed request is not sent on; is base_url right?"
            ),
        ),
        (401 | 403, _) => (
            ErrorKind::Auth,
            format!(
                "the platform does not let this caller in ({said}); check appkey and secret, and that this machine's \
                 public address is on the allow-list in the console"
            ),
        ),
        (429, _) => (
            ErrorKind::RateLimited,
            match retry_after {
                Some(wait) => format!("too many requests ({said}); wait {} s", wait.as_secs()),
                None => format!("too many requests ({said}); call less often"),
            },
        ),
        (200..=499, Some(code)) if code != SUCCESS => match meaning(code) {
            ErrorKind::Platform => (ErrorKind::Platform, format!("the platform refused with {said}")),
            kind => (kind, format!("the platform refused with {said}: {}", kind.description())),
        },
        _ => (ErrorKind::Http, format!("unexpected HTTP status {http_status} ({said})")),
    };
    Err(Error::new(kind, text)
        .with_subject(request.special_path(), request.eid())
        .with_platform(code, message)
        .with_http_status(http_status)
        .with_attempts(attempts)
        .with_retry_after(retry_after)
        .with_delivered(Delivered::Yes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eid::Eid;
    use proptest::prelude::*;
    use serde_json::Value;
    use std::time::SystemTime;

    fn raw(http_status: u16, body: Vec<u8>) -> RawReply {
        let epoch = SystemTime::UNIX_EPOCH;
        RawReply {
            http_status,
            content_type: None,
            retry_after: None,
            sighting: Sighting { date: None, sent: epoch, received: epoch },
            body,
        }
    }

    /// Something like a reply: any bytes, or JSON whose parts are anything.
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
        fn whatever_comes_is_a_success_or_an_error_that_names_the_card(http_status in 200_u16..=599, body in body()) {
            let eid = Eid::parse("123").expect("digits");
            match verdict(raw(http_status, body.clone()), Request::RefreshUsage(&eid), 1, &BTreeMap::new()) {
                Ok(reply) => prop_assert!((200..=299).contains(&http_status) && reply.eid() == "123"),
                Err(error) => prop_assert_eq!(error.eid(), Some("123")),
            }
        }
    }

    #[test]
    fn a_code_means_what_the_configuration_says() {
        let known = [("45109", ErrorKind::Cooldown), ("200", ErrorKind::Auth), ("1", ErrorKind::RateLimited)];
        let codes = known.map(|(code, kind)| (code.to_owned(), kind)).into();
        let kind_of = |http_status, code: &str| {
            let raw = raw(http_status, format!(r#"{{"code":{code:?},"message":"m"}}"#).into_bytes());
            let eid = Eid::parse("1").expect("digits");
            verdict(raw, Request::RefreshUsage(&eid), 1, &codes).map(drop).map_err(|error| error.kind())
        };
        assert_eq!(kind_of(200, "45109"), Err(ErrorKind::Cooldown));
        assert_eq!(kind_of(400, "1"), Err(ErrorKind::RateLimited));
        assert_eq!(kind_of(200, "45110"), Err(ErrorKind::Platform));
        assert_eq!(kind_of(200, "200"), Ok(()), "success is success, whatever is configured");
        assert_eq!(kind_of(401, "45109"), Err(ErrorKind::Auth), "HTTP 401 means what it always means");
    }

    #[test]
    fn every_reply_vector_gets_its_verdict() {
        let file: Value =
            serde_json::from_str(include_str!("../../../tests/vectors/replies.json")).expect("JSON");
        let eid = Eid::parse("11111111111111111111111111").expect("digits");
        for case in file["cases"].as_array().expect("a list") {
            let http_status = case["http_status"].as_u64().expect("a number") as u16;
            let raw = raw(http_status, case["body"].as_str().expect("a string").as_bytes().to_vec());
            let text = |field: &str| case[field].as_str();
            match verdict(raw, Request::RefreshUsage(&eid), 1, &BTreeMap::new()) {
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
