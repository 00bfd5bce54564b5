//! Escapes untrusted text to one line that is safe in a log and on a terminal.

use std::borrow::Cow;

/// The maximum length of untrusted text in a message; the rest is only counted.
const MAX_EXCERPT_CHARS: usize = 1_000;

/// Escapes text for a message or a log line: control characters, line breaks and characters that change the direction
/// or appearance of text become `\u{…}`.
///
/// ```
/// assert_eq!(eiot::escaped("成功"), "成功");
/// assert_eq!(eiot::escaped("a\nb\u{202e}c"), "a\\nb\\u{202e}c");
/// ```
pub fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        match is_unsafe(c) {
            true => line.extend(c.escape_default()),
            false => line.push(c),
        }
    }
    Cow::Owned(line)
}

/// Like [`escaped`], with long text truncated.
pub(crate) fn excerpt(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(MAX_EXCERPT_CHARS) {
        None => escaped(text),
        Some((end, _)) => {
            let (shown, rest) = text.split_at(end);
            Cow::Owned(format!("{}… ({} more characters)", escaped(shown), rest.chars().count()))
        }
    }
}

/// At most the first 256 bytes.
pub(crate) fn beginning(text: &str) -> &str {
    let end = (0..=text.len().min(256)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    text.get(..end).unwrap_or_default()
}

/// Whether a character could forge a line, control a terminal, or hide or reorder the text around it.
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            // Line and paragraph separators; the soft hyphen.
            '\u{2028}' | '\u{2029}' | '\u{ad}'
            // Direction marks, embeddings, overrides and isolates.
            | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            // Zero-width characters.
            | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2064}' | '\u{feff}'
            // Annotations, and invisible tags.
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escaped_text_preserves_safe_characters() {
        for text in ["", "IP白名单错误", "é\\ \"x\" 🙂", "a.b:c"] {
            assert_eq!(escaped(text), text);
        }
    }

    #[test]
    fn escaped_text_escapes_unsafe_characters() {
        assert_eq!(escaped("a\tb\r\nc\u{1b}[2J\u{9b}"), "a\\tb\\r\\nc\\u{1b}[2J\\u{9b}");
        assert_eq!(
            escaped("\u{202e}x\u{2066}\u{200b}\u{feff}\u{2028}"),
            "\\u{202e}x\\u{2066}\\u{200b}\\u{feff}\\u{2028}"
        );
    }

    #[test]
    fn excerpt_truncates_long_text() {
        let max = "界".repeat(MAX_EXCERPT_CHARS);
        assert_eq!(excerpt(&max), max);
        assert_eq!(excerpt(&format!("{max}\n234567")), format!("{max}… (7 more characters)"));
    }

    proptest! {
        #[test]
        fn escaped_text_is_one_safe_line(text in any::<String>()) {
            prop_assert!(!escaped(&text).contains(is_unsafe));
        }
    }
}
