//! Properties that must hold for any input. `fuzz/` calls these functions with generated inputs, and the tests below
//! with every input that is checked in there. Compiled for fuzzing and for tests only.
#![allow(clippy::panic, clippy::expect_used, missing_docs)]

use crate::config::Config;
use crate::eid::Eid;
use crate::error::{CodeMeaning, Delivered, ErrorKind};
use crate::escape::excerpt;
use crate::protocol::{Call, Parameters, Request, classify, signed_call_body, verify_webhook};
use crate::signing::{ClockSample, ClockSkew, Credentials, Secret, SignMethod};
use crate::transport::{HttpResponse, endpoint, retry_after};
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A day, which is the maximum plausible clock skew, and the rounding of `Date`.
const MAX_SKEW: Duration = Duration::from_secs(24 * 60 * 60 + 1);

/// Removes a number from the front; missing bytes are zero.
fn number(data: &mut &[u8], bytes: usize) -> u64 {
    let (front, rest) = data.split_at(bytes.min(data.len()));
    *data = rest;
    front.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// A reply: two bytes of HTTP status, the rest is the body.
pub fn reply(mut data: &[u8]) {
    let http_status = 200 + (number(&mut data, 2) % 400) as u16;
    let times = crate::transport::Times { date: None, sent: UNIX_EPOCH, received: UNIX_EPOCH };
    let raw = HttpResponse {
        http_status,
        headers: Default::default(),
        retry_after: None,
        times,
        body: data.to_vec(),
    };
    let eid = Eid::parse("89044011112233441122334411223321").expect("an EID");
    let codes = BTreeMap::from([("7".to_owned(), CodeMeaning::Cooldown)]);
    match classify(raw, Request::RefreshUsage(&eid), 1, &codes) {
        Ok(reply) => {
            assert!((200..=299).contains(&http_status));
            // If a reader of all fields can parse it, it must agree.
            if let Ok(body) = serde_json::from_slice::<Value>(data) {
                let code = body.get("code").expect("a success has a code");
                assert!(code == "200" || *code == 200, "{code} is no success");
                assert_eq!(reply.message(), body.get("message").and_then(Value::as_str).unwrap_or_default());
            }
        }
        Err(error) => {
            assert_eq!(error.eid(), Some(eid.as_str()));
            assert_eq!((error.http_status(), error.delivered()), (Some(http_status), Delivered::Yes));
            if let Some(message) = error.platform_message().filter(|_| error.kind() != ErrorKind::Protocol) {
                assert!(error.to_string().contains(&*excerpt(message)), "the platform's words pass through");
                assert!(!error.to_string().contains(crate::is_unsafe), "in one safe line");
            }
        }
    }
}

/// A JSON object: the parameters of a call, or a webhook.
pub fn parameters(data: &[u8]) {
    let secret = Secret::new("canary-hunter2");
    let error = verify_webhook(data, &secret, SignMethod::Sha1, None).expect_err("the secret is unknown");
    assert_eq!(error.kind(), ErrorKind::InvalidSignature);
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(parameters) = Parameters::read(text) else { return };
    for parameter in parameters.iter() {
        // The body is JSON that is equal to the input, and text is signed verbatim.
        let sent: Box<RawValue> = serde_json::from_str(&parameter.json).expect("JSON");
        if let Ok(text) = serde_json::from_str::<String>(sent.get()) {
            assert_eq!(text, parameter.signed);
        }
        assert_eq!(parameter.signed.is_empty(), ["null", "\"\"", "[]"].contains(&sent.get()));
        // Compact already: formatting it again changes nothing.
        let again = Parameters::read(&format!("{{\"p\":{}}}", parameter.json)).expect("JSON");
        assert!(again.iter().all(|again| again.json == parameter.json && again.signed == parameter.signed));
    }
    // The reference parser reserves this name.
    let own = "$serde_json::private::RawValue";
    if parameters.iter().any(|parameter| parameter.name == own || parameter.json.contains(own)) {
        return;
    }
    if let (Ok(given), Ok(call)) = (serde_json::from_str::<Value>(text), Call::from_json("/a", text)) {
        let credentials = Credentials { appkey: "k".to_owned(), secret };
        let body = signed_call_body(&credentials, call.parameters(), 1_700_000_000, 49_890, SignMethod::Sha1);
        let mut sent: Value = serde_json::from_slice(&body.expect("signed").json).expect("JSON");
        let fields = sent.as_object_mut().expect("an object");
        fields.retain(|name, _| !["appkey", "timestamp", "nonce", "sign"].contains(&name.as_str()));
        assert_eq!(sent, given);
    }
}

/// A `Retry-After` header: eight bytes of time, the rest is the value.
pub fn retry_after(mut data: &[u8]) {
    let now = UNIX_EPOCH + Duration::from_secs(number(&mut data, 8) >> 24);
    let Ok(value) = std::str::from_utf8(data) else { return };
    if let Some(wait) = retry_after::parse(value, now) {
        // HTTP dates end in the year 9999, which bounds every wait.
        assert!(wait <= Duration::from_secs(300_000_000_000), "{value:?} is {wait:?}");
        assert!(now.checked_add(wait).is_some());
    }
}

/// A `Date` header: eight bytes of local time, four of round trip in milliseconds, the rest is the value.
pub fn date(mut data: &[u8]) {
    let sent = UNIX_EPOCH + Duration::from_secs(number(&mut data, 8) >> 24);
    let received = sent + Duration::from_millis(number(&mut data, 4));
    let Ok(value) = std::str::from_utf8(data) else { return };
    let date = httpdate::parse_http_date(value).ok();
    let skew = ClockSkew::default();
    let news = skew.update(ClockSample { date, sent, received });
    let corrected = skew.correct(sent);
    let moved =
        |from: SystemTime, to: SystemTime| to.duration_since(from).unwrap_or_else(|behind| behind.duration());
    assert!(moved(sent, corrected) <= MAX_SKEW, "{value:?}");
    assert_eq!(news, corrected != sent, "{value:?}");
    if let Some(date) = date.filter(|_| news) {
        assert!(moved(date, corrected) <= Duration::from_secs(3), "{value:?}");
    }
}

/// An EID.
pub fn eid(data: &[u8]) {
    let strict = Eid::parse_strict(data);
    match Eid::parse(data) {
        Ok(eid) => {
            let digits = eid.as_str();
            assert!((1..=32).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()));
            assert_eq!(digits.as_bytes(), data.trim_ascii());
            if let Ok(strict) = strict {
                assert_eq!((strict.as_str(), digits.len()), (digits, 32));
            }
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::InvalidEid);
            assert!(strict.is_err(), "strict takes what is otherwise refused");
            assert!(error.to_string().chars().count() < 1000, "a short text, whatever comes in");
        }
    }
}

/// An environment: lines of `NAME=value`. The secret and the proxy's password contain a marker that must not appear
/// anywhere.
pub fn environment(data: &[u8]) {
    const MARK: &str = "7d4e8a2f-never-shown";
    let variables: Vec<(String, Vec<u8>)> = data
        .split(|byte| *byte == b'\n')
        .filter_map(|line| {
            let mut parts = line.splitn(2, |byte| *byte == b'=');
            let (name, value) = (String::from_utf8_lossy(parts.next()?).into_owned(), parts.next()?.to_vec());
            let marked = match name.as_str() {
                "EIOT_SECRET" => [&value[..], MARK.as_bytes()].concat(),
                "EIOT_PROXY" => [&b"http://user:"[..], MARK.as_bytes(), b"@", &value].concat(),
                // Fuzzers open no files.
                "EIOT_SECRET_FILE" | "EIOT_CA_FILE" => return None,
                _ => value,
            };
            Some((name, marked))
        })
        .collect();
    let lookup = |name: &str| {
        let found = variables.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| os_string(value))
    };
    let mut config = Config::default();
    let shown = match config.read_variables(lookup, &[]) {
        Ok(()) => {
            let checked = config.check().and_then(|()| {
                config.credentials()?;
                endpoint(&config.base_url, config.allow_http)
            });
            if let Err(error) = &checked {
                assert_eq!(error.kind(), ErrorKind::Config);
                assert!(Config::OPTIONS.iter().any(|name| error.to_string().contains(name)), "{error}");
            }
            format!("{config:?} {checked:?}")
        }
        Err(error) => {
            assert!(error.to_string().starts_with("EIOT_"), "{error} does not name the variable");
            format!("{error} {error:?}")
        }
    };
    assert!(!shown.contains(MARK), "{shown}");
}

#[cfg(unix)]
fn os_string(bytes: &[u8]) -> std::ffi::OsString {
    std::os::unix::ffi::OsStringExt::from_vec(bytes.to_vec())
}

#[cfg(not(unix))]
fn os_string(bytes: &[u8]) -> std::ffi::OsString {
    String::from_utf8_lossy(bytes).into_owned().into()
}

#[cfg(test)]
#[path = "corpus.rs"]
mod corpus;

#[cfg(test)]
mod tests {
    use super::corpus;

    macro_rules! replay {
        ($fuzzer:ident) => {
            corpus::replay(include_str!(concat!("../corpus/", stringify!($fuzzer), ".txt")), super::$fuzzer)
        };
    }

    #[test]
    fn corpus_of_replies_is_parsed_or_rejected() {
        replay!(reply);
    }

    #[test]
    fn corpus_of_objects_is_sent_as_signed_or_rejected() {
        replay!(parameters);
    }

    #[test]
    fn corpus_of_retry_after_is_a_wait_or_none() {
        replay!(retry_after);
    }

    #[test]
    fn corpus_of_dates_corrects_the_clock_by_at_most_a_day() {
        replay!(date);
    }

    #[test]
    fn corpus_of_eids_is_digits_or_rejected() {
        replay!(eid);
    }

    #[test]
    fn corpus_of_environments_is_a_configuration_or_a_named_error_without_secrets() {
        replay!(environment);
    }
}
