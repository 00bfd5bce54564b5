//! The flags of the options: help, groups, and the values that completions offer.

use super::{plain, variable};
use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Command, ValueHint};
use eiot::OptionInfo;
use std::ffi::OsStr;

/// The identifier of `--profile`.
pub(super) const PROFILE: &str = "profile";

/// The groups of flags in `--help`, in their order.
const ACCOUNT: &str = "Account";
const CALLS: &str = "Calls";
const RATE: &str = "Rate limit";
const CONNECTION: &str = "Connection";

/// The flag `--profile`.
pub(super) fn profile() -> Arg {
    Arg::new(PROFILE)
        .long("profile")
        .value_name("NAME")
        .value_hint(ValueHint::Other)
        .help("The profile of the configuration file [EIOT_PROFILE; default]")
        .help_heading(ACCOUNT)
}

/// The flag of an option.
pub(super) fn flag(info: &'static OptionInfo) -> Arg {
    let help = format!("{} [{}]", plain(info.summary()), variable(info));
    let flag = Arg::new(info.name)
        .long(info.name.replace('_', "-"))
        .value_name(info.value_name)
        .help(help)
        .help_heading(heading(info.name))
        .hide_possible_values(true);
    let flag = match info.value_name {
        "FILE" => flag.value_hint(ValueHint::FilePath),
        "DIR" => flag.value_hint(ValueHint::DirPath),
        "URL" => flag.value_hint(ValueHint::Url),
        // Not a file.
        _ => flag.value_hint(ValueHint::Other),
    };
    let flag = match offered(info) {
        [] => flag,
        values => flag.value_parser(Offered(values)),
    };
    match info.name {
        "rate_limit" => flag.visible_alias("rate"),
        _ if info.is_switch => flag.num_args(0..=1).require_equals(true).default_missing_value("on"),
        _ => flag,
    }
}

fn heading(option: &str) -> &'static str {
    match option {
        "appkey" | "secret_file" | "base_url" | "sign_method" => ACCOUNT,
        _ if option.starts_with("rate_") || option == "eid_cooldown" => RATE,
        "allow_http" | "connect_timeout" | "proxy" | "ca_file" | "client_cert_file" | "client_key_file"
        | "source_address" | "user_agent_suffix" => CONNECTION,
        _ => CALLS,
    }
}

/// The values that completions offer. Others are valid too; the library checks them.
fn offered(info: &OptionInfo) -> &'static [&'static str] {
    match info.name {
        "rate_scope" => &["auto", "host", "process", "redis://", "rediss://"],
        "sign_method" => &["sha1", "md5"],
        "rate_limit" | "eid_cooldown" | "max_auth_failures" | "outage_timeout" => &["off"],
        "proxy" => &["env"],
        _ if info.is_switch => &["on", "off"],
        _ => &[],
    }
}

/// Accepts any text, and offers some values to completions.
#[derive(Clone)]
pub(crate) struct Offered(pub(crate) &'static [&'static str]);

impl TypedValueParser for Offered {
    type Value = String;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.0.iter().map(PossibleValue::new)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eiot::Config;

    #[test]
    fn offered_values_are_valid_or_the_beginning_of_a_url() {
        for info in &Config::TABLE {
            for value in offered(info).iter().filter(|value| !value.ends_with("://")) {
                assert!(Config::default().set(info.name, value).is_ok(), "{} {value}", info.name);
            }
        }
    }
}
