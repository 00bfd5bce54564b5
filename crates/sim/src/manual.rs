//! The manual page, in English and Chinese.

use clap::{Command, ValueEnum};
use clap_mangen::Man;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// The Chinese text of each English one. The English ones are in the code; a test compares both.
const FILE: &str = include_str!("help.zh.json");

/// The words of the page that are not in the help.
const WORDS: [&str; 10] = [
    "NAME",
    "SYNOPSIS",
    "DESCRIPTION",
    "OPTIONS",
    "NOTES",
    "VERSION",
    "[default: ",
    "Possible values:",
    "Example:",
    "Faults: ",
];

// Not documented one by one: the help would list them below each other.
/// A language of the manual page.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    En,
    Zh,
}

/// The manual page of a command. The example is preformatted, so that its lines are not filled.
pub(crate) fn manual(mut command: Command, language: Language) -> std::io::Result<String> {
    command.build();
    let translation = match language {
        Language::En => None,
        Language::Zh => Some(Translation::load()?),
    };
    let command = match &translation {
        Some(translation) => translation.command(command),
        None => command,
    };
    let mut page = Vec::new();
    Man::new(command).source(concat!("eiot ", env!("CARGO_PKG_VERSION"))).render(&mut page)?;
    let page = String::from_utf8_lossy(&page).replacen("\n.SH EXTRA\n", "\n.SH NOTES\n.nf\n", 1).replacen(
        "\nFaults:",
        "\n.fi\nFaults:",
        1,
    );
    Ok(match translation {
        Some(translation) => translation.page(&page),
        None => page,
    })
}

/// The Chinese texts by their English ones. Remembers what it has not found, and what was used.
struct Translation {
    texts: BTreeMap<String, String>,
    missing: RefCell<BTreeSet<String>>,
    used: RefCell<BTreeSet<String>>,
}

impl Translation {
    fn load() -> Result<Self, serde_json::Error> {
        let texts = serde_json::from_str(FILE)?;
        Ok(Self { texts, missing: RefCell::default(), used: RefCell::default() })
    }

    fn text(&self, english: &str) -> String {
        let Some(chinese) = self.texts.get(english) else {
            self.missing.borrow_mut().insert(english.to_owned());
            return english.to_owned();
        };
        self.used.borrow_mut().insert(english.to_owned());
        chinese.clone()
    }

    fn command(&self, command: Command) -> Command {
        let about = command.get_about().map(|about| self.text(&about.to_string())).unwrap_or_default();
        command.about(about).mut_args(|argument| {
            let help = argument.get_help().map(|help| self.text(&help.to_string())).unwrap_or_default();
            let heading = argument.get_help_heading().map(|heading| self.text(heading));
            let argument = argument.help(help);
            match heading {
                Some(heading) => argument.help_heading(heading),
                None => argument,
            }
        })
    }

    /// The page with its own words translated. Lines are not justified, because that would stretch the few spaces between
    /// Chinese and other words, and may end between two Chinese characters (`\:`): formatters know spaces only.
    fn page(&self, page: &str) -> String {
        let mut text = String::new();
        let (mut is_name, mut is_filled) = (false, true);
        for line in page.lines() {
            let line = WORDS.iter().fold(line.to_owned(), |line, word| match line.strip_prefix(".SH ") {
                Some(heading) if heading == *word => format!(".SH {}", self.text(word)),
                None if word.contains(':') && line.contains(word) => line.replace(word, &self.text(word)),
                _ => line,
            });
            is_name = match line.starts_with(".SH ") {
                true => line == format!(".SH {}", self.text("NAME")),
                false => is_name,
            };
            is_filled = match line.as_str() {
                ".nf" => false,
                ".fi" => true,
                _ => is_filled,
            };
            match line.starts_with('.') || is_name || !is_filled {
                true => text.push_str(&line),
                false => text.push_str(&breakable(&line)),
            }
            text.push_str(if line.starts_with(".TH ") { "\n.ad l\n" } else { "\n" });
        }
        text
    }
}

/// The line with a break point between any two Chinese characters.
fn breakable(line: &str) -> String {
    let mut text = String::new();
    let mut previous = ' ';
    for c in line.chars() {
        if is_chinese(previous) && is_chinese(c) {
            text.push_str("\\:");
        }
        text.push(c);
        previous = c;
    }
    text
}

/// A Chinese character that is not a punctuation mark.
fn is_chinese(c: char) -> bool {
    ('\u{4e00}'..='\u{9fff}').contains(&c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn manual_has_every_text_of_the_help_in_chinese_and_no_other() {
        let translation = Translation::load().expect("valid JSON");
        let mut command = crate::Arguments::command();
        command.build();
        let _ = translation.command(command);
        for word in WORDS {
            let _ = translation.text(word);
        }
        let missing = translation.missing.borrow();
        assert!(missing.is_empty(), "help.zh.json has no Chinese for: {missing:#?}");
        let used = translation.used.borrow();
        let unused: Vec<_> = translation.texts.keys().filter(|english| !used.contains(*english)).collect();
        assert!(unused.is_empty(), "help.zh.json has texts that the help has not: {unused:#?}");
    }

    #[test]
    fn manual_in_chinese_has_chinese_headings_and_break_points() {
        let page = manual(crate::Arguments::command(), Language::Zh).expect("a page");
        assert!(page.contains("\n.SH 名称\neiot\\-sim \\- 模拟 EIOTCLUB 平台"), "{page}");
        assert!(page.contains("\n.SH 限制\n") && page.contains("时\\:间\\:戳"), "{page}");
        assert!(page.contains("\n示例：\n  eiot\\-sim \\-\\-port 8080"), "{page}");
    }
}
