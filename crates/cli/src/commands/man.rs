//! `eiot man`: manual pages.

use crate::options::Offered;
use crate::output::{ExitCode, Failure, write_stdout};
use clap::{Args, Command, ValueHint};
use clap_mangen::Man;
use eiot::Error;
use std::path::{Path, PathBuf};

/// The commands, for completions.
const COMMANDS: [&str; 9] =
    ["refresh", "call", "check", "journal", "doctor", "sign", "webhook", "completions", "man"];

/// Print a manual page, or write all of them to a directory.
#[derive(Args)]
#[command(after_help = crate::help::for_man())]
pub(crate) struct Manual {
    /// The subcommand that the page describes, for example: webhook verify [the whole command]
    #[arg(value_name = "COMMAND", value_parser = Offered(&COMMANDS), hide_possible_values = true)]
    subcommand: Vec<String>,
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
        match &self.directory {
            Some(directory) => write_pages(&command, directory)?,
            None => write_stdout(&page(find(&command, &self.subcommand)?)?)?,
        }
        Ok(ExitCode::Success)
    }
}

/// The page about a command.
fn page(command: &Command) -> Result<Vec<u8>, Failure> {
    let mut page = Vec::new();
    Man::new(command.clone()).source(format!("eiot {}", eiot::VERSION)).render(&mut page)?;
    Ok(with_tables(&String::from_utf8_lossy(&page)).into_bytes())
}

/// Writes the pages about a command and all its subcommands.
fn write_pages(command: &Command, directory: &Path) -> Result<(), Failure> {
    let path = directory.join(Man::new(command.clone()).get_filename());
    std::fs::write(&path, page(command)?)
        .map_err(|why| Error::invalid_argument(format!("{} cannot be written: {why}", path.display())))?;
    command.get_subcommands().try_for_each(|subcommand| write_pages(subcommand, directory))
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
    fn manual_page_keeps_the_lines_of_its_tables_and_fills_the_rest() {
        let page = ".TH eiot\n.SH EXTRA\n  a  b\n.SH VERSION\nv1\n";
        assert_eq!(with_tables(page), ".TH eiot\n.SH NOTES\n.nf\n  a  b\n.fi\n.SH VERSION\nv1\n");
        assert_eq!(with_tables(".TH eiot\n.SH EXTRA\n  a  b\n"), ".TH eiot\n.SH NOTES\n.nf\n  a  b\n.fi\n");
        assert_eq!(with_tables(".TH eiot\n"), ".TH eiot\n");
    }
}
