//! The types of option values: how each is parsed, validated and formatted.

use super::RateScope;
use crate::error::{CodeMeaning, Error};
use crate::signing::{Secret, SignMethod};
use crate::transport::{FROM_ENVIRONMENT, endpoint};
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// Replaces secrets.
const MASK: &str = "[redacted]";

/// The maximum of every duration.
const MAX_DURATION: Duration = Duration::from_secs(24 * 60 * 60);

/// A type of option values.
pub(super) trait Kind {
    type Value;

    const IS_SWITCH: bool = false;

    /// Parses text, as environments and command lines have it.
    fn parse(option: &str, text: &str) -> Result<Self::Value, Error>;

    /// Validates what does not depend on anything else.
    fn check(_option: &str, _value: &Self::Value) -> Result<(), Error> {
        Ok(())
    }

    /// Text that [`Kind::parse`] accepts; `None` if the option is not set. Secrets are masked.
    fn show(value: &Self::Value) -> Option<String>;
}

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $kind:ident)*) => { $($(#[doc = $doc])+ pub(super) struct $kind;)* };
}

kinds! {
    /// Any text.
    Text
    /// Text that is never shown.
    SecretText
    /// A path.
    FilePath
    /// The platform's URL.
    BaseUrl
    /// On or off.
    Switch
    /// More than zero seconds.
    Seconds
    /// Seconds, or off.
    SecondsOrOff
    /// 1 to 100.
    Attempts
    /// A whole number, or off.
    CountOrOff
    /// Calls per second, or off.
    RateLimit
    /// Who shares the rate.
    Scope
    /// INDEX/COUNT.
    Share
    /// Codes and their meanings.
    ErrorCodes
    /// A hash.
    Method
    /// A proxy.
    ProxyUrl
    /// An IP address.
    Address
    /// Printable ASCII.
    UserAgentSuffix
}

fn refused<T>(option: &str, takes: &str, value: &dyn fmt::Debug) -> Result<T, Error> {
    Err(Error::config(option, format!("must be {takes}, not {value:?}")))
}

fn number<T: FromStr>(option: &str, text: &str, takes: &str) -> Result<T, Error> {
    text.trim().parse().or_else(|_| refused(option, takes, &text))
}

fn set(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

impl Kind for Text {
    type Value = String;

    fn parse(_: &str, text: &str) -> Result<String, Error> {
        Ok(text.to_owned())
    }

    fn show(value: &String) -> Option<String> {
        set(value)
    }
}

impl Kind for SecretText {
    type Value = Secret;

    fn parse(_: &str, text: &str) -> Result<Secret, Error> {
        Ok(Secret::new(text))
    }

    fn show(value: &Secret) -> Option<String> {
        set(value.expose()).map(|_| MASK.to_owned())
    }
}

impl Kind for FilePath {
    type Value = Option<PathBuf>;

    fn parse(_: &str, text: &str) -> Result<Self::Value, Error> {
        Ok(Some(text.into()))
    }

    fn show(value: &Self::Value) -> Option<String> {
        value.as_ref().map(|path| path.display().to_string())
    }
}

impl Kind for BaseUrl {
    type Value = String;

    fn parse(_: &str, text: &str) -> Result<String, Error> {
        Ok(text.to_owned())
    }

    /// Whether plain http is allowed depends on another option, and is validated when the client is created.
    fn check(_: &str, value: &String) -> Result<(), Error> {
        endpoint(value, true).map(drop)
    }

    fn show(value: &String) -> Option<String> {
        set(value)
    }
}

impl Kind for Switch {
    type Value = bool;

    const IS_SWITCH: bool = true;

    fn parse(option: &str, text: &str) -> Result<bool, Error> {
        match text.trim().to_ascii_lowercase().as_str() {
            "on" | "true" | "yes" | "1" => Ok(true),
            "off" | "false" | "no" | "0" => Ok(false),
            _ => refused(option, "on or off", &text),
        }
    }

    fn show(value: &bool) -> Option<String> {
        Some(if *value { "on" } else { "off" }.to_owned())
    }
}

impl Kind for Seconds {
    type Value = Duration;

    fn parse(option: &str, text: &str) -> Result<Duration, Error> {
        // `Duration` itself rejects negative, infinite and NaN values.
        let parsed = text.trim().parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        parsed.map_or_else(|| refused(option, "a number of seconds, for example 2.5", &text), Ok)
    }

    fn check(option: &str, value: &Duration) -> Result<(), Error> {
        match value.is_zero() || *value > MAX_DURATION {
            true => refused(option, "more than 0 and at most 24 hours", value),
            false => Ok(()),
        }
    }

    fn show(value: &Duration) -> Option<String> {
        Some(value.as_secs_f64().to_string())
    }
}

impl Kind for SecondsOrOff {
    type Value = Duration;

    fn parse(option: &str, text: &str) -> Result<Duration, Error> {
        if text == "off" { Ok(Duration::ZERO) } else { Seconds::parse(option, text) }
    }

    fn check(option: &str, value: &Duration) -> Result<(), Error> {
        if *value > MAX_DURATION { refused(option, "at most 24 hours", value) } else { Ok(()) }
    }

    fn show(value: &Duration) -> Option<String> {
        if value.is_zero() { Some("off".to_owned()) } else { Seconds::show(value) }
    }
}

const ATTEMPTS: &str = "a whole number from 1 to 100";

impl Kind for Attempts {
    type Value = u32;

    fn parse(option: &str, text: &str) -> Result<u32, Error> {
        number(option, text, ATTEMPTS)
    }

    fn check(option: &str, value: &u32) -> Result<(), Error> {
        if (1..=100).contains(value) { Ok(()) } else { refused(option, ATTEMPTS, value) }
    }

    fn show(value: &u32) -> Option<String> {
        Some(value.to_string())
    }
}

impl Kind for CountOrOff {
    type Value = u32;

    fn parse(option: &str, text: &str) -> Result<u32, Error> {
        if text == "off" { Ok(0) } else { number(option, text, "a whole number, or off") }
    }

    fn show(value: &u32) -> Option<String> {
        Some(value.to_string())
    }
}

impl Kind for RateLimit {
    type Value = Option<f64>;

    fn parse(option: &str, text: &str) -> Result<Option<f64>, Error> {
        let takes = "a number of calls per second, or off";
        let limit = if text == "off" { 0.0 } else { number(option, text, takes)? };
        Ok(Some(limit).filter(|limit| *limit != 0.0))
    }

    fn check(option: &str, value: &Option<f64>) -> Result<(), Error> {
        match value.filter(|limit| !(0.001..=1_000_000.0).contains(limit)) {
            Some(limit) => refused(option, "from 0.001 to 1000000 calls per second, or off", &limit),
            None => Ok(()),
        }
    }

    fn show(value: &Option<f64>) -> Option<String> {
        Some(value.map_or("off".to_owned(), |limit| limit.to_string()))
    }
}

impl Kind for Scope {
    type Value = RateScope;

    fn parse(_: &str, text: &str) -> Result<RateScope, Error> {
        text.parse()
    }

    fn show(value: &RateScope) -> Option<String> {
        Some(match value {
            RateScope::Redis(url) => url.to_string(),
            RateScope::Auto => "auto".to_owned(),
            RateScope::Process => "process".to_owned(),
            RateScope::Host => "host".to_owned(),
        })
    }
}

impl Kind for Share {
    type Value = (u32, u32);

    fn parse(option: &str, text: &str) -> Result<(u32, u32), Error> {
        let parsed = text.split_once('/');
        let parsed =
            parsed.and_then(|(index, count)| Some((index.trim().parse().ok()?, count.trim().parse().ok()?)));
        parsed.map_or_else(|| refused(option, "INDEX/COUNT, for example 2/5", &text), Ok)
    }

    fn check(option: &str, (index, count): &(u32, u32)) -> Result<(), Error> {
        if *index == 0 || index > count {
            return refused(option, "INDEX/COUNT, for example 2/5", &format!("{index}/{count}"));
        }
        Ok(())
    }

    fn show((index, count): &(u32, u32)) -> Option<String> {
        Some(format!("{index}/{count}"))
    }
}

impl Kind for ErrorCodes {
    type Value = BTreeMap<String, CodeMeaning>;

    fn parse(option: &str, text: &str) -> Result<Self::Value, Error> {
        let pair = |pair: &str| {
            let (code, meaning) = pair.trim().split_once('=')?;
            Some((code.trim().to_owned(), CodeMeaning::from_name(meaning.trim())?))
        };
        let pairs = text.split(',').filter(|text| !text.trim().is_empty());
        pairs
            .map(|text| {
                let meanings = || CodeMeaning::ALL.map(CodeMeaning::name).join(", ");
                pair(text).map_or_else(
                    || refused(option, &format!("CODE=MEANING with one of {}", meanings()), &text),
                    Ok,
                )
            })
            .collect()
    }

    fn show(value: &Self::Value) -> Option<String> {
        let pairs = value.iter().map(|(code, meaning)| format!("{code}={}", meaning.name()));
        set(&pairs.collect::<Vec<_>>().join(","))
    }
}

impl Kind for Method {
    type Value = SignMethod;

    fn parse(_: &str, text: &str) -> Result<SignMethod, Error> {
        SignMethod::from_str(text)
    }

    fn show(value: &SignMethod) -> Option<String> {
        Some(value.name().to_owned())
    }
}

impl Kind for ProxyUrl {
    type Value = Option<String>;

    fn parse(_: &str, text: &str) -> Result<Self::Value, Error> {
        Ok(Some(text.to_owned()))
    }

    /// Without user name and password.
    fn show(value: &Self::Value) -> Option<String> {
        let proxy = value.as_deref()?;
        Some(match (proxy.split_once("://"), proxy.rsplit_once('@')) {
            _ if proxy == FROM_ENVIRONMENT => proxy.to_owned(),
            (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{MASK}@{host}"),
            (Some(_), None) => proxy.to_owned(),
            (None, _) => MASK.to_owned(),
        })
    }
}

impl Kind for Address {
    type Value = Option<IpAddr>;

    fn parse(option: &str, text: &str) -> Result<Self::Value, Error> {
        number(option, text, "an IP address of this machine").map(Some)
    }

    fn show(value: &Self::Value) -> Option<String> {
        value.map(|address| address.to_string())
    }
}

impl Kind for UserAgentSuffix {
    type Value = String;

    fn parse(_: &str, text: &str) -> Result<String, Error> {
        Ok(text.to_owned())
    }

    fn check(option: &str, value: &String) -> Result<(), Error> {
        if value.len() > 200 || value.bytes().any(|byte| !matches!(byte, b' '..=b'~')) {
            return refused(option, "at most 200 printable ASCII characters", value);
        }
        Ok(())
    }

    fn show(value: &String) -> Option<String> {
        set(value)
    }
}
