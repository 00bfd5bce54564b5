//! The platform's error codes, as far as they are published.

use crate::error::CodeMeaning;
use std::collections::BTreeMap;

/// A published code.
pub(crate) struct PublishedCode {
    pub(crate) code: &'static str,
    pub(crate) meaning: CodeMeaning,
    /// The platform's own English words, without the full stop.
    pub(crate) words: &'static str,
}

const fn row(code: &'static str, meaning: CodeMeaning, words: &'static str) -> PublishedCode {
    PublishedCode { code, meaning, words }
}

/// The published codes, other than `"200"` (vendor error-code page, as read on 2026-11-26; that copy ends after 41029).
///
/// The words are the vendor's; their meaning for a call is our interpretation. Whether 501 concerns the account's rate
/// or the five minutes between two refreshes of a card is not published. The page names 410xx codes for parameters that
/// a refresh does not have: they belong to other calls of the same API.
const PUBLISHED: [PublishedCode; 25] = [
    row("403", CodeMeaning::Auth, "You don't have permission to access"),
    row("500", CodeMeaning::Unavailable, "Operation failed, try again later"),
    row("501", CodeMeaning::RateLimited, "Too many requests"),
    row("502", CodeMeaning::Auth, "IP whitelist error"),
    row("41001", CodeMeaning::Final, "Invalid iccids parameter"),
    row("41002", CodeMeaning::Final, "Invalid iccid format"),
    row("41003", CodeMeaning::Final, "Iccid is empty or format is wrong"),
    row("41004", CodeMeaning::Final, "Invalid startDate parameter"),
    row("41005", CodeMeaning::Final, "Invalid endDate parameter"),
    row("41006", CodeMeaning::Final, "Invalid date parameter"),
    row("41007", CodeMeaning::Final, "Batch card numbers exceed limit"),
    row("41008", CodeMeaning::Final, "Card number doesn't match operator"),
    row("41009", CodeMeaning::Final, "Invalid startYearMonth parameter"),
    row("41010", CodeMeaning::Final, "Invalid endYearMonth parameter"),
    row("41011", CodeMeaning::Final, "Phone number is empty"),
    row("41012", CodeMeaning::Final, "Code is empty"),
    row("41013", CodeMeaning::Final, "Imsi is empty or format is wrong"),
    row("41014", CodeMeaning::Final, "Network param is empty or wrong"),
    row("41015", CodeMeaning::Final, "Imei is empty or format is wrong"),
    row("41018", CodeMeaning::Final, "Invalid package code for order"),
    row("41028", CodeMeaning::Final, "Card has no such package"),
    row("41029", CodeMeaning::Final, "Invalid package activation type param"),
    row("41040", CodeMeaning::Final, "Email is empty or format is wrong"),
    row("41041", CodeMeaning::Final, "Url is empty or format is wrong"),
    row("41050", CodeMeaning::Final, "Package product attributes don't match card"),
];

/// What is known about a code.
pub(crate) struct KnownCode {
    pub(crate) meaning: CodeMeaning,
    /// The published words, if there are any.
    pub(crate) words: Option<&'static str>,
}

/// Looks up a code: in the caller's own table first, then in the published one.
pub(crate) fn look_up(code: &str, own: &BTreeMap<String, CodeMeaning>) -> Option<KnownCode> {
    let published = PUBLISHED.iter().find(|published| published.code == code);
    let meaning = own.get(code).copied().or(published.map(|published| published.meaning))?;
    Some(KnownCode { meaning, words: published.map(|published| published.words) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn published_codes_are_those_of_the_vectors() {
        let file: Value =
            serde_json::from_str(include_str!("../../../../tests/vectors/error_codes.json")).expect("JSON");
        let listed = file["codes"].as_array().expect("a list");
        assert_eq!(listed.len(), PUBLISHED.len());
        for (listed, published) in listed.iter().zip(&PUBLISHED) {
            assert_eq!(listed["code"], published.code);
            assert_eq!(listed["kind"], published.meaning.kind().name(), "{listed}");
            assert_eq!(listed["final"], published.meaning == CodeMeaning::Final, "{listed}");
            assert_eq!(listed["en"], format!("{}.", published.words), "{listed}");
        }
    }

    #[test]
    fn published_codes_are_documented_with_their_kind() {
        let documentation = include_str!("../../../../docs/errors.md");
        for PublishedCode { code, meaning, words } in &PUBLISHED {
            let row =
                documentation.lines().find(|line| line.starts_with(&format!("| {code} |"))).expect(code);
            let kind = format!(
                "`{}`{}",
                meaning.kind().name(),
                if *meaning == CodeMeaning::Final { ", final" } else { "" }
            );
            assert!(row.contains(&format!("| {kind} |")) && row.contains(words), "{row}");
        }
    }

    #[test]
    fn error_codes_option_takes_precedence_over_the_published_table() {
        let own =
            BTreeMap::from([("502".to_owned(), CodeMeaning::Retry), ("7".to_owned(), CodeMeaning::Final)]);
        let meaning = |code: &str| look_up(code, &own).map(|known| known.meaning);
        assert_eq!(meaning("502"), Some(CodeMeaning::Retry));
        assert_eq!(meaning("7"), Some(CodeMeaning::Final));
        assert_eq!(meaning("501"), Some(CodeMeaning::RateLimited));
        assert_eq!(meaning("41016"), None, "the page does not have it");
    }

    #[test]
    fn code_meaning_is_found_by_its_name() {
        for meaning in CodeMeaning::ALL {
            assert_eq!(CodeMeaning::from_name(meaning.name()), Some(meaning));
        }
        assert_eq!(CodeMeaning::from_name("timeout"), None);
    }
}
