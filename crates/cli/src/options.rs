//! The options of the client: flags over environment over defaults. Flags come from the library's table of options.

use clap::{Arg, ArgMatches, Args, Command};
use eiot::{Config, Error, OptionInfo};
use std::collections::BTreeMap;

/// The options of a client, one flag each: the library parses their values, as it parses the environment's.
pub(crate) struct Options(Given);

/// The options that also matter to a signature on its own.
pub(crate) struct SigningOptions(Given);

/// The options that were given as flags, and their values.
type Given = BTreeMap<&'static str, String>;

/// The secret has no flag: it would show in the process list.
const WITHOUT_FLAG: &str = "secret";

impl Options {
    /// The flags over the environment's configuration.
    pub(crate) fn config(&self) -> Result<Config, Error> {
        over_environment(&self.0)
    }

    fn table() -> impl Iterator<Item = &'static OptionInfo> {
        Config::TABLE.iter().filter(|info| info.name != WITHOUT_FLAG)
    }
}

impl SigningOptions {
    /// Like [`Options::config`], for these options only.
    pub(crate) fn config(&self) -> Result<Config, Error> {
        over_environment(&self.0)
    }

    fn table() -> impl Iterator<Item = &'static OptionInfo> {
        Config::TABLE.iter().filter(|info| ["secret_file", "sign_method"].contains(&info.name))
    }
}

macro_rules! from_table {
    ($options:ident) => {
        impl Args for $options {
            fn augment_args(command: Command) -> Command {
                command.args(Self::table().map(flag))
            }

            fn augment_args_for_update(command: Command) -> Command {
                Self::augment_args(command)
            }
        }

        impl clap::FromArgMatches for $options {
            fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
                let value = |info: &'static OptionInfo| {
                    Some((info.name, matches.get_one::<String>(info.name)?.clone()))
                };
                Ok(Self(Self::table().filter_map(value).collect()))
            }

            fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
                *self = Self::from_arg_matches(matches)?;
                Ok(())
            }
        }
    };
}

from_table!(Options);
from_table!(SigningOptions);

fn flag(info: &'static OptionInfo) -> Arg {
    let help = format!("{} [{}]", plain(info.summary()), variable(info));
    let flag = Arg::new(info.name)
        .long(info.name.replace('_', "-"))
        .value_name(info.value_name)
        .help(help)
        .help_heading("Client options");
    match info.name {
        "rate_limit" => flag.visible_alias("rate"),
        _ if info.is_switch => flag.num_args(0..=1).require_equals(true).default_missing_value("on"),
        _ => flag,
    }
}

/// The environment variable of an option.
pub(crate) fn variable(info: &OptionInfo) -> String {
    format!("EIOT_{}", info.name.to_uppercase())
}

/// Documentation without its marks for code.
pub(crate) fn plain(documentation: &str) -> String {
    documentation.replace('`', "")
}

fn over_environment(flags: &Given) -> Result<Config, Error> {
    let names: Vec<&str> = flags.keys().copied().collect();
    let mut config = Config::default();
    config.user_agent_suffix = "(cli)".to_owned();
    config.read_env(&names)?;
    for (option, value) in flags {
        config.set(option, value)?;
    }
    Ok(config)
}
