//! The `eiot` command: the client for shells and cron jobs. It is a library so that tests can run it in their own process.
//!
//! Modules: `commands` (one file per subcommand) · `batch` (refreshing the cards of a file) · `input` (files of cards)
//! · `output` (streams, records, exit codes). `options` turns flags and environment into a configuration; `help` holds
//! the text of `--help`, and `translation` its Chinese; `language` is the reader's; `system` is the operating system. Imports go one
//! way: lib → commands → batch → input and output → system.
#![forbid(unsafe_code)]

mod batch;
mod commands;
mod help;
mod input;
mod language;
mod options;
mod output;
mod system;
mod translation;

use crate::commands::presentation::{MAX_WIDTH, grouped, present};
use crate::commands::{call, check, completions, doctor, explain, journal, man, refresh, sign, webhook};
use crate::output::{ExitCode, Failure};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use std::ffi::OsString;

#[cfg(feature = "simulation")]
#[doc(hidden)]
pub use crate::system::machine as simulation;

/// Ask the EIOTCLUB platform to refresh the package usage of cloud eSIM cards.
#[derive(Parser)]
#[command(
    name = "eiot",
    version = eiot::VERSION,
    max_term_width = MAX_WIDTH,
    styles = output::color::HELP,
    after_help = help::EXAMPLE,
    after_long_help = help::for_everything()
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Refresh(Box<refresh::Refresh>),
    Call(Box<call::Call>),
    Check(check::Check),
    Journal(journal::Journal),
    Doctor(Box<doctor::Doctor>),
    Explain(explain::Explain),
    Sign(sign::Sign),
    Webhook(webhook::Webhook),
    Completions(completions::Completions),
    Man(man::Manual),
}

impl Cli {
    /// Runs the subcommand and returns the exit code.
    fn run(&self) -> Result<ExitCode, Failure> {
        match &self.command {
            Command::Refresh(refresh) => refresh.run(),
            Command::Call(call) => call.run(),
            Command::Check(check) => check.run(),
            Command::Journal(journal) => journal.run(),
            Command::Doctor(doctor) => doctor.run(),
            Command::Explain(explain) => explain.run(),
            Command::Sign(sign) => sign.run(),
            Command::Webhook(webhook) => webhook.run(),
            Command::Completions(completions) => completions.run(grouped(Self::command())),
            Command::Man(manual) => manual.run(grouped(Self::command())),
        }
    }
}

/// Runs the command with these arguments, of which the first is its name, and returns its exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let parsed = present(Cli::command())
        .try_get_matches_from(arguments)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let exit_code = match parsed {
        Ok(cli) => cli.run(),
        Err(message) => output::print_help_or_usage_error(&message),
    };
    exit_code.unwrap_or_else(|failure| failure.report()).number()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn readme_lists_every_command() {
        let readme = include_str!("../../../README.md");
        for command in Cli::command().get_subcommands() {
            let row = format!("\n| `eiot {}", command.get_name());
            assert!(readme.contains(&row), "{} is not in the table", command.get_name());
        }
    }

    #[test]
    fn options_except_the_secret_have_a_flag_that_names_the_variable() {
        let commands = Cli::command();
        let refresh = commands.find_subcommand("refresh").expect("a command");
        for option in eiot::Config::OPTIONS {
            let flag = option.replace('_', "-");
            let argument = refresh.get_arguments().find(|argument| argument.get_long() == Some(&flag));
            if option == "secret" {
                assert!(argument.is_none(), "a secret in a flag would show in the process list");
                continue;
            }
            let help = argument.expect(&flag).get_help().expect("a help text").to_string();
            let variable = format!("[EIOT_{}]", option.to_uppercase());
            assert!(help.ends_with(&variable), "{help:?} does not end with {variable}");
        }
    }
}
