//! The values of options as text, as environments and command lines have them.

use crate::error::Error;
use crate::error_codes::CodeMeaning;
use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

pub(crate) fn error_codes(option: &str, value: &str) -> Result<BTreeMap<String, CodeMeaning>, Error> {
    let pair = |pair: &str| {
        let (code, meaning) = pair.trim().split_once('=')?;
        Some((code.trim().to_owned(), CodeMeaning::from_name(meaning.trim())?))
    };
    let meanings = || CodeMeaning::ALL.map(CodeMeaning::name).join(", ");
    let pairs = value.split(',').filter(|text| !text.trim().is_empty());
    pairs
        .map(|text| {
            pair(text).ok_or_else(|| {
                Error::config(option, format!("must be CODE=KIND with one of {}, not {text:?}", meanings()))
            })
        })
        .collect()
}

pub(crate) fn seconds_or_off(option: &str, value: &str) -> Result<Duration, Error> {
    if value == "off" { Ok(Duration::ZERO) } else { seconds(option, value) }
}

pub(crate) fn share(option: &str, value: &str) -> Result<(u32, u32), Error> {
    let parsed = value
        .split_once('/')
        .and_then(|(which, of)| Some((which.trim().parse().ok()?, of.trim().parse().ok()?)));
    parsed
        .ok_or_else(|| Error::config(option, format!("must be INDEX/COUNT, for example 2/5, not {value:?}")))
}

pub(crate) fn rate_limit(option: &str, value: &str) -> Result<Option<f64>, Error> {
    let limit =
        if value == "off" { 0.0 } else { number(option, value, "a number of calls per second, or off")? };
    Ok(Some(limit).filter(|limit| *limit != 0.0))
}

pub(crate) fn number<T: FromStr>(option: &str, value: &str, takes: &str) -> Result<T, Error> {
    value.trim().parse().map_err(|_| Error::config(option, format!("must be {takes}, not {value:?}")))
}

pub(crate) fn seconds(option: &str, value: &str) -> Result<Duration, Error> {
    // `Duration` itself refuses what is negative, infinite or not a number.
    let parsed = value.trim().parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    parsed.ok_or_else(|| {
        Error::config(option, format!("must be a number of seconds, such as 2.5, not {value:?}"))
    })
}

pub(crate) fn switch(option: &str, value: &str) -> Result<bool, Error> {
    match value.trim().to_ascii_lowercase().as_str() {
        "on" | "true" | "yes" | "1" => Ok(true),
        "off" | "false" | "no" | "0" => Ok(false),
        _ => Err(Error::config(option, format!("must be on or off, not {value:?}"))),
    }
}
