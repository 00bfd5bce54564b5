//! Verifies webhooks, which the platform sends to its customers' servers.

use super::parameters::Parameters;
use crate::error::{Error, ErrorKind};
use crate::signing::{Secret, SignMethod, sign_sorted};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use subtle::ConstantTimeEq;

/// The parameters of a webhook that are not signed (vendor SDK 1.0.1, with their other spellings).
const UNSIGNED: [&str; 5] = ["sign", "SIGN", "appkey", "appKey", "app_key"];

/// Verifies the signature of a webhook: it was signed with the secret and not modified. The signature
/// is compared in constant time.
///
/// `payload` is the body of the webhook's HTTP request, JSON text, verbatim. `appkey` and `sign` are not signed (vendor
/// SDK 1.0.1), so do not rely on the payload's `appkey`. With `max_age`, a webhook whose `timestamp` is further away
/// from this machine's clock is rejected, which prevents replays of old ones.
///
/// ```
/// use eiot::{Secret, SignMethod, verify_webhook};
/// let payload = r#"{"foo":"bar","nonce":2,"timestamp":1,"sign":"1A09EF5B8CBA46D5F0CC4C8D3C1B9B1F9F8A2E55"}"#;
/// let error = verify_webhook(payload, &Secret::new("secret"), SignMethod::Sha1, None).unwrap_err();
/// assert_eq!(error.kind(), eiot::ErrorKind::InvalidSignature);
/// ```
///
/// # Errors
/// [`ErrorKind::InvalidSignature`], which says why; [`ErrorKind::InvalidArgument`] if the secret is empty.
pub fn verify_webhook(
    payload: impl AsRef<[u8]>,
    secret: &Secret,
    method: SignMethod,
    max_age: Option<Duration>,
) -> Result<(), Error> {
    verify_at(payload.as_ref(), secret, method, max_age, crate::system::wall_clock())
}

fn verify_at(
    payload: &[u8],
    secret: &Secret,
    method: SignMethod,
    max_age: Option<Duration>,
    now: SystemTime,
) -> Result<(), Error> {
    if secret.expose().is_empty() {
        return Err(Error::invalid_argument("the secret is empty"));
    }
    let payload = std::str::from_utf8(payload).map_err(|_| invalid_signature("it is not valid UTF-8"))?;
    let parameters = Parameters::read(payload).map_err(|why| invalid_signature(format!("it is {why}")))?;
    let given = parameters.get("sign").filter(|sign| sign.json.starts_with('"'));
    let given = given.ok_or_else(|| invalid_signature("it has no signature (\"sign\")"))?;

    let mut signed: Vec<(&str, &str)> = parameters
        .iter()
        .filter(|parameter| !UNSIGNED.contains(&parameter.name.as_str()) && !parameter.signed.is_empty())
        .map(|parameter| (parameter.name.as_str(), parameter.signed.as_str()))
        .collect();
    signed.sort_unstable();
    let expected = sign_sorted(&signed, secret, method);
    if !bool::from(expected.as_bytes().ct_eq(given.signed.as_bytes())) {
        return Err(invalid_signature(
            "its signature does not match; check that the secret is this account's and that the payload is passed on verbatim",
        ));
    }
    match max_age {
        Some(max_age) => check_age(&parameters, max_age, now),
        None => Ok(()),
    }
}

fn check_age(parameters: &Parameters, max_age: Duration, now: SystemTime) -> Result<(), Error> {
    let timestamp = parameters.get("timestamp").and_then(|timestamp| timestamp.signed.parse::<u64>().ok());
    let timestamp = timestamp
        .ok_or_else(|| invalid_signature("it has no \"timestamp\" in seconds, so its age is unknown"))?;
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    if Duration::from_secs(now.abs_diff(timestamp)) <= max_age {
        return Ok(());
    }
    let (seconds, side) =
        (now.abs_diff(timestamp), if timestamp < now { "old" } else { "ahead of this clock" });
    Err(invalid_signature(format!(
        "it is signed, but {seconds} s {side}, more than the {} s allowed",
        max_age.as_secs_f64()
    )))
}

fn invalid_signature(why: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::InvalidSignature, format!("invalid webhook: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "secret";

    /// Signs with `sign`, which the shared vectors verify against independent implementations: SHA-1 of
    /// `foo=bar&nonce=2&timestamp=1000&secret=secret` and so on.
    fn payload(fields: &str, signed: &[(&str, &str)]) -> String {
        let sign = crate::sign(signed, &Secret::new(SECRET), SignMethod::Sha1).expect("flat");
        format!(r#"{{{fields},"sign":"{sign}"}}"#)
    }

    fn at(payload: &str, max_age: Option<u64>, now: u64) -> Result<(), String> {
        let now = UNIX_EPOCH + Duration::from_secs(now);
        let max_age = max_age.map(Duration::from_secs);
        verify_at(payload.as_bytes(), &Secret::new(SECRET), SignMethod::Sha1, max_age, now)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn webhook_signature_covers_everything_but_the_appkey() {
        let genuine = payload(
            r#""appkey":"any","foo":"bar","list":[1, 2],"timestamp":1000,"none":null"#,
            &[("foo", "bar"), ("list", "[1,2]"), ("timestamp", "1000")],
        );
        assert_eq!(at(&genuine, None, 0), Ok(()));
        for (from, to) in
            [("bar", "baz"), ("[1, 2]", "[1,3]"), ("1000", "1001"), ("null", "1"), ("\"foo\"", "\"fop\"")]
        {
            assert!(at(&genuine.replacen(from, to, 1), None, 0).is_err(), "{from} → {to}");
        }
        let lower = genuine.to_lowercase();
        assert!(at(&lower, None, 0).is_err(), "signatures are upper-case");
    }

    #[test]
    fn webhook_vectors_are_genuine_and_altered_ones_are_not() {
        let file: serde_json::Value =
            serde_json::from_str(include_str!("../../../../tests/vectors/webhooks.json")).expect("JSON");
        for case in file["cases"].as_array().expect("a list") {
            let text = |field: &str| case[field].as_str().expect("text");
            let method: SignMethod = text("method").parse().expect("a method");
            let secret = Secret::new(text("secret"));
            let payload = text("payload").as_bytes();
            assert!(verify_webhook(payload, &secret, method, None).is_ok(), "{case}");
            assert!(verify_webhook(payload, &Secret::new("other"), method, None).is_err());
            for position in 0..payload.len() {
                let mut altered = payload.to_vec();
                altered[position] ^= 1;
                if verify_webhook(&altered, &secret, method, None).is_ok() {
                    // Whitespace, the appkey, or the name of an empty value.
                    assert_eq!(meaning(&altered), meaning(payload), "{case}: byte {position}");
                }
            }
        }
    }

    /// The string to sign, and the signature.
    fn meaning(payload: &[u8]) -> serde_json::Value {
        let mut payload: serde_json::Value = serde_json::from_slice(payload).expect("JSON");
        let fields = payload.as_object_mut().expect("an object");
        fields.remove("appkey");
        fields.retain(|_, value| {
            !(value.is_null() || *value == "" || value.as_array().is_some_and(Vec::is_empty))
        });
        payload
    }

    #[test]
    fn webhook_is_valid_until_max_age() {
        let genuine = payload(r#""timestamp":1000"#, &[("timestamp", "1000")]);
        assert_eq!(at(&genuine, Some(300), 1300), Ok(()));
        assert_eq!(at(&genuine, Some(300), 700), Ok(()));
        for (now, says) in [(1301, "301 s old"), (699, "301 s ahead")] {
            let said = at(&genuine, Some(300), now).expect_err("too far away");
            assert!(said.contains(says), "{said}");
        }
        let undated = payload(r#""foo":"bar""#, &[("foo", "bar")]);
        assert_eq!(at(&undated, None, 0), Ok(()));
        assert!(at(&undated, Some(300), 1000).expect_err("no date").contains("timestamp"));
    }

    #[test]
    fn webhook_that_cannot_be_verified_is_rejected() {
        for payload in [
            "",
            "[]",
            "null",
            "{}",
            r#"{"a":1}"#,
            r#"{"sign":1}"#,
            r#"{"sign":""}"#,
            r#"{"sign":"x","sign":"y"}"#,
        ] {
            assert!(at(payload, None, 0).is_err(), "{payload}");
        }
        let error = verify_webhook(b"\xff", &Secret::new("s"), SignMethod::Sha1, None).expect_err("bytes");
        assert_eq!(error.kind(), ErrorKind::InvalidSignature);
        let error = verify_webhook("{}", &Secret::new(""), SignMethod::Sha1, None).expect_err("no secret");
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    }
}
