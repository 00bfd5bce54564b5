//! The options of the client: a flag over the environment over a profile over the default. Flags come from the library's
//! table of options.

mod flags;
mod profile;

use self::profile::Profile;
use crate::system;
use clap::{ArgMatches, Args, Command};
use eiot::{Config, Error, OptionInfo};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

pub(crate) use self::flags::Offered;
pub(crate) use self::profile::{CONFIG_VARIABLE, PROFILE_VARIABLE};

/// The options of a client, one flag each: the library parses their values, as it parses the environment's.
pub(crate) struct Options(Given);

/// The options that also matter to a signature on its own.
pub(crate) struct SigningOptions(Given);

/// What was given as flags.
struct Given {
    /// Options and their values.
    options: BTreeMap<&'static str, String>,
    /// The name of the profile.
    profile: Option<String>,
}

/// Where the value of an option comes from, in order of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Source {
    Flag,
    Environment,
    Profile,
    Default,
}

impl Source {
    /// The name, as `eiot doctor` shows it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Environment => "environment",
            Self::Profile => "profile",
            Self::Default => "default",
        }
    }
}

/// A configuration, and where it comes from.
pub(crate) struct Loaded {
    pub(crate) config: Config,
    /// Where each option comes from.
    pub(crate) sources: BTreeMap<&'static str, Source>,
    /// The name of the profile in use, and the file that has it.
    pub(crate) profile: Option<(String, PathBuf)>,
}

/// The secret has no flag: it would show in the process list.
const WITHOUT_FLAG: &str = "secret";

impl Options {
    /// The configuration of the client.
    pub(crate) fn config(&self) -> Result<Config, Error> {
        Ok(self.load()?.config)
    }

    /// The configuration of the client, and where it comes from.
    pub(crate) fn load(&self) -> Result<Loaded, Error> {
        self.0.load()
    }

    fn table() -> impl Iterator<Item = &'static OptionInfo> {
        Config::TABLE.iter().filter(|info| info.name != WITHOUT_FLAG)
    }
}

impl SigningOptions {
    /// Like [`Options::config`], for these options only.
    pub(crate) fn config(&self) -> Result<Config, Error> {
        Ok(self.0.load()?.config)
    }

    fn table() -> impl Iterator<Item = &'static OptionInfo> {
        Config::TABLE.iter().filter(|info| ["secret_file", "sign_method"].contains(&info.name))
    }
}

macro_rules! from_table {
    ($options:ident) => {
        impl Args for $options {
            fn augment_args(command: Command) -> Command {
                command.arg(flags::profile()).args(Self::table().map(flags::flag))
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
                let options = Self::table().filter_map(value).collect();
                Ok(Self(Given { options, profile: matches.get_one(flags::PROFILE).cloned() }))
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

/// The environment variable of an option.
pub(crate) fn variable(info: &OptionInfo) -> String {
    variable_of(info.name)
}

/// Documentation without its marks for code.
pub(crate) fn plain(documentation: &str) -> String {
    documentation.replace('`', "")
}

fn variable_of(option: &str) -> String {
    format!("EIOT_{}", option.to_uppercase())
}

/// Options that count as one: a secret from one source replaces the secret file of another.
fn group(option: &str) -> &str {
    if option == "secret_file" { "secret" } else { option }
}

impl Given {
    fn load(&self) -> Result<Loaded, Error> {
        let profile = Profile::load(self.profile.as_deref())?;
        let flags: Vec<&str> = self.options.keys().copied().collect();
        let is_flag = |option: &str| flags.iter().any(|flag| group(flag) == group(option));
        let is_variable = |option: &str| {
            let has_value = |name: &&str| {
                group(name) == group(option)
                    && system::variable(&variable_of(name)).is_some_and(|value| !value.is_empty())
            };
            Config::OPTIONS.iter().any(has_value)
        };
        let mut config = Config::default();
        config.user_agent_suffix = "(cli)".to_owned();
        let mut sources = BTreeMap::from(Config::OPTIONS.map(|option| (option, Source::Default)));
        if let Some(profile) = &profile {
            for (option, value) in profile.options(|option| is_flag(option) || is_variable(option))? {
                config.set(option, &value).map_err(|error| profile.error(error))?;
                sources.insert(option, Source::Profile);
            }
        }
        config.read_env(&flags)?;
        for option in Config::OPTIONS {
            if !is_flag(option)
                && system::variable(&variable_of(option)).is_some_and(|value| !value.is_empty())
            {
                sources.insert(option, Source::Environment);
            }
        }
        for (option, value) in &self.options {
            config.set(option, value)?;
            sources.insert(option, Source::Flag);
        }
        Ok(Loaded { config, sources, profile: profile.map(|profile| (profile.name, profile.file)) })
    }
}
