//! The `eiot` command: the face of the library for shells and cron jobs.
//!
//! One file, one noun: `options` (flags and environment to a configuration) · `refresh`, `call`, `check`, `doctor`, `sign`,
//! `webhook`, `completions` and `man` (the commands) · `many` (refreshing the cards of a file: `tally` counts, `status_line` shows how far
//! it has come) · `cards` (reads them, with a `ration`) · `record` (one line of `--json`) · `diagnosis` (one line of `doctor`), `account` and
//! `variables` (two of its checks) ·
//! `narrator` (`--verbose`) · `output` (the streams, and how a run ends) · `help` (what `--help` teaches).
#![forbid(unsafe_code)]

mod account;
mod call;
mod cards;
mod check;
mod completions;
mod diagnosis;
mod doctor;
mod help;
mod man;
mod many;
mod narrator;
mod options;
mod output;
mod ration;
mod record;
mod refresh;
mod retry_rules;
mod sign;
mod status_line;
mod tally;
mod variables;
mod webhook;

use crate::output::Failure;
use clap::{CommandFactory, Parser, Subcommand};
use std::process::ExitCode;

/// Client for the EIOTCLUB open API: refreshes the package usage of cloud eSIM cards.
#[derive(Parser)]
#[command(
    name = "eiot",
    version = eiot::VERSION,
    max_term_width = 92,
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
    Doctor(Box<doctor::Doctor>),
    Sign(sign::Sign),
    Webhook(webhook::Webhook),
    Completions(completions::Completions),
    Man(man::Manual),
}

impl Cli {
    /// The exit code, when nothing kept the command from telling its outcome.
    fn run(&self) -> Result<u8, Failure> {
        match &self.command {
            Command::Refresh(refresh) => refresh.run(),
            Command::Call(call) => call.run(),
            Command::Check(check) => check.run(),
            Command::Doctor(doctor) => doctor.run(),
            Command::Sign(sign) => sign.run(),
            Command::Webhook(webhook) => webhook.run(),
            Command::Completions(completions) => completions.run(Self::command()),
            Command::Man(manual) => manual.run(Self::command()),
        }
    }
}

fn main() -> ExitCode {
    let end = match Cli::try_parse() {
        Ok(cli) => cli.run(),
        Err(instead) => output::instead_of_a_run(&instead),
    };
    ExitCode::from(end.unwrap_or_else(|failure| failure.report()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_are_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_readme_lists_every_command() {
        let readme = include_str!("../../../README.md");
        for command in Cli::command().get_subcommands() {
            let row = format!("\n| `eiot {}", command.get_name());
            assert!(readme.contains(&row), "{} is not in the table", command.get_name());
        }
    }

    #[test]
    fn every_option_but_the_secret_has_a_flag_that_names_its_variable() {
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
