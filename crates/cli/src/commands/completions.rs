//! `eiot completions`: what a shell must know to complete the command's words.

use crate::output::{Failure, write_stdout};
use clap::{Args, Command};
use clap_complete::Shell;

/// Print the completions for a shell, to be read by it.
#[derive(Args)]
#[command(after_help = crate::help::FOR_COMPLETIONS)]
pub(crate) struct Completions {
    /// The shell that will read them
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

impl Completions {
    /// Prints them; `command` is the whole command.
    pub(crate) fn run(&self, mut command: Command) -> Result<u8, Failure> {
        let mut script = Vec::new();
        let name = command.get_name().to_owned();
        clap_complete::generate(self.shell, &mut command, name, &mut script);
        write_stdout(&script)?;
        Ok(0)
    }
}
