//! The envelope of every reply: code, message, data.
//!
//! Only the code decides what a reply means. So it is preserved even if the rest is malformed: a message that is not a
//! string, an encoding other than UTF-8, or truncated characters.

use serde::Deserialize;
use serde_json::value::RawValue;

/// The structure of every reply of the platform.
pub(crate) struct Envelope {
    /// `"200"` is success. A string here, an integer on a sibling page of the vendor's: both are read as text.
    pub(crate) code: String,
    /// The message about success or failure, in any wording and language. Anything but a string is kept as JSON.
    pub(crate) message: Option<String>,
    /// An object without documented fields, as JSON.
    pub(crate) data: Option<String>,
}

/// The values as JSON: a value that is decoded here would have to be decoded twice, once per possible type.
#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow)]
    code: &'a RawValue,
    #[serde(borrow, default)]
    message: Option<&'a RawValue>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

impl Envelope {
    /// Parses a reply; `None` if it is anything else.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        // Some servers put a byte order mark before their JSON.
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        // A derived deserializer would also accept the fields as an array, `["200"]`.
        if !body.trim_ascii_start().starts_with(b"{") {
            return None;
        }
        match std::str::from_utf8(body) {
            Ok(body) => Self::parse(body),
            Err(_) => Self::parse(&String::from_utf8_lossy(body))
                .or_else(|| Self::parse(&without_double_bytes(body))),
        }
    }

    fn parse(body: &str) -> Option<Self> {
        let fields: Fields<'_> = serde_json::from_str(body).ok()?;
        let code = fields.code.get();
        let code = match unescaped(code) {
            Some(code) => code.to_owned(),
            None if code.starts_with('"') => serde_json::from_str(code).ok()?,
            None => code.parse::<i64>().ok()?.to_string(),
        };
        Some(Self {
            code,
            message: fields.message.map(|message| text(message.get())),
            data: fields.data.map(|data| data.get().to_owned()),
        })
    }
}

/// The content of a JSON string without escapes, which most are: it need not be decoded.
fn unescaped(json: &str) -> Option<&str> {
    json.strip_prefix('"')?.strip_suffix('"').filter(|text| !text.contains('\\'))
}

/// A JSON value as text: a string becomes its content.
fn text(json: &str) -> String {
    if !json.starts_with('"') {
        return json.to_owned();
    }
    if let Some(text) = unescaped(json) {
        return text.to_owned();
    }
    serde_json::from_str(json)
        .or_else(|_| serde_json::from_str(&without_half_characters(json)))
        .unwrap_or_else(|_| json.to_owned())
}

/// A JSON string, in which an escaped lone surrogate becomes the replacement character.
fn without_half_characters(json: &str) -> String {
    const PREFIX: &str = "\\u";
    let unit = |text: &str| {
        let digits = text.strip_prefix(PREFIX)?.get(..4)?;
        u16::from_str_radix(digits, 16).ok()
    };
    let mut whole = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(place) = rest.find('\\') {
        let (before, escape) = rest.split_at(place);
        whole.push_str(before);
        let is_pair = matches!(unit(escape), Some(0xd800..=0xdbff))
            && matches!(escape.get(6..).and_then(unit), Some(0xdc00..=0xdfff));
        let length = match unit(escape) {
            Some(_) if is_pair => 12,
            Some(_) => 6,
            // Any character can be escaped.
            None => 1 + escape.chars().nth(1).map_or(0, char::len_utf8),
        };
        let (escape, after) = escape.split_at_checked(length).unwrap_or((escape, ""));
        let is_half = !is_pair && matches!(unit(escape), Some(0xd800..=0xdfff));
        whole.push_str(if is_half { "\\ufffd" } else { escape });
        rest = after;
    }
    whole.push_str(rest);
    whole
}

/// Text in an encoding such as GBK, whose second bytes may look like ASCII (a backslash, above all), with a replacement
/// character per pair of bytes.
fn without_double_bytes(body: &[u8]) -> String {
    let mut text = String::with_capacity(body.len());
    let mut bytes = body.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte.is_ascii() {
            text.push(char::from(byte));
        } else {
            bytes.next();
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(body: &[u8]) -> Option<(String, Option<String>)> {
        Envelope::read(body).map(|envelope| (envelope.code, envelope.message))
    }

    fn message(body: &[u8]) -> String {
        read(body).expect("a reply").1.expect("a message")
    }

    #[test]
    fn envelope_keeps_the_code_whatever_the_message_is() {
        for (json, text) in [
            ("5", "5"),
            ("true", "true"),
            (r#"{"zh":"失败"}"#, r#"{"zh":"失败"}"#),
            (r#"["a", "b"]"#, r#"["a", "b"]"#),
            (r#""a\ud83d""#, "a\u{fffd}"),
            (r#""\ude00b\n\\ud83d""#, "\u{fffd}b\n\\ud83d"),
            (r#""\ud83d\ude00""#, "😀"),
        ] {
            let body = format!(r#"{{"code":"501","message":{json}}}"#);
            assert_eq!(read(body.as_bytes()), Some(("501".to_owned(), Some(text.to_owned()))), "{json}");
        }
        assert_eq!(read(br#"{"code":"501","message":null}"#), Some(("501".to_owned(), None)));
        assert_eq!(read(br#"{"code":501}"#), Some(("501".to_owned(), None)));
    }

    #[test]
    fn envelope_keeps_the_code_if_the_message_has_another_encoding() {
        // "失败" in GBK.
        let failed = message(b"{\"code\":\"501\",\"message\":\"\xca\xa7\xb0\xdc\"}");
        assert!(failed.chars().all(|c| c == char::REPLACEMENT_CHARACTER || !c.is_ascii()), "{failed}");
        // A character whose second byte is a backslash, before the closing quote: 0x95 0x5C.
        assert_eq!(message(b"{\"code\":\"501\",\"message\":\"a\x95\x5c\"}"), "a\u{fffd}");
    }

    #[test]
    fn envelope_keeps_the_code_after_a_byte_order_mark() {
        assert_eq!(message("\u{feff}{\"code\":\"200\",\"message\":\"success\"}".as_bytes()), "success");
    }

    #[test]
    fn envelope_of_anything_else_is_none() {
        for body in ["", "[\"200\"]", "{}", "{\"code\":null}", "{\"code\":\"200\"", "\u{feff}", "<html>"] {
            assert!(read(body.as_bytes()).is_none(), "{body}");
        }
    }

    proptest! {
        #[test]
        fn envelope_repairs_escapes_of_lone_surrogates(units in proptest::collection::vec(any::<u16>(), 0..8)) {
            let escapes: String = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
            let repaired = without_half_characters(&format!("\"{escapes}\""));
            let read: String = serde_json::from_str(&repaired).expect("repaired");
            prop_assert_eq!(read, String::from_utf16_lossy(&units));
        }
    }
}
