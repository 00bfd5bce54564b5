//! The platform's signature.
//!
//! From the vendor SDK 1.0.1, verified with its golden sample: take every parameter that is not empty and not `sign`,
//! sort by name in byte order, join as `name=value&name=value`, append `&secret=SECRET`, hash, format as upper-case
//! hex. Values are raw UTF-8, without URL encoding.

use super::credentials::Secret;
use crate::error::Error;
use md5::Md5;
use sha1::{Digest, Sha1};
use std::str::FromStr;

/// The hash function of the signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SignMethod {
    /// SHA-1, which the platform documents (vendor SDK 1.0.1).
    #[default]
    Sha1,
    /// MD5 over the same string, for gateways that require it.
    Md5,
}

impl SignMethod {
    /// The name that options take: `"sha1"` or `"md5"`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Md5 => "md5",
        }
    }
}

impl FromStr for SignMethod {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        match name {
            "sha1" => Ok(Self::Sha1),
            "md5" => Ok(Self::Md5),
            _ => Err(Error::config("sign_method", format!("must be \"sha1\" or \"md5\", not {name:?}"))),
        }
    }
}

/// Computes the platform's signature of flat parameters: upper-case hex, 40 characters for SHA-1 and 32 for MD5.
///
/// The order of `params` does not matter; empty values and a parameter named `sign` are skipped.
///
/// ```
/// use eiot::{Secret, SignMethod, sign};
/// let params = [("appkey", "000001"), ("eid", "11111111111111111111111111")];
/// let signature = sign(&params, &Secret::new("a1b1c1d1"), SignMethod::Sha1)?;
/// assert_eq!(signature.len(), 40);
/// # Ok::<(), eiot::Error>(())
/// ```
///
/// # Errors
/// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) if a name is empty or duplicate, or the secret is
/// empty.
pub fn sign(params: &[(&str, &str)], secret: &Secret, method: SignMethod) -> Result<String, Error> {
    if secret.expose().is_empty() {
        return Err(Error::invalid_argument("the secret is empty"));
    }
    Ok(sign_sorted(&signed_params(params)?, secret, method).as_str().to_owned())
}

/// The string to sign, with the secret masked. Compare it when the platform rejects a signature.
///
/// # Errors
/// As [`sign`].
pub fn string_to_sign(params: &[(&str, &str)]) -> Result<String, Error> {
    let mut text = String::new();
    for (name, value) in signed_params(params)? {
        text.push_str(name);
        text.push('=');
        text.push_str(value);
        text.push('&');
    }
    text.push_str("secret=[redacted]");
    Ok(text)
}

/// The parameters that are signed, in order.
fn signed_params<'a>(params: &[(&'a str, &'a str)]) -> Result<Vec<(&'a str, &'a str)>, Error> {
    let mut signed = params.to_vec();
    signed.sort_unstable();
    if signed.iter().any(|(name, _)| name.is_empty()) {
        return Err(Error::invalid_argument("a parameter name is empty"));
    }
    for (one, next) in signed.iter().zip(signed.iter().skip(1)) {
        if one.0 == next.0 {
            return Err(Error::invalid_argument(format!("duplicate parameter {:?}", one.0)));
        }
    }
    signed.retain(|(name, value)| !value.is_empty() && *name != "sign");
    Ok(signed)
}

/// Signs parameters that are sorted by name and not empty.
pub(crate) fn sign_sorted(params: &[(&str, &str)], secret: &Secret, method: SignMethod) -> Signature {
    let mut text = Vec::new();
    for (name, value) in params {
        for piece in [name, "=", value, "&"] {
            text.extend_from_slice(piece.as_bytes());
        }
    }
    text.extend_from_slice(b"secret=");
    Signature::of(&text, secret, method)
}

/// A signature in its wire format: upper-case hex, without an allocation.
pub(crate) struct Signature {
    hex: [u8; SHA1_HEX],
    length: usize,
}

const SHA1_HEX: usize = 40;

impl Signature {
    /// Hashes the joined parameters, up to and including the `secret=` before the secret.
    pub(crate) fn of(text: &[u8], secret: &Secret, method: SignMethod) -> Self {
        match method {
            SignMethod::Sha1 => Self::with::<Sha1>(text, secret),
            SignMethod::Md5 => Self::with::<Md5>(text, secret),
        }
    }

    /// The secret is hashed in place, without a copy, and the hash wipes its own state.
    fn with<D: Digest>(text: &[u8], secret: &Secret) -> Self {
        let hash = D::new().chain_update(text).chain_update(secret.expose()).finalize();
        let mut hex = [0; SHA1_HEX];
        // SHA-1 is the longest hash here.
        for (pair, byte) in hex.chunks_exact_mut(2).zip(&hash) {
            if let [high, low] = pair {
                (*high, *low) = (digit(byte >> 4), digit(byte & 15));
            }
        }
        Self { hex, length: 2 * hash.len() }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.hex.get(..self.length).unwrap_or_default()
    }

    pub(crate) fn as_str(&self) -> &str {
        // Hex digits are ASCII.
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

/// The digit of a number below 16.
fn digit(value: u8) -> u8 {
    if value < 10 { b'0' + value } else { b'A' - 10 + value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use proptest::prelude::*;
    use serde_json::Value;

    fn cases() -> Vec<Value> {
        let text = include_str!("../../../../tests/vectors/signing.json");
        let file: Value = serde_json::from_str(text).expect("the vector file is JSON");
        file["cases"].as_array().expect("a list").clone()
    }

    fn pairs(case: &Value) -> Vec<(&str, &str)> {
        let params = case["params"].as_object().expect("an object");
        params.iter().map(|(name, value)| (name.as_str(), value.as_str().expect("a string"))).collect()
    }

    #[test]
    fn signature_agrees_with_every_signing_vector() {
        for case in cases() {
            let secret = Secret::new(case["secret"].as_str().expect("a string"));
            assert_eq!(sign(&pairs(&case), &secret, SignMethod::Sha1).expect("flat"), case["sha1"], "{case}");
            assert_eq!(sign(&pairs(&case), &secret, SignMethod::Md5).expect("flat"), case["md5"], "{case}");
        }
    }

    #[test]
    fn string_to_sign_masks_the_secret() {
        for case in cases() {
            let secret = format!("secret={}", case["secret"].as_str().expect("a string"));
            let signed = case["string_to_sign"].as_str().expect("a string");
            let masked = signed.strip_suffix(&secret).expect("ends with the secret").to_owned();
            assert_eq!(string_to_sign(&pairs(&case)).expect("flat"), masked + "secret=[redacted]");
        }
    }

    #[test]
    fn signature_of_a_duplicate_name_is_an_error() {
        let error = string_to_sign(&[("a", "1"), ("b", "2"), ("a", "")]).expect_err("twice");
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(string_to_sign(&[("", "1")]).is_err());
    }

    proptest! {
        #[test]
        fn signature_does_not_depend_on_the_order_of_parameters(
            params in proptest::collection::btree_map("[a-zA-Z_]{1,8}", ".{0,12}", 0..8)
                .prop_map(|map| map.into_iter().collect::<Vec<(String, String)>>())
                .prop_flat_map(|list| (Just(list.clone()), Just(list).prop_shuffle())),
        ) {
            let secret = Secret::new("s");
            let as_pairs = |list: &[(String, String)]| -> Vec<(String, String)> { list.to_vec() };
            let (one, other) = (as_pairs(&params.0), as_pairs(&params.1));
            let one: Vec<_> = one.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            let other: Vec<_> = other.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            prop_assert_eq!(
                sign(&one, &secret, SignMethod::Sha1).expect("flat"),
                sign(&other, &secret, SignMethod::Sha1).expect("flat")
            );
        }

        #[test]
        fn signature_skips_empty_values(name in "[a-z]{1,8}", value in ".{1,12}") {
            let secret = Secret::new("s");
            let with = sign(&[(name.as_str(), value.as_str()), ("EMPTY", "")], &secret, SignMethod::Sha1);
            let without = sign(&[(name.as_str(), value.as_str())], &secret, SignMethod::Sha1);
            prop_assert_eq!(with.expect("flat"), without.expect("flat"));
        }
    }
}
