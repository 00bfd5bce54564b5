//! Webhooks, as the platform sends them to its customers' servers: for testing those servers.

use crate::fields::Fields;
use crate::options::SignMethod;
use crate::signature::signature;
use serde_json::{Value, json};
use std::time::SystemTime;

/// Signs a webhook: the JSON object `payload` with `timestamp` and `nonce`, if they are missing, and `sign` as the
/// last field. The signature does not cover `appkey` (vendor SDK 1.0.1).
///
/// # Errors
/// If `payload` is not a JSON object, or has a `sign` already.
pub fn signed_webhook(payload: &str, secret: &str, method: SignMethod) -> Result<String, String> {
    signed_webhook_at(payload, secret, method, SystemTime::now())
}

/// Like [`signed_webhook`], at this time.
///
/// # Errors
/// As [`signed_webhook`].
pub fn signed_webhook_at(
    payload: &str,
    secret: &str,
    method: SignMethod,
    now: SystemTime,
) -> Result<String, String> {
    let unreadable = |why: serde_json::Error| format!("not a JSON object: {why}");
    let mut text = payload.trim().to_owned();
    let fields = Fields::read(text.as_bytes()).map_err(unreadable)?;
    if fields.get("sign").is_some() {
        return Err("it has a \"sign\" already".to_owned());
    }
    let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let nonce = 10_000 + now.subsec_nanos() % 90_000;
    for (name, value) in [("timestamp", json!(now.as_secs())), ("nonce", json!(nonce))] {
        if fields.get(name).is_none() {
            text = with_field(&text, name, &value);
        }
    }
    let fields = Fields::read(text.as_bytes()).map_err(unreadable)?;
    let sign = signature(fields.signed(&["appkey"]), secret, method);
    Ok(with_field(&text, "sign", &json!(sign)))
}

/// The text of an object with an additional field.
fn with_field(object: &str, name: &str, value: &Value) -> String {
    let before = object.trim_end().strip_suffix('}').unwrap_or(object);
    let comma = if before.trim_end().ends_with('{') { "" } else { "," };
    format!("{before}{comma}\"{name}\":{value}}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn webhook_is_kept_verbatim_and_signed_without_its_appkey() {
        let payload = r#"{"appkey": "k", "list": [1, 2], "nonce": 2, "timestamp": 1}"#;
        let signed = signed_webhook(payload, "secret", SignMethod::Sha1).expect("an object");
        let expected = signature(
            vec![("list", "[1,2]".to_owned()), ("nonce", "2".to_owned()), ("timestamp", "1".to_owned())],
            "secret",
            SignMethod::Sha1,
        );
        let (before, _) = payload.rsplit_once('}').expect("an object");
        assert_eq!(signed, format!("{before},\"sign\":\"{expected}\"}}"));
    }

    #[test]
    fn webhook_gets_missing_fields_and_is_refused_if_it_cannot_be_signed() {
        let signed: Value =
            serde_json::from_str(&signed_webhook("{}", "s", SignMethod::Md5).expect("an object"))
                .expect("JSON");
        assert!(
            signed["timestamp"].is_u64()
                && (10_000..=99_999).contains(&signed["nonce"].as_u64().expect("a number"))
        );
        assert_eq!(signed["sign"].as_str().map(str::len), Some(32));
        for payload in ["", "[]", r#"{"sign":"x"}"#] {
            assert!(signed_webhook(payload, "s", SignMethod::Sha1).is_err(), "{payload}");
        }
    }
}
