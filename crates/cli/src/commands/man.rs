//! `eiot man`: manual pages.

use crate::language::Language;
use crate::options::Offered;
use crate::output::wrap::pieces;
use crate::output::{ExitCode, Failure, write_stdout};
use crate::translation::Translation;
use clap::{Args, Command, ValueHint};
use clap_mangen::Man;
use eiot::Error;
use std::path::{Path, PathBuf};

/// The commands, for completions.
const COMMANDS: [&str; 10] =
    ["refresh", "call", "check", "journal", "doctor", "explain", "sign", "webhook", "completions", "man"];

/// The words of a page that are not in the help.
pub(crate) const WORDS: [&str; 9] = [
    "NAME",
    "SYNOPSIS",
    "DESCRIPTION",
    "OPTIONS",
    "SUBCOMMANDS",
    "NOTES",
    "VERSION",
    "Possible values:",
    "[default: ",
];

/// Print a manual page, or write all of them to a directory.
#[derive(Args)]
#[command(after_help = crate::help::for_man())]
pub(crate) struct Manual {
    /// The subcommand that the page describes, for example: webhook verify [the whole command]
    #[arg(value_name = "COMMAND", value_parser = Offered(&COMMANDS), hide_possible_values = true)]
    subcommand: Vec<String>,
    /// The language [that of LC_ALL, LC_MESSAGES or LANG]
    #[arg(long, value_name = "LANG")]
    lang: Option<Language>,
    /// Write every page to DIR: eiot.1, eiot-refresh.1, ...
    #[arg(long, value_name = "DIR", conflicts_with = "subcommand", value_hint = ValueHint::DirPath)]
    directory: Option<PathBuf>,
}

impl Manual {
    /// Prints or writes pages. `command` is the whole command.
    pub(crate) fn run(&self, command: Command) -> Result<ExitCode, Failure> {
        // There is no page about `eiot help`. Building gives the subcommands their full names.
        let mut command = command.disable_help_subcommand(true);
        command.build();
        let translation = match Language::chosen(self.lang) {
            Language::En => None,
            Language::Zh => Some(Translation::load().map_err(Error::internal)?),
        };
        if let Some(translation) = &translation {
            command = translation.command(command);
        }
        match &self.directory {
            Some(directory) => write_pages(&command, translation.as_ref(), directory)?,
            None => write_stdout(&page(find(&command, &self.subcommand)?, translation.as_ref())?)?,
        }
        Ok(ExitCode::Success)
    }
}

/// The page about a command, whose help is translated already.
fn page(command: &Command, translation: Option<&Translation>) -> Result<Vec<u8>, Failure> {
    let mut page = Vec::new();
    Man::new(command.clone()).source(format!("eiot {}", eiot::VERSION)).render(&mut page)?;
    let page = with_tables(&String::from_utf8_lossy(&page));
    Ok(match translation {
        Some(translation) => translated(&page, translation).into_bytes(),
        None => page.into_bytes(),
    })
}

/// Writes the pages about a command and all its subcommands.
fn write_pages(
    command: &Command,
    translation: Option<&Translation>,
    directory: &Path,
) -> Result<(), Failure> {
    let path = directory.join(Man::new(command.clone()).get_filename());
    std::fs::write(&path, page(command, translation)?)
        .map_err(|why| Error::invalid_argument(format!("{} cannot be written: {why}", path.display())))?;
    command.get_subcommands().try_for_each(|subcommand| write_pages(subcommand, translation, directory))
}

/// Translates the words of the page itself, and says where lines may end: formatters know spaces only. Lines are not
/// justified, because that would stretch the few spaces between Chinese and other words.
fn translated(page: &str, translation: &Translation) -> String {
    let (mut is_filled, mut is_name) = (true, false);
    let mut text = String::new();
    for line in page.lines() {
        match line.strip_prefix(".SH ") {
            Some(heading) if WORDS.contains(&heading) => {
                is_name = heading == "NAME";
                text.push_str(&format!(".SH {}", translation.filled(heading)));
            }
            _ if line.starts_with(".TH ") => text.push_str(&format!("{line}\n.ad l")),
            _ if line.starts_with('.') => {
                is_filled = if line == ".nf" { false } else { is_filled || line == ".fi" };
                text.push_str(line);
            }
            // The line that whatis(1) and apropos(1) read.
            _ if !is_filled || is_name => text.push_str(line),
            _ => {
                let mut line = line.to_owned();
                for words in WORDS.iter().filter(|words| words.contains(':')) {
                    if line.contains(words) {
                        line = line.replace(words, &translation.filled(words));
                    }
                }
                text.push_str(&breakable(&line));
            }
        }
        text.push('\n');
    }
    text
}

/// The line with a break point (`\:`) wherever Chinese may be broken.
fn breakable(line: &str) -> String {
    line.split(' ').map(|word| pieces(word).join("\\:")).collect::<Vec<_>>().join(" ")
}

/// Marks the text after the options as preformatted: tables and examples whose lines must not be filled.
fn with_tables(page: &str) -> String {
    let Some((options, tables)) = page.split_once("\n.SH EXTRA\n") else { return page.to_owned() };
    match tables.split_once("\n.SH ") {
        Some((tables, rest)) => format!("{options}\n.SH NOTES\n.nf\n{tables}\n.fi\n.SH {rest}"),
        None => format!("{options}\n.SH NOTES\n.nf\n{}\n.fi\n", tables.trim_end()),
    }
}

/// The subcommand with this name, which has several words for a nested one.
fn find<'a>(command: &'a Command, names: &[String]) -> Result<&'a Command, Error> {
    let Some((name, nested)) = names.split_first() else { return Ok(command) };
    match command.find_subcommand(name) {
        Some(subcommand) => find(subcommand, nested),
        None => {
            let valid: Vec<_> = command.get_subcommands().map(Command::get_name).collect();
            Err(Error::invalid_argument(match valid.as_slice() {
                [] => format!("{} has no commands, and so no command {name:?}", command.get_name()),
                _ => format!("unknown command {name:?}; valid commands are {}", valid.join(", ")),
            }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn completions_offer_every_command() {
        let command = <crate::Cli as clap::CommandFactory>::command();
        let names: Vec<_> = command.get_subcommands().map(Command::get_name).collect();
        assert_eq!(names, COMMANDS);
    }

    #[test]
    fn manual_page_in_chinese_has_break_points_except_in_its_name_and_its_tables() {
        let page =
            ".TH eiot 1\n.SH NAME\neiot \\- 平台\n.SH OPTIONS\n平台 \\-h\n.SH NOTES\n.nf\n平台\n.fi\n平台\n";
        let translation = Translation::load().expect("valid TOML");
        assert_eq!(
            translated(page, &translation),
            ".TH eiot 1\n.ad l\n.SH 名称\neiot \\- 平台\n.SH 选项\n平\\:台 \\-h\n.SH 说明\n.nf\n平台\n.fi\n平\\:台\n"
        );
    }

    #[test]
    fn manual_page_keeps_the_lines_of_its_tables_and_fills_the_rest() {
        let page = ".TH eiot\n.SH EXTRA\n  a  b\n.SH VERSION\nv1\n";
        assert_eq!(with_tables(page), ".TH eiot\n.SH NOTES\n.nf\n  a  b\n.fi\n.SH VERSION\nv1\n");
        assert_eq!(with_tables(".TH eiot\n.SH EXTRA\n  a  b\n"), ".TH eiot\n.SH NOTES\n.nf\n  a  b\n.fi\n");
        assert_eq!(with_tables(".TH eiot\n"), ".TH eiot\n");
    }
}
