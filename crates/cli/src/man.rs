//! `eiot man`: the manual.

use crate::output::{Failure, print};
use clap::{Args, Command};
use clap_mangen::Man;
use eiot::Error;

/// Print a man page.
#[derive(Args)]
#[command(after_help = crate::help::FOR_MAN)]
pub(crate) struct Manual {
    /// The command; without it, the page of eiot itself
    #[arg(value_name = "COMMAND")]
    about: Option<String>,
}

impl Manual {
    /// Prints a page; `command` is the whole command.
    pub(crate) fn run(&self, mut command: Command) -> Result<u8, Failure> {
        // Gives the subcommands their full names.
        command.build();
        let about = match &self.about {
            None => command,
            Some(name) => subcommand(&command, name)?,
        };
        let mut page = Vec::new();
        Man::new(about).source(format!("eiot {}", eiot::VERSION)).render(&mut page)?;
        print(with_tables(&String::from_utf8_lossy(&page)).as_bytes())?;
        Ok(0)
    }
}

/// What stands behind the options are tables and examples, whose lines must stay as they are.
fn with_tables(page: &str) -> String {
    let Some((options, tables)) = page.split_once("\n.SH EXTRA\n") else { return page.to_owned() };
    match tables.split_once("\n.SH ") {
        Some((tables, rest)) => format!("{options}\n.SH NOTES\n.nf\n{tables}\n.fi\n.SH {rest}"),
        None => format!("{options}\n.SH NOTES\n.nf\n{}\n.fi\n", tables.trim_end()),
    }
}

fn subcommand(command: &Command, name: &str) -> Result<Command, Error> {
    let found = command.find_subcommand(name).cloned();
    found.ok_or_else(|| {
        let known: Vec<_> = command.get_subcommands().map(Command::get_name).collect();
        Error::invalid_argument(format!("unknown command {name:?}; valid commands are {}", known.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_not_filled_and_what_is_behind_them_is() {
        let page = ".TH eiot\n.SH EXTRA\n  a  b\n.SH VERSION\nv1\n";
        assert_eq!(with_tables(page), ".TH eiot\n.SH NOTES\n.nf\n  a  b\n.fi\n.SH VERSION\nv1\n");
        assert_eq!(with_tables(".TH eiot\n.SH EXTRA\n  a  b\n"), ".TH eiot\n.SH NOTES\n.nf\n  a  b\n.fi\n");
        assert_eq!(with_tables(".TH eiot\n"), ".TH eiot\n");
    }
}
