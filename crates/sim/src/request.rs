//! The request's fields, checked as strictly as the owner's document describes them.

use crate::answer::{Answer, Refusal};
use crate::http::HttpRequest;
use crate::options::SignMethod;
use serde_json::{Map, Value};

/// A request whose five fields are there and have their types.
pub(crate) struct Request {
    pub(crate) appkey: String,
    pub(crate) timestamp: u64,
    pub(crate) nonce: u32,
    pub(crate) sign: String,
    pub(crate) eid: String,
    fields: Map<String, Value>,
}

impl Request {
    /// Reads a request, or says what is wrong with it.
    pub(crate) fn read(http: &HttpRequest, method: SignMethod) -> Result<Self, Answer> {
        let media_type = http.content_type.split(';').next().unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case("application/json") {
            return Err(Refusal::BadContentType.because("Content-Type must be application/json"));
        }
        let fields = match serde_json::from_slice(&http.body) {
            Ok(Value::Object(fields)) => fields,
            Ok(_) => return Err(Refusal::BadJson.because("the body is JSON, but not an object")),
            Err(error) => return Err(Refusal::BadJson.because(format!("the body is not JSON: {error}"))),
        };
        let sign_length = match method {
            SignMethod::Sha1 => 40,
            SignMethod::Md5 => 32,
        };
        let upper_hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let request = Self {
            appkey: text(&fields, "appkey", "must be text and not empty", |text| !text.is_empty())?,
            timestamp: integer(&fields, "timestamp", 1_000_000_000, 9_999_999_999)?,
            nonce: integer(&fields, "nonce", 10_000, 99_999)? as u32,
            sign: text(&fields, "sign", &format!("must be {sign_length} upper-case hex digits"), |text| {
                text.len() == sign_length && upper_hex(text)
            })?,
            eid: text(&fields, "eid", "must be text of 1 to 32 digits", |text| {
                (1..=32).contains(&text.len()) && digits(text)
            })?,
            fields,
        };
        if let Some((name, _)) =
            request.fields.iter().find(|(_, value)| value.is_array() || value.is_object())
        {
            return Err(Refusal::BadField.because(format!("{name} must not be nested")));
        }
        Ok(request)
    }

    /// What takes part in the signature: all flat fields but `sign`; nothing that is null or empty; booleans as 1
    /// and 0 (vendor SDK 1.0.1).
    pub(crate) fn signed_params(&self) -> Vec<(&str, String)> {
        let texts = self.fields.iter().filter(|(name, _)| *name != "sign").map(|(name, value)| {
            let text = match value {
                Value::Null => String::new(),
                Value::Bool(true) => "1".to_owned(),
                Value::Bool(false) => "0".to_owned(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            (name.as_str(), text)
        });
        texts.filter(|(_, text)| !text.is_empty()).collect()
    }
}

fn text(
    fields: &Map<String, Value>,
    name: &str,
    rule: &str,
    valid: impl Fn(&str) -> bool,
) -> Result<String, Answer> {
    match fields.get(name) {
        Some(Value::String(text)) if valid(text) => Ok(text.clone()),
        Some(_) => Err(Refusal::BadField.because(format!("{name} {rule}"))),
        None => Err(Refusal::BadField.because(format!("{name} is missing"))),
    }
}

fn integer(fields: &Map<String, Value>, name: &str, least: u64, most: u64) -> Result<u64, Answer> {
    match fields.get(name).map(Value::as_u64) {
        Some(Some(number)) if (least..=most).contains(&number) => Ok(number),
        Some(_) => {
            Err(Refusal::BadField.because(format!("{name} must be an integer from {least} to {most}")))
        }
        None => Err(Refusal::BadField.because(format!("{name} is missing"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn valid() -> Value {
        json!({"appkey": "k", "timestamp": 1_700_000_000, "nonce": 12345, "sign": "A".repeat(40), "eid": "1"})
    }

    fn read(body: &str, content_type: &str) -> Result<Request, Answer> {
        let http = HttpRequest {
            method: "POST".to_owned(),
            path: String::new(),
            content_type: content_type.to_owned(),
            user_agent: String::new(),
            body: body.as_bytes().to_vec(),
            last: false,
        };
        Request::read(&http, SignMethod::Sha1)
    }

    fn refusal(body: &str) -> (String, String) {
        let answer = read(body, "application/json").err().expect("refused");
        (answer.code, answer.message)
    }

    #[test]
    fn each_field_must_be_there_and_have_its_type() {
        assert!(read(&valid().to_string(), "application/json;charset=utf-8").is_ok());
        let wrong = [
            ("appkey", json!("")),
            ("appkey", json!(1)),
            ("timestamp", json!("1700000000")),
            ("timestamp", json!(1_700_000_000_000_u64)),
            ("timestamp", json!(1.7e9)),
            ("nonce", json!(9999)),
            ("nonce", json!(100_000)),
            ("nonce", json!("12345")),
            ("sign", json!("a".repeat(40))),
            ("sign", json!("A".repeat(32))),
            ("eid", json!(11)),
            ("eid", json!("")),
            ("eid", json!("1".repeat(33))),
            ("eid", json!("8.9E+31")),
        ];
        for (name, value) in wrong {
            let mut body = valid();
            body[name] = value;
            let (code, message) = refusal(&body.to_string());
            assert!(code == "sim.bad-field" && message.starts_with(name), "{body}: {message}");
            body.as_object_mut().expect("an object").remove(name);
            assert_eq!(refusal(&body.to_string()).1, format!("{name} is missing"));
        }
    }

    #[test]
    fn what_is_no_json_object_is_refused() {
        for body in ["", "x", "[]", "\"a\"", "{'eid': 1}"] {
            assert_eq!(refusal(body).0, "sim.bad-json", "{body}");
        }
        let answer = read(&valid().to_string(), "text/plain").err().expect("refused");
        assert_eq!(answer.code, "sim.bad-content-type");
    }

    #[test]
    fn further_flat_fields_take_part_in_the_signature_and_nested_ones_are_refused() {
        let mut body = valid();
        body["flag"] = json!(true);
        body["nothing"] = json!(null);
        let Ok(request) = read(&body.to_string(), "application/json") else { panic!("valid") };
        let params = request.signed_params();
        assert!(
            params.contains(&("flag", "1".to_owned())) && params.iter().all(|(name, _)| *name != "nothing")
        );
        body["list"] = json!([1]);
        assert_eq!(refusal(&body.to_string()).0, "sim.bad-field");
    }
}
