//! The documentation's Markdown as plain text for a terminal: paragraphs, lists, code. Tables are read cell by cell.

use super::wrap::{is_wide, wrap};

/// The text in lines of at most `width` columns, without emphasis, links and comments.
pub(crate) fn to_text(markdown: &str, width: usize) -> String {
    let mut blocks: Vec<String> = Vec::new();
    let mut is_code = false;
    let mut continues = false;
    for line in markdown.lines() {
        if line.starts_with("```") {
            is_code = !is_code;
            continues = false;
        } else if is_code {
            blocks.push(format!("    {line}"));
        } else if line.trim().is_empty() || line.starts_with("<!--") {
            continues = false;
        } else if let (true, None, Some(block)) = (continues, item(line), blocks.last_mut()) {
            join(block, line.trim());
        } else {
            blocks.push(line.trim().to_owned());
            continues = true;
        }
    }
    let mut text = String::new();
    let mut previous = (false, false);
    for block in &blocks {
        // Items of a list and lines of code follow each other without an empty line.
        let sort = (block.starts_with("    "), item(block).is_some());
        if !text.is_empty() {
            text.push_str(if sort == previous && sort != (false, false) { "\n" } else { "\n\n" });
        }
        previous = sort;
        if block.starts_with("    ") {
            text.push_str(block);
            continue;
        }
        // The mark of an item stands before its lines.
        let indent = item(block).unwrap_or_default();
        let (mark, words) = block.split_at_checked(indent).unwrap_or_default();
        text.push_str(mark);
        text.push_str(&wrap(&plain(words), width.saturating_sub(indent)).join(&format!("\n{:indent$}", "")));
    }
    text
}

/// The first sentence, as far as its first colon.
pub(crate) fn summary(markdown: &str) -> String {
    let paragraph = to_text(markdown, usize::MAX);
    let paragraph = paragraph.lines().next().unwrap_or_default();
    let end = [". ", ": ", "。", "：", "；"].iter().filter_map(|mark| paragraph.find(mark)).min();
    paragraph.get(..end.unwrap_or(paragraph.len())).unwrap_or_default().trim_end_matches('.').to_owned()
}

/// The cells of a line of a table; `None` if it is none.
pub(crate) fn cells(line: &str) -> Option<Vec<&str>> {
    let inner = line.strip_prefix('|')?.trim_end().strip_suffix('|')?;
    Some(inner.split('|').map(str::trim).collect())
}

/// Text without the marks of emphasis and links. Code keeps its marks, because they show where a name ends.
pub(crate) fn plain(markdown: &str) -> String {
    let mut text = String::new();
    let mut is_code = false;
    let mut rest = markdown.chars();
    while let Some(c) = rest.next() {
        match c {
            '`' => is_code = !is_code,
            '*' if !is_code => continue,
            '[' if !is_code => {
                let mut ahead = rest.clone();
                let label: String = ahead.by_ref().take_while(|c| *c != ']').collect();
                if ahead.next() == Some('(') {
                    text.push_str(&plain(&label));
                    rest = ahead;
                    rest.find(|c| *c == ')');
                    continue;
                }
            }
            _ => {}
        }
        text.push(c);
    }
    text
}

/// The width of the mark that begins an item of a list.
fn item(line: &str) -> Option<usize> {
    let (mark, _) = line.split_once(' ')?;
    let is_number = mark.strip_suffix('.').is_some_and(|number| number.parse::<u8>().is_ok());
    (mark == "-" || is_number).then_some(mark.len() + 1)
}

/// Appends a line of a paragraph; Chinese needs no space between lines.
fn join(block: &mut String, line: &str) {
    if !(block.ends_with(is_wide) && line.starts_with(is_wide)) {
        block.push(' ');
    }
    block.push_str(line);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_becomes_paragraphs_lists_and_code() {
        let markdown = "One *two*\n[three](x.md#y) `a*b`.\n<!-- en: x -->\n\n- first\n  more\n- second\n\n```sh\na  b\n```\n";
        assert_eq!(to_text(markdown, 80), "One two three `a*b`.\n\n- first more\n- second\n\n    a  b");
        assert_eq!(to_text("1. one two three", 11), "1. one two\n   three");
    }

    #[test]
    fn markdown_joins_chinese_lines_without_a_space() {
        assert_eq!(to_text("平台\n已受理\nEID", 80), "平台已受理 EID");
    }

    #[test]
    fn summary_ends_at_the_first_full_stop_or_colon() {
        assert_eq!(summary("Connecting failed: DNS lookup.\n"), "Connecting failed");
        assert_eq!(summary("连接失败：DNS 查询失败。"), "连接失败");
        assert_eq!(summary("A bug\n"), "A bug");
    }

    #[test]
    fn cells_are_those_of_a_table() {
        assert_eq!(cells("| `a` | b c | |"), Some(vec!["`a`", "b c", ""]));
        assert_eq!(cells("text"), None);
    }
}
