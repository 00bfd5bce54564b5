//! How `--help` looks on a terminal: commands in groups, headings in color. Manual pages and completions use plain commands.

use crate::output::color::{HEADER, paint};
use crate::output::wrap::in_column;
use clap::Command;
use clap::builder::StyledStr;

/// The groups of the commands.
const GROUPS: [(&str, &[&str]); 3] = [
    ("Cards", &["refresh", "call", "check", "journal"]),
    ("Setup", &["doctor", "explain", "sign", "webhook"]),
    ("Shell", &["completions", "man", "help"]),
];

/// The groups of the flags of a run; all others are in the groups of their own tables, or in none.
const FLAG_GROUPS: [(&str, &[&str]); 3] = [
    ("Input", &["from", "column", "delimiter", "encoding", "sheet", "allow_empty", "shuffle"]),
    ("Journal", &["journal", "retry", "out", "not_refreshed_since", "history"]),
    ("Run", &["concurrency", "limit", "until", "then_get", "dry_run"]),
];

/// Where descriptions begin.
const INDENT: usize = 15;

/// The widest text, as clap has it for `max_term_width`.
pub(crate) const MAX_WIDTH: usize = 92;

/// The command with the flags of a run in groups, for help, manual pages and completions.
pub(crate) fn grouped(command: Command) -> Command {
    command.mut_subcommands(|subcommand| {
        if !subcommand.get_arguments().any(|arg| arg.get_id() == "from") {
            return subcommand;
        }
        subcommand.mut_args(|arg| {
            let has_it = |(_, names): &&(&str, &[&str])| names.contains(&arg.get_id().as_str());
            match FLAG_GROUPS.iter().find(has_it) {
                Some((group, _)) if arg.get_long().is_some() => arg.help_heading(*group),
                _ => arg,
            }
        })
    })
}

/// The command, ready for a terminal.
pub(crate) fn present(command: Command) -> Command {
    let mut built = command.clone();
    built.build();
    let template = format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{}\n{}{{options}}{{after-help}}",
        groups(&built),
        paint(HEADER, "Options:\n")
    );
    with_headings(grouped(command)).help_template(StyledStr::from(template))
}

/// The commands of each group and what they do.
fn groups(command: &Command) -> String {
    let width = terminal_size::terminal_size_of(std::io::stdout())
        .map_or(MAX_WIDTH, |(width, _)| usize::from(width.0));
    let mut text = String::new();
    for (group, names) in GROUPS {
        text.push_str(&paint(HEADER, &format!("{group}:")));
        text.push('\n');
        for subcommand in names.iter().filter_map(|name| command.find_subcommand(name)) {
            let about = subcommand.get_about().map(ToString::to_string).unwrap_or_default();
            let name = subcommand.get_name();
            let literal = paint(crate::output::color::HELP.get_literal().to_owned(), name);
            let gap = INDENT.saturating_sub(2 + name.len());
            text.push_str(&format!(
                "  {literal}{:gap$}{}\n",
                "",
                in_column(&about, INDENT, width.min(MAX_WIDTH))
            ));
        }
        text.push('\n');
    }
    text.pop();
    text
}

/// The same command; headings of the text after the options look like those before.
fn with_headings(command: Command) -> Command {
    let short = command.get_after_help().map(headings);
    let long = command.get_after_long_help().map(headings);
    let mut command = command.mut_subcommands(with_headings);
    if let Some(short) = short {
        command = command.after_help(short);
    }
    match long {
        Some(long) => command.after_long_help(long),
        None => command,
    }
}

/// Lines that end with a colon and are not indented are headings.
fn headings(text: &StyledStr) -> StyledStr {
    let text = text.to_string();
    let lines = text.split('\n').map(|line| match line.ends_with(':') && !line.starts_with(' ') {
        true => paint(HEADER, line),
        false => line.to_owned(),
    });
    StyledStr::from(lines.collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_are_lines_of_their_own_that_end_with_a_colon() {
        let styled = headings(&"Example:\n  eiot refresh:\nOutput is:\n".into());
        assert_eq!(styled.ansi().to_string().matches("\u{1b}[1m").count(), 2);
        assert_eq!(styled.to_string(), "Example:\n  eiot refresh:\nOutput is:\n");
    }

    #[test]
    fn every_command_is_in_a_group() {
        let mut command = <crate::Cli as clap::CommandFactory>::command();
        command.build();
        let grouped: Vec<_> = GROUPS.into_iter().flat_map(|(_, names)| names).collect();
        for subcommand in command.get_subcommands() {
            assert!(grouped.contains(&&subcommand.get_name()), "{}", subcommand.get_name());
        }
    }
}
