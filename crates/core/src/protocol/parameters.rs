//! The parameters of a call or a webhook: a JSON object, whose values are sent exactly as they are signed.
//!
//! From the vendor SDK 1.0.1: `null`, `""` and `[]` are not signed; `true` and `false` are signed as 1 and 0; objects
//! and arrays as compact JSON with unescaped Unicode and slashes, and nested names in their original order. Numbers are
//! signed verbatim, because no other form is documented. Whether the platform agrees on booleans and nested values is
//! not known.

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// The maximum depth: the platform uses no deeper nesting, and untrusted input must not exhaust the stack.
const MAX_DEPTH: usize = 64;

/// The members of a JSON object, in their original order.
pub(crate) struct Parameters(Vec<Parameter>);

/// A member.
pub(crate) struct Parameter {
    pub(crate) name: String,
    /// The value on the wire: JSON without whitespace.
    pub(crate) json: String,
    /// The value in the string to sign; empty if it is not signed.
    pub(crate) signed: String,
}

impl Parameters {
    /// Parses a JSON object, or returns what is wrong with it.
    pub(crate) fn read(json: &str) -> Result<Self, String> {
        let Object(members) =
            serde_json::from_str(json).map_err(|why| format!("not a JSON object: {why}"))?;
        let parameters = members.into_iter().map(|(name, value)| Parameter::read(name, value.get()));
        Ok(Self(parameters.collect::<Result<_, _>>()?))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Parameter> {
        self.0.iter()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Parameter> {
        self.iter().find(|parameter| parameter.name == name)
    }
}

impl Parameter {
    fn read(name: String, value: &str) -> Result<Self, String> {
        let mut json = String::with_capacity(value.len());
        compact(value, MAX_DEPTH, &mut json).map_err(|why| format!("{why} in parameter {name:?}"))?;
        let signed = match value {
            "null" => String::new(),
            "true" => "1".to_owned(),
            "false" => "0".to_owned(),
            _ if value.starts_with('"') => text(value)?,
            _ if json == "[]" => String::new(),
            _ => json.clone(),
        };
        Ok(Self { name, json, signed })
    }
}

/// Writes JSON without whitespace and with minimal escapes; numbers stay verbatim.
fn compact(json: &str, max_depth: usize, out: &mut String) -> Result<(), String> {
    let deeper = || max_depth.checked_sub(1).ok_or(format!("nested deeper than {MAX_DEPTH}"));
    let unreadable = |why: serde_json::Error| format!("not JSON: {why}");
    match json.as_bytes().first() {
        Some(b'{') => {
            let Object(members) = serde_json::from_str(json).map_err(unreadable)?;
            out.push('{');
            for (index, (name, value)) in members.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                quote(name, out)?;
                out.push(':');
                compact(value.get(), deeper()?, out)?;
            }
            out.push('}');
        }
        Some(b'[') => {
            let values: Vec<&RawValue> = serde_json::from_str(json).map_err(unreadable)?;
            out.push('[');
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                compact(value.get(), deeper()?, out)?;
            }
            out.push(']');
        }
        Some(b'"') => quote(&text(json)?, out)?,
        _ => out.push_str(json),
    }
    Ok(())
}

/// The content of a JSON string.
fn text(json: &str) -> Result<String, String> {
    serde_json::from_str(json).map_err(|why| format!("not a JSON string: {why}"))
}

/// Writes text as a JSON string.
pub(crate) fn quote(text: &str, out: &mut String) -> Result<(), String> {
    out.push_str(&serde_json::to_string(text).map_err(|why| why.to_string())?);
    Ok(())
}

/// A JSON object, verbatim; a duplicate name is an error, because parsers differ on which one counts.
struct Object<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut names = std::collections::HashSet::new();
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    if !names.insert(name.clone()) {
                        return Err(serde::de::Error::custom(format!("duplicate parameter {name:?}")));
                    }
                    members.push((name, value));
                }
                Ok(members)
            }
        }

        deserializer.deserialize_map(Members).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(value: &str) -> Parameter {
        let parameters = Parameters::read(&format!(r#" {{ "p" : {value} }} "#)).expect("an object");
        parameters.0.into_iter().next().expect("one")
    }

    #[test]
    fn parameters_are_signed_by_the_vendors_rules_and_sent_verbatim() {
        for (value, signed, json) in [
            (r#""text""#, "text", r#""text""#),
            (r#""""#, "", r#""""#),
            ("null", "", "null"),
            ("[ ]", "", "[]"),
            ("0", "0", "0"),
            (r#""0""#, "0", r#""0""#),
            ("true", "1", "true"),
            ("false", "0", "false"),
            ("-12", "-12", "-12"),
            ("1.50", "1.50", "1.50"),
            (
                "123456789012345678901234567890",
                "123456789012345678901234567890",
                "123456789012345678901234567890",
            ),
            (r#""\u4f60\u597d a\/b \"q\"""#, "你好 a/b \"q\"", "\"你好 a/b \\\"q\\\"\""),
            (
                r#"{ "b" : [ 1, true, null, "x\/y" ], "a" : { } }"#,
                r#"{"b":[1,true,null,"x/y"],"a":{}}"#,
                r#"{"b":[1,true,null,"x/y"],"a":{}}"#,
            ),
            (r#"[{"名":"\u503c"}]"#, r#"[{"名":"值"}]"#, r#"[{"名":"值"}]"#),
        ] {
            let parameter = one(value);
            assert_eq!((parameter.signed.as_str(), parameter.json.as_str()), (signed, json), "{value}");
        }
    }

    #[test]
    fn parameters_must_be_an_object_with_unique_names() {
        for json in [
            "",
            "[]",
            "1",
            "{",
            r#"{"a":}"#,
            r#"{"a":1,"a":2}"#,
            r#"{"a":{"b":1,"b":2}}"#,
            r#"{"a":"\ud800"}"#,
        ] {
            assert!(Parameters::read(json).is_err(), "{json}");
        }
        let deep = |depth: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
        assert!(Parameters::read(&deep(MAX_DEPTH)).is_ok());
        assert!(Parameters::read(&deep(100_000)).is_err());
    }

    proptest! {
        #[test]
        fn parameters_are_sent_with_their_meaning(value in any_json()) {
            let given = serde_json::to_string_pretty(&value).expect("JSON");
            let sent: serde_json::Value = serde_json::from_str(&one(&given).json).expect("JSON");
            prop_assert_eq!(sent, value);
        }
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<String>().prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                proptest::collection::hash_map(any::<String>(), inner, 0..4)
                    .prop_map(|members| members.into_iter().collect::<serde_json::Map<_, _>>().into()),
            ]
        })
    }
}
