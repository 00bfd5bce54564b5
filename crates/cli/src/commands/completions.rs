//! `eiot completions`: completion scripts for shells.

use crate::output::{ExitCode, Failure, write_stdout};
use clap::{Arg, ArgAction, Args, Command};
use clap_complete::Shell;

/// Print the completion script for a shell.
#[derive(Args)]
#[command(after_help = crate::help::for_completions())]
pub(crate) struct Completions {
    /// The shell that reads the script
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

impl Completions {
    /// Prints the script. `command` is the whole command.
    pub(crate) fn run(&self, command: Command) -> Result<ExitCode, Failure> {
        let mut command = if self.shell == Shell::Bash { for_bash(command) } else { command };
        let mut script = Vec::new();
        let name = command.get_name().to_owned();
        clap_complete::generate(self.shell, &mut command, name, &mut script);
        write_stdout(&script)?;
        Ok(ExitCode::Success)
    }
}

/// Without the optional values of switches. bash would offer them as the next word, and the command would take them for an EID.
fn for_bash(command: Command) -> Command {
    command
        .mut_args(|arg| match arg.get_long() {
            Some(long) if arg.is_require_equals_set() => {
                Arg::new(arg.get_id().clone()).long(long.to_owned()).action(ArgAction::SetTrue)
            }
            _ => arg,
        })
        .mut_subcommands(for_bash)
}
