//! `eiot completions`: completion scripts for shells.

use crate::output::{ExitCode, Failure, write_stdout};
use clap::{Args, Command};
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
    pub(crate) fn run(&self, mut command: Command) -> Result<ExitCode, Failure> {
        let mut script = Vec::new();
        let name = command.get_name().to_owned();
        clap_complete::generate(self.shell, &mut command, name, &mut script);
        write_stdout(&script)?;
        Ok(ExitCode::Success)
    }
}
