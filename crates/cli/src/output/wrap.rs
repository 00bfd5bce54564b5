//! Text in lines of a given width. Chinese takes two columns per character, and may be broken between any two of them.

/// The text in lines of at most `width` columns. A word that is longer has a line of its own.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ') {
        for (place, piece) in pieces(word).into_iter().enumerate() {
            let gap = usize::from(place == 0 && used > 0);
            let length = columns(piece);
            if used > 0 && used + gap + length > width {
                lines.push(String::new());
                used = 0;
            }
            if let Some(line) = lines.last_mut() {
                if gap > 0 && used > 0 {
                    line.push(' ');
                    used += 1;
                }
                line.push_str(piece);
                used += length;
            }
        }
    }
    lines
}

/// The text behind a first column: its lines begin at column `indent`.
pub(crate) fn in_column(text: &str, indent: usize, width: usize) -> String {
    let lines = wrap(text, width.saturating_sub(indent).max(20));
    lines.join(&format!("\n{:indent$}", ""))
}

/// The columns that a text takes on a terminal.
pub(crate) fn columns(text: &str) -> usize {
    text.chars().map(|c| if is_wide(c) { 2 } else { 1 }).sum()
}

/// The text, followed by spaces up to column `width`.
pub(crate) fn padded(text: &str, width: usize) -> String {
    format!("{text}{:1$}", "", width.saturating_sub(columns(text)))
}

/// A word in the pieces that a line may end between.
pub(crate) fn pieces(word: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut begin, mut previous) = (0, None);
    for (place, c) in word.char_indices() {
        if previous.is_some_and(|previous| may_break(previous, c)) {
            pieces.extend(word.get(begin..place));
            begin = place;
        }
        previous = Some(c);
    }
    pieces.extend(word.get(begin..));
    pieces
}

/// Lines do not begin with a closing punctuation mark, and do not end with an opening one.
fn may_break(before: char, after: char) -> bool {
    (is_wide(before) || is_wide(after))
        && !"，。、；：？！）》」”’…,.;:?!)%".contains(after)
        && !"（《「“‘(".contains(before)
}

/// Chinese, Japanese, Korean, and their punctuation.
pub(crate) fn is_wide(c: char) -> bool {
    matches!(u32::from(c),
        0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f | 0xff00..=0xff60
        | 0xffe0..=0xffe6 | 0x20000..=0x3fffd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrap_keeps_every_word_and_the_width() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("a-word-that-is-long b", 5), ["a-word-that-is-long", "b"]);
        assert_eq!(wrap("", 5), [""]);
        assert_eq!(in_column("one two three four five six", 2, 24), "one two three four\n  five six");
    }

    #[test]
    fn wrap_breaks_chinese_between_characters_but_not_before_closing_or_after_opening_punctuation() {
        assert_eq!(wrap("平台已受理请求", 6), ["平台已", "受理请", "求"]);
        assert_eq!(wrap("平台已受理，再查", 10), ["平台已受", "理，再查"]);
        assert_eq!(wrap("见“平台”", 4), ["见", "“平", "台”"]);
        assert_eq!(wrap("用 --from 读取", 11), ["用 --from", "读取"]);
    }

    #[test]
    fn columns_of_chinese_characters_are_two() {
        assert_eq!((columns("EID 卡"), columns("。"), columns("…")), (6, 2, 1));
        assert_eq!(padded("卡", 4), "卡  ");
    }
}
