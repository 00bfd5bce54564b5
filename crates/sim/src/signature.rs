//! The platform's signature, implemented independently of the client.

use crate::options::SignMethod;
use md5::Md5;
use sha1::{Digest, Sha1};

/// Signs as the vendor's SDK 1.0.1 does: names in byte order, `name=value` joined by `&`, the secret last, upper-case
/// hex. `params` are in any order.
pub(crate) fn signature(mut params: Vec<(&str, String)>, secret: &str, method: SignMethod) -> String {
    params.sort();
    let mut text: Vec<String> = params.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    text.push(format!("secret={secret}"));
    let text = text.join("&");
    match method {
        SignMethod::Sha1 => hex::encode_upper(Sha1::digest(text)),
        SignMethod::Md5 => hex::encode_upper(Md5::digest(text)),
    }
}

/// Compares in constant time.
pub(crate) fn same(one: &str, other: &str) -> bool {
    let difference = one.bytes().zip(other.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b));
    one.len() == other.len() && difference == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn signature_agrees_with_every_vector() {
        let file: Value =
            serde_json::from_str(include_str!("../../../tests/vectors/signing.json")).expect("JSON");
        for case in file["cases"].as_array().expect("a list") {
            let params = || {
                let params = case["params"].as_object().expect("an object").iter();
                let all =
                    params.map(|(name, value)| (name.as_str(), value.as_str().expect("text").to_owned()));
                all.filter(|(name, value)| *name != "sign" && !value.is_empty()).collect()
            };
            let secret = case["secret"].as_str().expect("text");
            assert_eq!(signature(params(), secret, SignMethod::Sha1), case["sha1"], "{case}");
            assert_eq!(signature(params(), secret, SignMethod::Md5), case["md5"], "{case}");
        }
    }

    #[test]
    fn signature_comparison_accepts_only_equal_text() {
        assert!(same("ABC", "ABC"));
        assert!(!same("ABC", "ABD") && !same("ABC", "AB") && !same("", "A"));
    }
}
