//! The EID, the identifier of a cloud eSIM card.

use crate::error::{Error, ErrorKind};
use std::fmt;
use std::ops::RangeInclusive;

/// The maximum number of digits of an EID (SGP.29).
const MAX_DIGITS: usize = 32;

/// Half of them.
const HALF_DIGITS: usize = MAX_DIGITS / 2;

/// With fewer significant digits, too many genuine EIDs would look as if they had been rounded.
const MIN_ROUNDED_DIGITS: usize = 28;

/// A double is printed with 15 to 17 significant digits, the last of which may be zeros. Numbers with fewer are more
/// likely made up, for a test.
const DOUBLE_DIGITS: RangeInclusive<usize> = 12..=17;

/// A card's EID: 1 to 32 decimal digits.
///
/// A GSMA EID has exactly 32 digits and a checksum (the number modulo 97 is 1, SGP.29); [`Eid::parse_strict`] requires
/// both. The platform's own example has 26 digits and no checksum, so [`Eid::parse`] does not.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Eid(String);

/// Which EIDs [`Eid::parse_as`] accepts; the default is that of [`Eid::parse`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EidRules {
    /// Accept only GSMA EIDs: 32 digits with a valid checksum.
    pub strict: bool,
    /// Accept EIDs that look as if a spreadsheet or a JSON number had rounded them.
    pub allow_rounded: bool,
}

impl Eid {
    /// Parses an EID: 1 to 32 ASCII digits, surrounded by optional ASCII whitespace, because fixed-width fields are
    /// padded.
    ///
    /// Refuses EIDs that a spreadsheet or a JSON number has rounded, whose last digits are lost: those of 28 or more
    /// digits, not counting leading zeros, that a double represents exactly, or that have 12 to 17 digits before trailing
    /// zeros. A genuine EID looks like this less often than once in 10^10.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidEid`], with a message that says what is wrong with the input.
    pub fn parse(input: impl AsRef<[u8]>) -> Result<Self, Error> {
        Self::parse_as(input, EidRules::default())
    }

    /// Parses an EID as [`Eid::parse`] does, and requires 32 digits with a valid GSMA checksum.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidEid`].
    pub fn parse_strict(input: impl AsRef<[u8]>) -> Result<Self, Error> {
        Self::parse_as(input, EidRules { strict: true, ..EidRules::default() })
    }

    /// Parses an EID as [`Eid::parse`] does, by these rules.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidEid`].
    pub fn parse_as(input: impl AsRef<[u8]>, rules: EidRules) -> Result<Self, Error> {
        let input = input.as_ref();
        let digits = input.trim_ascii();
        if let Some(fault) = fault_in(digits) {
            return Err(invalid(input, fault));
        }
        // Only ASCII digits are left.
        let eid = Self(String::from_utf8(digits.to_vec()).unwrap_or_default());
        let fault = match rules {
            EidRules { allow_rounded: false, .. } if eid.is_rounded() => ROUNDED.to_owned(),
            EidRules { strict: true, .. } if eid.0.len() != MAX_DIGITS => {
                format!("a GSMA EID has {MAX_DIGITS} digits, this one has {}", eid.0.len())
            }
            EidRules { strict: true, .. } if !eid.passes_check() => {
                "the GSMA checksum is wrong (the number modulo 97 must be 1); check for a mistyped digit"
                    .to_owned()
            }
            _ => return Ok(eid),
        };
        Err(invalid(input, fault))
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

    /// Whether a double has rounded it, so that its last digits are lost. Programs print a double of this size with all
    /// its digits, or with 15 to 17 digits and zeros.
    fn is_rounded(&self) -> bool {
        let digits = self.0.trim_start_matches('0');
        if digits.len() < MIN_ROUNDED_DIGITS {
            return false;
        }
        // In two halves, because arithmetic with 128 bits takes three times as long.
        let half =
            |digits: &str| digits.bytes().fold(0_u64, |half, digit| half * 10 + u64::from(digit - b'0'));
        let (high, low) = digits.split_at(digits.len() - HALF_DIGITS);
        let number = u128::from(half(high)) * 10_u128.pow(HALF_DIGITS as u32) + u128::from(half(low));
        let bits = u128::BITS - number.leading_zeros() - number.trailing_zeros();
        bits <= f64::MANTISSA_DIGITS || DOUBLE_DIGITS.contains(&digits.trim_end_matches('0').len())
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

/// What is wrong with a rounded EID.
const ROUNDED: &str = "a spreadsheet or a JSON number has rounded it, and its last digits are lost; read or export the \
                       column as text (allow_rounded_eid accepts it as it is)";

/// What is wrong with an EID such as `8.9E+31`.
const IN_SCIENTIFIC_NOTATION: &str = "a spreadsheet has turned it into a rounded number, and its digits are lost; format \
                                      the column as text and export it again";

/// Why `digits` (already trimmed) is not an EID, if it is not.
fn fault_in(digits: &[u8]) -> Option<String> {
    if digits.is_empty() {
        return Some("it is empty".to_owned());
    }
    if !digits.iter().all(u8::is_ascii_digit) {
        return Some(foreign(digits));
    }
    (digits.len() > MAX_DIGITS)
        .then(|| format!("it has {} digits, at most {MAX_DIGITS} are allowed", digits.len()))
}

/// What is in the input besides digits.
fn foreign(input: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(input) else { return "it is not valid UTF-8".to_owned() };
    match text.chars().find(|c| !c.is_ascii_digit()) {
        Some('\0') => "it contains a NUL byte".to_owned(),
        _ if is_spreadsheet_number(text) => IN_SCIENTIFIC_NOTATION.to_owned(),
        odd => format!("{:?} is not a digit", odd.unwrap_or_default()),
    }
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
    fn eid_that_a_double_has_rounded_is_rejected_unless_allowed() {
        let genuine = 89_044_011_112_233_441_122_334_411_223_321_u128;
        // As pandas, Java and Excel write the double.
        let (exact, shortest, excel) = (
            (genuine as f64 as u128).to_string(),
            "89044011112233440000000000000000",
            "89044011112233400000000000000000",
        );
        for rounded in [exact.as_str(), shortest, excel, "8904401111223344000000000000"] {
            let error = Eid::parse(rounded).expect_err("its digits are lost");
            assert_eq!((error.kind(), error.eid()), (ErrorKind::InvalidEid, Some(rounded)));
            let text = error.to_string();
            assert!(text.contains("last digits are lost") && text.contains("as text"), "{text}");
            assert!(
                Eid::parse_strict(rounded).expect_err("rounded").to_string().contains("rounded"),
                "{rounded}"
            );
            let allowed = EidRules { allow_rounded: true, ..EidRules::default() };
            assert_eq!(Eid::parse_as(rounded, allowed).expect("allowed").as_str(), rounded);
        }
    }

    #[test]
    fn eid_with_few_significant_digits_or_many_zeros_within_is_not_taken_for_rounded() {
        for genuine in [
            "10000000000000000000000000",
            "890440111122330000000000000",
            "00000000000000000000000000000000",
            "00000089044011112233000000000000",
            "89034011560010000000000000000121",
            "89000000000000000000000000000001",
            "89044011000000000000000000000000",
        ] {
            assert_eq!(Eid::parse(genuine).expect("not rounded").as_str(), genuine);
        }
    }

    proptest! {
        #[test]
        fn eid_that_went_through_a_double_is_always_rejected(number in 10_u128.pow(27)..10_u128.pow(32)) {
            let rounded = number as f64 as u128;
            // 10^32 itself has 33 digits.
            prop_assume!(rounded < 10_u128.pow(32));
            prop_assert!(Eid::parse(rounded.to_string()).is_err(), "{}", rounded);
            let shortest: u128 = format!("{:e}", number as f64).split_once('e').map_or(0, |(mantissa, exponent)| {
                let digits = mantissa.replace('.', "");
                let zeros = exponent.parse::<usize>().expect("a number") + 1 - digits.len();
                format!("{digits}{}", "0".repeat(zeros)).parse().expect("digits")
            });
            let significant = shortest.to_string().trim_end_matches('0').len();
            prop_assert!(Eid::parse(shortest.to_string()).is_err() || significant < 12, "{}", shortest);
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
