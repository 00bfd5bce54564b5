//! The Chinese texts of manual pages, by their English ones, which the code has: `help.zh.toml`.

use crate::help;
use crate::options::plain;
use crate::output::wrap::{columns, in_column};
use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Arg, Command};
use eiot::{Config, OptionInfo};
use serde::Deserialize;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

const FILE: &str = include_str!("help.zh.toml");

/// The file.
#[derive(Deserialize)]
struct File {
    options: BTreeMap<String, OptionText>,
    text: Vec<Text>,
}

/// What documents an option.
#[derive(Deserialize)]
struct OptionText {
    default: String,
    documentation: String,
}

#[derive(Deserialize)]
struct Text {
    en: String,
    zh: String,
}

/// Translates help, and remembers what it has not found.
pub(crate) struct Translation {
    options: BTreeMap<String, OptionText>,
    /// By [`key`].
    texts: BTreeMap<String, String>,
    missing: RefCell<BTreeSet<String>>,
    used: RefCell<BTreeSet<String>>,
}

/// An English text, wherever its lines end, and with or without its last full stop.
fn key(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.strip_suffix('.').map(str::to_owned).unwrap_or(text)
}

impl Translation {
    /// # Errors
    /// If the file is not valid.
    pub(crate) fn load() -> Result<Self, toml::de::Error> {
        let File { options, text } = toml::from_str(FILE)?;
        let texts = text.into_iter().map(|Text { en, zh }| (key(&en), zh)).collect();
        Ok(Self { options, texts, missing: RefCell::default(), used: RefCell::default() })
    }

    /// The command with Chinese help. It must have been built, so that it has what clap adds.
    pub(crate) fn command(&self, command: Command) -> Command {
        let filled = |text: &clap::builder::StyledStr| self.filled(&text.to_string());
        let about = command.get_about().map(filled);
        let long_about = command.get_long_about().map(filled);
        let tables = |text: &clap::builder::StyledStr| self.tables(&text.to_string());
        let after = command.get_after_help().map(tables);
        let after_long = command.get_after_long_help().map(tables);
        let mut command = command
            .mut_args(|argument| self.argument(argument))
            .mut_subcommands(|subcommand| self.command(subcommand));
        if let Some(about) = about {
            command = command.about(about);
        }
        if let Some(long_about) = long_about {
            command = command.long_about(long_about);
        }
        if let Some(after) = after {
            command = command.after_help(after);
        }
        match after_long {
            Some(after_long) => command.after_long_help(after_long),
            None => command,
        }
    }

    fn argument(&self, argument: Arg) -> Arg {
        let help = argument.get_help().map(|text| self.filled(&text.to_string()));
        let long = argument.get_long_help().map(|text| self.filled(&text.to_string()));
        let heading = argument.get_help_heading().map(|text| self.filled(text));
        let values = argument.get_possible_values();
        let mut argument = match heading {
            Some(heading) => argument.help_heading(heading),
            None => argument,
        };
        if let Some(help) = help {
            argument = argument.help(help);
        }
        if let Some(long) = long {
            argument = argument.long_help(long);
        }
        if values.iter().all(|value| value.get_help().is_none()) {
            return argument;
        }
        // This command only describes itself; it is never run.
        argument.value_parser(PossibleValuesParser::new(values.into_iter().map(|value| {
            let help = value.get_help().map(|text| self.filled(&text.to_string())).unwrap_or_default();
            PossibleValue::new(value.get_name().to_owned()).help(help)
        })))
    }

    /// A text whose lines are filled later.
    pub(crate) fn filled(&self, text: &str) -> String {
        if let Some((name, variable)) = option_of_flag(text) {
            return match self.options.get(name) {
                Some(option) => format!("{} [{variable}]", option.summary()),
                None => self.not_found(text),
            };
        }
        let paragraphs: Vec<_> = text.split("\n\n").map(|paragraph| self.paragraph(paragraph)).collect();
        paragraphs.join("\n\n")
    }

    /// The text after the options: tables and paragraphs whose lines are kept.
    fn tables(&self, text: &str) -> String {
        let paragraphs: Vec<_> = text
            .split("\n\n")
            .map(|paragraph| match paragraph.split_once('\n') {
                Some((title, rows)) if title == help::EXIT_CODES => self.exit_codes(title, rows),
                Some((title, _)) if title == help::ENVIRONMENT => self.environment(title),
                _ => wrapped(&self.paragraph(paragraph)),
            })
            .collect();
        paragraphs.join("\n\n")
    }

    fn environment(&self, title: &str) -> String {
        let rows = help::variables(|info| match self.options.get(info.name) {
            Some(option) => format!("{} [{}]", option.summary(), plain(&option.default)),
            None => self.not_found(info.name),
        });
        format!("{}\n{}", self.paragraph(title), rows.trim_end())
    }

    /// Rows begin with two spaces and a number; the lines below the table are a paragraph.
    fn exit_codes(&self, title: &str, rows: &str) -> String {
        let mut table: Vec<(&str, String)> = Vec::new();
        let mut rest = String::new();
        for line in rows.lines() {
            let row = line.strip_prefix("  ").and_then(|line| line.split_once(' '));
            match (row, table.last_mut()) {
                (Some((number, meaning)), _) if number.parse::<u8>().is_ok() => {
                    table.push((number, meaning.trim().to_owned()));
                }
                (_, Some((_, meaning))) if line.starts_with(' ') => {
                    meaning.push(' ');
                    meaning.push_str(line.trim());
                }
                _ => {
                    rest.push_str(line);
                    rest.push(' ');
                }
            }
        }
        let mut text = self.paragraph(title);
        for (number, meaning) in table {
            text.push_str(&format!("\n  {number:<5}{}", self.paragraph(&meaning)));
        }
        if !rest.is_empty() {
            text.push('\n');
            text.push_str(&self.paragraph(&rest));
        }
        wrapped(&text)
    }

    fn paragraph(&self, english: &str) -> String {
        let key = key(english);
        let Some(chinese) = self.texts.get(&key) else { return self.not_found(english) };
        self.used.borrow_mut().insert(key);
        match english.trim_end().ends_with('.') && !chinese.ends_with(['。', '：']) {
            true => format!("{chinese}。"),
            false => chinese.clone(),
        }
    }

    fn not_found(&self, english: &str) -> String {
        self.missing.borrow_mut().insert(english.to_owned());
        english.to_owned()
    }
}

impl OptionText {
    /// The first sentence, without its full stop.
    fn summary(&self) -> String {
        plain(self.documentation.split('。').next().unwrap_or_default())
    }
}

/// The option, and the variable at the end of the help of its flag.
fn option_of_flag(help: &str) -> Option<(&'static str, &str)> {
    let (_, variable) = help.strip_suffix(']')?.rsplit_once('[')?;
    let name = variable.strip_prefix("EIOT_")?.to_lowercase();
    let is_it = |info: &&OptionInfo| info.name == name;
    Some((Config::TABLE.iter().find(is_it)?.name, variable))
}

/// Each line in lines of 80 columns, which begin below its second column, if it has one, or else below its text.
fn wrapped(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let begin = line.len() - line.trim_start().len();
        let second = line.trim_start().find("  ").and_then(|gap| {
            let (first, rest) = line.split_at_checked(begin + gap)?;
            Some(columns(first) + rest.len() - rest.trim_start().len())
        });
        let indent = second.unwrap_or(begin);
        // What stands before the indentation is part of the first line.
        let (before, after) = split_at_column(line, indent);
        format!("{before}{}", in_column(after, indent, help::WIDTH))
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn split_at_column(line: &str, column: usize) -> (&str, &str) {
    let place = line
        .char_indices()
        .map(|(place, _)| place)
        .find(|place| line.get(..*place).is_some_and(|before| columns(before) >= column));
    line.split_at(place.unwrap_or(line.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn whole_command() -> Command {
        let mut command =
            crate::commands::presentation::grouped(crate::Cli::command()).disable_help_subcommand(true);
        command.build();
        command
    }

    #[test]
    fn translation_has_every_text_of_the_help_and_no_other() {
        let translation = Translation::load().expect("valid TOML");
        let _ = translation.command(whole_command());
        crate::commands::man::WORDS.iter().for_each(|words| drop(translation.filled(words)));
        let missing = translation.missing.borrow();
        assert!(missing.is_empty(), "help.zh.toml has no Chinese for: {missing:#?}");
        let used = translation.used.borrow();
        let unused: Vec<_> = translation.texts.keys().filter(|key| !used.contains(*key)).collect();
        assert!(unused.is_empty(), "help.zh.toml has texts that the help has not: {unused:#?}");
        let options: Vec<_> = translation.options.keys().map(String::as_str).collect();
        let mut expected = Config::OPTIONS.to_vec();
        expected.sort_unstable();
        assert_eq!(options, expected);
    }

    #[test]
    fn translation_notices_a_text_that_it_does_not_have() {
        let translation = Translation::load().expect("valid TOML");
        let command =
            Command::new("x").about("A sentence that is not in the file").arg(Arg::new("y").help("Another"));
        let _ = translation.command(command);
        assert_eq!(translation.missing.borrow().len(), 2);
    }

    #[test]
    fn translation_keeps_examples_and_lines_within_80_columns() {
        let translation = Translation::load().expect("valid TOML");
        let command = translation.command(whole_command());
        let refresh = command.find_subcommand("refresh").expect("a command");
        let notes = refresh.get_after_long_help().expect("notes").to_string();
        assert!(notes.contains("\n  eiot refresh 89044011112233441122334411223321\n"), "{notes}");
        assert!(notes.contains("\n  EIOT_TIMEOUT          整个调用的超时时间"), "{notes}");
        assert!(notes.contains("\n  0    每个 EID 都已刷新\n"), "{notes}");
        for line in notes.lines() {
            assert!(columns(line) <= help::WIDTH, "{line}");
        }
    }

    #[test]
    fn wrapped_lines_begin_below_the_second_column() {
        let text = format!("  code  {}", "字".repeat(40));
        let lines: Vec<_> = wrapped(&text).lines().map(str::to_owned).collect();
        assert_eq!(lines, [format!("  code  {}", "字".repeat(36)), format!("        {}", "字".repeat(4))]);
        assert_eq!(wrapped("  a b"), "  a b");
    }

    /// The table of options in README.zh.md.
    #[test]
    fn readme_has_the_table_of_options_in_chinese() {
        let translation = Translation::load().expect("valid TOML");
        let mut table = String::from("| 名称 | 默认值 | 说明 |\n|---|---|---|\n");
        for name in Config::OPTIONS {
            let OptionText { default, documentation } = &translation.options[name];
            table.push_str(&format!("| `{name}` | {default} | {} |\n", documentation.replace('|', "\\|")));
        }
        let (begin, end) = ("<!-- options: begin -->\n", "<!-- options: end -->");
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.zh.md");
        let readme = std::fs::read_to_string(path).expect("README.zh.md");
        let (before, rest) = readme.split_once(begin).expect("a marker");
        let (found, after) = rest.split_once(end).expect("another");
        if std::env::var_os("EIOT_WRITE_README").is_some() {
            std::fs::write(path, format!("{before}{begin}{table}{end}{after}")).expect("written");
            return;
        }
        assert_eq!(found, table, "EIOT_WRITE_README=1 writes it");
    }
}
