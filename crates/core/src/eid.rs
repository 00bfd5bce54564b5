//! The EID, the identifier of a cloud eSIM card.

use crate::error::{Error, ErrorKind};
use std::fmt;

/// The maximum number of digits of an EID (SGP.29).
const MAX_DIGITS: usize = 32;

/// A card's EID: 1 to 32 decimal digits.
///
/// A GSMA EID has exactly 32 digits and a checksum (the number modulo 97 is 1, SGP.29); [`Eid::parse_strict`] requires
/// both. The platform's own example has 26 digits and no checksum, so [`Eid::parse`] does not.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Eid(String);

impl Eid {
    /// Parses an EID: 1 to 32 ASCII digits, surrounded by optional ASCII whitespace, because fixed-width fields are
    /// padded.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidEid`], with a message that says what is wrong with the input.
    pub fn parse(input: impl AsRef<[u8]>) -> Result<Self, Error> {
        let input = input.as_ref();
        let digits = input.trim_ascii();
        if let Some(fault) = fault_in(digits) {
            return Err(invalid(input, fault));
        }
        // Only ASCII digits are left, so this is lossless.
        Ok(Self(String::from_utf8_lossy(digits).into_owned()))
    }

    /// Parses an EID as [`Eid::parse`] does, and requires 32 digits with a valid GSMA checksum.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidEid`].
    pub fn parse_strict(input: impl AsRef<[u8]>) -> Result<Self, Error> {
        let eid = Self::parse(&input)?;
        if eid.0.len() != MAX_DIGITS {
            let fault = format!("a GSMA EID has {MAX_DIGITS} digits, this one has {}", eid.0.len());
            return Err(invalid(input.as_ref(), fault));
        }
        if !eid.passes_check() {
            let fault =
                "the GSMA checksum is wrong (the number modulo 97 must be 1); check for a mistyped digit";
            return Err(invalid(input.as_ref(), fault.to_owned()));
        }
        Ok(eid)
    }

    /// Reads an EID as [`Eid::parse_strict`] does if `strict`, otherwise as [`Eid::parse`] does.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidEid`].
    pub fn parse_as(input: impl AsRef<[u8]>, strict: bool) -> Result<Self, Error> {
        if strict { Self::parse_strict(input) } else { Self::parse(input) }
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The digits as an integer, prefixed with a 1 to preserve leading zeros: equal only for equal EIDs, and small
    /// enough to keep for every card of a file.
    pub fn to_number(&self) -> u128 {
        self.0.bytes().fold(1, |number, digit| number * 10 + u128::from(digit - b'0'))
    }

    fn passes_check(&self) -> bool {
        self.0.bytes().fold(0, |rest, digit| (rest * 10 + u32::from(digit - b'0')) % 97) == 1
    }
}

impl fmt::Display for Eid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why `digits` (already trimmed) is not an EID, if it is not.
fn fault_in(digits: &[u8]) -> Option<String> {
    if digits.is_empty() {
        return Some("it is empty".to_owned());
    }
    let text = match std::str::from_utf8(digits) {
        Ok(text) => text,
        Err(_) => return Some("it is not valid UTF-8".to_owned()),
    };
    if let Some(odd) = text.chars().find(|c| !c.is_ascii_digit()) {
        return Some(match odd {
            '\0' => "it contains a NUL byte".to_owned(),
            _ if is_spreadsheet_number(text) => {
                "a spreadsheet has turned it into a rounded number, and its digits are lost; \
                 format the column as text and export it again"
                    .to_owned()
            }
            _ => format!("{odd:?} is not a digit"),
        });
    }
    (digits.len() > MAX_DIGITS)
        .then(|| format!("it has {} digits, at most {MAX_DIGITS} are allowed", digits.len()))
}

/// Whether the text looks like `8.9E+31`, in any locale.
fn is_spreadsheet_number(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else { return false };
    let digits_and = |text: &str, also: &[char]| {
        text.contains(|c: char| c.is_ascii_digit())
            && text.chars().all(|c| c.is_ascii_digit() || also.contains(&c))
    };
    digits_and(mantissa, &['.', ',']) && digits_and(exponent.trim_start_matches(['+', '-']), &[])
}

impl Error {
    /// The error of an EID that is invalid for a reason that its text does not show, such as where it comes from.
    pub fn invalid_eid(eid: &str, why: impl fmt::Display) -> Self {
        invalid(eid.as_bytes(), why.to_string())
    }
}

fn invalid(input: &[u8], fault: String) -> Error {
    Error::new(ErrorKind::InvalidEid, format!("invalid EID: {fault}")).with_eid(shown(input))
}

/// The input as shown in messages: quoted unless it is plain digits, and truncated.
fn shown(input: &[u8]) -> String {
    const MAX_SHOWN_CHARS: usize = 48;
    let text = String::from_utf8_lossy(input);
    if !text.is_empty() && text.len() <= MAX_SHOWN_CHARS && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.into_owned();
    }
    let mut head = text.chars();
    let start: String = head.by_ref().take(MAX_SHOWN_CHARS).collect();
    let ellipsis = if head.next().is_some() { "…" } else { "" };
    format!("{start:?}{ellipsis}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    proptest! {
        #[test]
        fn eid_of_any_bytes_is_digits_or_a_short_error(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            match Eid::parse(&bytes) {
                Ok(eid) => prop_assert!(eid.as_str().bytes().all(|byte| byte.is_ascii_digit())),
                Err(error) => prop_assert!(error.to_string().chars().count() < 600),
            }
        }
    }

    fn vectors() -> Value {
        let text = include_str!("../../../tests/vectors/eids.json");
        serde_json::from_str(text).expect("the vector file is JSON")
    }

    #[test]
    fn eid_of_every_valid_vector_is_accepted_and_trimmed() {
        for case in vectors()["valid"].as_array().expect("a list") {
            let eid = case["eid"].as_str().expect("a string");
            let expected = case["trimmed"].as_str().unwrap_or(eid);
            assert_eq!(Eid::parse(eid).expect("valid").as_str(), expected);
            assert_eq!(Eid::parse_strict(eid).is_ok(), case["strict"] == true, "{eid:?}, strict");
        }
    }

    #[test]
    fn eid_of_every_invalid_vector_is_rejected_with_a_reason() {
        for case in vectors()["invalid"].as_array().expect("a list") {
            let eid = case["eid"].as_str().expect("a string");
            let error = Eid::parse(eid).expect_err(eid);
            assert_eq!(error.kind(), ErrorKind::InvalidEid);
            let says = case["says"].as_str().expect("a string");
            assert!(error.to_string().contains(says), "{error} does not say {says:?}");
        }
    }

    #[test]
    fn eid_that_is_not_utf8_is_rejected() {
        let error = Eid::parse(b"8904\xff\xfe").expect_err("not UTF-8");
        assert!(error.to_string().contains("not valid UTF-8"), "{error}");
    }

    #[test]
    fn eid_error_truncates_a_long_input() {
        let error = Eid::parse("x".repeat(10_000)).expect_err("too long");
        assert!(error.to_string().len() < 200);
    }
}
