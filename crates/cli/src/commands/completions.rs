//! `eiot completions`: completion scripts for shells.

use crate::options::profile_names;
use crate::output::{ExitCode, Failure, print_line, write_stdout};
use clap::{Arg, ArgAction, Args, Command};
use clap_complete::Shell;

/// Prints the names of the profiles, in every shell.
const PROFILES: &str = "$(eiot completions --profiles 2>/dev/null)";

/// Print the completion script for a shell.
#[derive(Args)]
#[command(after_help = crate::help::for_completions())]
pub(crate) struct Completions {
    /// The shell that reads the script
    #[arg(value_name = "SHELL", required_unless_present = "profiles")]
    shell: Option<Shell>,
    /// Print the names of the profiles, one per line, for the scripts
    #[arg(long, hide = true, conflicts_with = "shell")]
    profiles: bool,
}

impl Completions {
    /// Prints the script. `command` is the whole command.
    pub(crate) fn run(&self, command: Command) -> Result<ExitCode, Failure> {
        let Some(shell) = self.shell else {
            let names = profile_names();
            // Others would be several words in a script.
            let is_word = |name: &&String| name.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c));
            names.iter().filter(is_word).try_for_each(|name| print_line(name))?;
            return Ok(ExitCode::Success);
        };
        let mut command = if shell == Shell::Bash { for_bash(command) } else { command };
        let mut script = Vec::new();
        let name = command.get_name().to_owned();
        clap_complete::generate(shell, &mut command, name, &mut script);
        write_stdout(with_profiles(shell, &String::from_utf8_lossy(&script)).as_bytes())?;
        Ok(ExitCode::Success)
    }
}

/// Lets the script ask for the names of the profiles, which are not known when it is made.
fn with_profiles(shell: Shell, script: &str) -> String {
    let edit = |line: &str, previous: &str| match shell {
        Shell::Bash if previous.trim() == "--profile)" => {
            line.replace("(\"${cur}\")", &format!("($(compgen -W \"{PROFILES}\" -- \"${{cur}}\"))"))
        }
        Shell::Zsh if line.starts_with("'--profile=[") => {
            line.replace(":NAME:'", &format!(":NAME:{{compadd -- {PROFILES}}}'"))
        }
        Shell::Fish if line.contains(" -l profile ") => {
            format!("{line} -a \"({})\"", PROFILES.trim_start_matches("$(").trim_end_matches(')'))
        }
        _ => line.to_owned(),
    };
    let mut edited = String::new();
    let mut previous = "";
    for line in script.lines() {
        edited.push_str(&edit(line, previous));
        edited.push('\n');
        previous = line;
    }
    edited
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
