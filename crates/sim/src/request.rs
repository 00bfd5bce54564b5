//! The fields of every request, checked as strictly as the owner's document describes them.

use crate::answer::{Answer, Refusal};
use crate::call::Call;
use crate::fields::Fields;
use crate::http::HttpRequest;
use crate::options::SignMethod;

/// A request with all fields, which have their types.
pub(crate) struct Request {
    pub(crate) appkey: String,
    pub(crate) timestamp: u64,
    pub(crate) nonce: u32,
    pub(crate) sign: String,
    /// Empty if the call does not concern one card.
    pub(crate) eid: String,
    pub(crate) fields: Fields,
}

impl Request {
    /// Parses a request, or returns what is wrong with it.
    pub(crate) fn read(http: &HttpRequest, call: Call, method: SignMethod) -> Result<Self, Answer> {
        let media_type = http.content_type.split(';').next().unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case("application/json") {
            return Err(Refusal::BadContentType.because("Content-Type must be application/json"));
        }
        let fields = Fields::read(&http.body)
            .map_err(|error| Refusal::BadJson.because(format!("the body is not a JSON object: {error}")))?;
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
            eid: match call.has_eid() {
                true => text(&fields, "eid", "must be text of 1 to 32 digits", |text| {
                    (1..=32).contains(&text.len()) && digits(text)
                })?,
                false => String::new(),
            },
            fields,
        };
        call.check(&request.fields)?;
        Ok(request)
    }
}

fn text(fields: &Fields, name: &str, rule: &str, valid: impl Fn(&str) -> bool) -> Result<String, Answer> {
    match (fields.get(name), fields.text(name)) {
        (_, Some(text)) if valid(&text) => Ok(text),
        (Some(_), _) => Err(Refusal::BadField.because(format!("{name} {rule}"))),
        (None, _) => Err(Refusal::BadField.because(format!("{name} is missing"))),
    }
}

fn integer(fields: &Fields, name: &str, least: u64, most: u64) -> Result<u64, Answer> {
    match fields.get(name).map(str::parse::<u64>) {
        Some(Ok(number)) if (least..=most).contains(&number) => Ok(number),
        Some(_) => {
            Err(Refusal::BadField.because(format!("{name} must be an integer from {least} to {most}")))
        }
        None => Err(Refusal::BadField.because(format!("{name} is missing"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn valid() -> Value {
        json!({"appkey": "k", "timestamp": 1_700_000_000, "nonce": 12345, "sign": "A".repeat(40), "eid": "1"})
    }

    fn read_call(call: Call, body: &str, content_type: &str) -> Result<Request, Answer> {
        let http = HttpRequest {
            method: "POST".to_owned(),
            path: String::new(),
            content_type: content_type.to_owned(),
            user_agent: String::new(),
            body: body.as_bytes().to_vec(),
            last: false,
        };
        Request::read(&http, call, SignMethod::Sha1)
    }

    fn read(body: &str, content_type: &str) -> Result<Request, Answer> {
        read_call(Call::RefreshUsage, body, content_type)
    }

    fn refusal(body: &str) -> (String, String) {
        let answer = read(body, "application/json").err().expect("refused");
        (answer.code, answer.message)
    }

    #[test]
    fn request_needs_every_field_with_its_type() {
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
    fn request_that_is_not_a_json_object_is_refused() {
        for body in ["", "x", "[]", "\"a\"", "{'eid': 1}"] {
            assert_eq!(refusal(body).0, "sim.bad-json", "{body}");
        }
        let answer = read(&valid().to_string(), "text/plain").err().expect("refused");
        assert_eq!(answer.code, "sim.bad-content-type");
    }

    #[test]
    fn request_needs_the_required_parameters_of_its_call() {
        let refused = |call, body: &Value| {
            read_call(call, &body.to_string(), "application/json").err().map(|answer| answer.message)
        };
        let mut body = valid();
        assert_eq!(refused(Call::Get, &body), None);
        assert_eq!(refused(Call::Purchase, &body).as_deref(), Some("outTradeNo is missing"));
        body["outTradeNo"] = json!("1");
        body["packageCode"] = json!("");
        assert_eq!(refused(Call::Purchase, &body).as_deref(), Some("packageCode is missing"));
        body["packageCode"] = json!("p");
        body["renew"] = json!({ "nested": [true] });
        assert_eq!(refused(Call::Purchase, &body), None);
        body.as_object_mut().expect("an object").remove("eid");
        assert_eq!(refused(Call::Purchase, &body).as_deref(), Some("eid is missing"));
        assert_eq!(refused(Call::List, &body).as_deref(), Some("pageNum is missing"));
        let mut body = valid();
        body.as_object_mut().expect("an object").remove("eid");
        for call in [Call::Balance, Call::CardNumbers, Call::OrderStatus, Call::Traffic] {
            assert_eq!(refused(call, &body), None, "{call:?}");
        }
        assert_eq!(refused(Call::Get, &body).as_deref(), Some("eid is missing"));
    }
}
