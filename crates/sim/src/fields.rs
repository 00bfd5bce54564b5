//! A JSON object verbatim: names in their order, values as they are written.

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// The fields of a request or a webhook.
pub(crate) struct Fields(Vec<(String, Box<RawValue>)>);

impl Fields {
    /// Reads an object; a duplicate name is refused, because parsers disagree on which one counts.
    pub(crate) fn read(json: &[u8]) -> Result<Self, serde_json::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields: Vec<(String, Box<RawValue>)> = Vec::new();
                while let Some((name, value)) = map.next_entry()? {
                    if fields.iter().any(|(before, _)| *before == name) {
                        return Err(serde::de::Error::custom(format!("duplicate name {name}")));
                    }
                    fields.push((name, value));
                }
                Ok(Fields(fields))
            }
        }

        let mut reader = serde_json::Deserializer::from_slice(json);
        let fields = reader.deserialize_map(Members)?;
        reader.end()?;
        Ok(fields)
    }

    /// The value, verbatim.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.get())
    }

    /// The value, if it is a string.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.get(name).and_then(|value| serde_json::from_str(value).ok())
    }

    /// The parameters that are signed, by the vendor's rules (SDK 1.0.1): null and empty values are not; booleans are
    /// signed as 1 and 0; objects and arrays as compact JSON; everything else verbatim.
    pub(crate) fn signed(&self, left_out: &[&str]) -> Vec<(&str, String)> {
        let fields = self.0.iter().filter(|(name, _)| !left_out.contains(&name.as_str()));
        let texts = fields.map(|(name, value)| (name.as_str(), signed_text(value.get())));
        texts.filter(|(_, text)| !text.is_empty()).collect()
    }
}

fn signed_text(value: &str) -> String {
    match value {
        "null" => String::new(),
        "true" => "1".to_owned(),
        "false" => "0".to_owned(),
        _ => match serde_json::from_str::<String>(value) {
            Ok(text) => text,
            Err(_) => Some(compact(value)).filter(|text| text != "[]").unwrap_or_default(),
        },
    }
}

/// Valid JSON without whitespace between tokens, and its strings without unnecessary escapes.
fn compact(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(start) = rest.find('"') {
        let (before, string) = rest.split_at(start);
        out.extend(before.chars().filter(|c| !c.is_ascii_whitespace()));
        let (string, after) = string.split_at(end_of_string(string));
        let text: String = serde_json::from_str(string).unwrap_or_default();
        out.push_str(&serde_json::Value::from(text).to_string());
        rest = after;
    }
    out.extend(rest.chars().filter(|c| !c.is_ascii_whitespace()));
    out
}

/// The length of the JSON string at the start of this text.
fn end_of_string(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !escaped => return at + 1,
            _ => escaped = c == '\\' && !escaped,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_signed_by_the_vendors_rules() {
        let json = r#" {"text":"a\/b \u4f60","none":null,"empty":"","nothing":[ ],"yes":true,"no":false,"zero":0,
            "price":1.50,"big":123456789012345678901234567890,"nested":{ "b" : ["x \"y\" \\", 1], "a": {} },"sign":"S"}"#;
        let fields = Fields::read(json.as_bytes()).expect("an object");
        let expected = [
            ("text", "a/b 你"),
            ("yes", "1"),
            ("no", "0"),
            ("zero", "0"),
            ("price", "1.50"),
            ("big", "123456789012345678901234567890"),
            ("nested", r#"{"b":["x \"y\" \\",1],"a":{}}"#),
        ];
        assert_eq!(fields.signed(&["sign"]), expected.map(|(name, text)| (name, text.to_owned())));
    }

    #[test]
    fn fields_that_are_not_an_object_or_have_duplicate_names_are_refused() {
        for json in ["", "[]", "null", "{", "{} {}", r#"{"a":1,"a":1}"#] {
            assert!(Fields::read(json.as_bytes()).is_err(), "{json}");
        }
    }
}
