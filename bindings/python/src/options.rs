//! Converts the options of a client from Python values.

use crate::guard::Failure;
use crate::text::utf8;
use eiot::{CodeMeaning, Config, Error};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyInt, PyString};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::PathBuf;
use std::time::Duration;

/// The configuration with these options; others come from the environment or have their defaults.
pub(crate) fn config(options: &Bound<'_, PyDict>) -> Result<Config, Failure> {
    let mut given = Vec::new();
    for option in Config::OPTIONS {
        if options.contains(option)? {
            given.push(option);
        }
    }
    let mut config = Config::default();
    config.user_agent_suffix = "(python)".to_owned();
    config.read_env(&given)?;
    set_given(&mut config, options)?;
    Ok(config)
}

/// Sets each of `options` in the core's order, regardless of their own.
pub(crate) fn set_given(config: &mut Config, options: &Bound<'_, PyDict>) -> Result<(), Failure> {
    for name in options.keys() {
        let name = name.str()?;
        if !Config::OPTIONS.iter().any(|option| name == *option) {
            let valid = Config::OPTIONS.join(", ");
            let text = format!("{name}: unknown option; valid options are {valid}");
            return Err(PyTypeError::new_err(text).into());
        }
    }
    for option in Config::OPTIONS {
        if let Some(value) = options.get_item(option)? {
            set(config, option, &value)?;
        }
    }
    Ok(config.check()?)
}

/// Refuses options that clients cannot have of their own if they share connections and rate limit.
pub(crate) fn require_per_call(options: &Bound<'_, PyDict>) -> PyResult<()> {
    let own = || Config::TABLE.iter().filter(|option| option.is_per_call).map(|option| option.name);
    for name in options.keys() {
        let name = name.str()?;
        if !own().any(|option| name == option) {
            let own: Vec<_> = own().collect();
            return Err(PyTypeError::new_err(format!(
                "with_options() does not take {name}: clients that share connections and rate limit can only differ in \
                 {}; create a separate client",
                own.join(", ")
            )));
        }
    }
    Ok(())
}

fn set(config: &mut Config, option: &str, value: &Bound<'_, PyAny>) -> Result<(), Failure> {
    match option {
        "secret_file" => config.secret_file = Some(path(option, value)?),
        "ca_file" => config.ca_file = Some(path(option, value)?),
        "rate_dir" => config.rate_dir = Some(path(option, value)?),
        "client_cert_file" => config.client_cert_file = Some(path(option, value)?),
        "client_key_file" => config.client_key_file = Some(path(option, value)?),
        "timeout" => config.timeout = seconds(option, value)?,
        "connect_timeout" => config.connect_timeout = seconds(option, value)?,
        "eid_cooldown" => config.eid_cooldown = seconds(option, value)?,
        "outage_timeout" => config.outage_timeout = seconds(option, value)?,
        "max_attempts" => config.max_attempts = count(option, value)?,
        "max_auth_failures" => config.max_auth_failures = count(option, value)?,
        "rate_limit" => {
            let limit = number(option, "a number of calls per second", value)?;
            config.rate_limit = Some(limit).filter(|limit| *limit != 0.0);
        }
        "strict_eid" => config.strict_eid = switch(option, value)?,
        "allow_rounded_eid" => config.allow_rounded_eid = switch(option, value)?,
        "allow_http" => config.allow_http = switch(option, value)?,
        "rate_wait" => config.rate_wait = switch(option, value)?,
        "clock_skew" => config.clock_skew = switch(option, value)?,
        "rate_share" => config.rate_share = share(option, value)?,
        "error_codes" => set_error_codes(config, option, value)?,
        _ => {
            let text: &Bound<'_, PyString> = value.cast().map_err(|_| wrong_type(option, "a str", value))?;
            let text = utf8(text, || Error::config(option, "is not valid UTF-8"))?;
            config.set(option, text)?;
        }
    }
    Ok(())
}

/// A path need not be UTF-8.
fn path(option: &str, value: &Bound<'_, PyAny>) -> PyResult<PathBuf> {
    value.extract().map_err(|_| wrong_type(option, "a str or a path", value))
}

fn seconds(option: &str, value: &Bound<'_, PyAny>) -> Result<Duration, Failure> {
    let takes = "a number of seconds";
    let seconds = number(option, takes, value)?;
    Ok(Duration::try_from_secs_f64(seconds).map_err(|_| wrong_value(option, takes, seconds))?)
}

/// Everything that Python converts to a float, except for booleans. Text has no `__float__`.
fn number(option: &str, takes: &str, value: &Bound<'_, PyAny>) -> Result<f64, Failure> {
    if value.is_instance_of::<PyBool>() || !value.hasattr("__float__")? {
        return Err(wrong_type(option, takes, value).into());
    }
    Ok(value.extract().map_err(|_| wrong_value(option, takes, "a number of this size"))?)
}

fn count(option: &str, value: &Bound<'_, PyAny>) -> Result<u32, Failure> {
    if value.is_instance_of::<PyBool>() || !value.hasattr("__index__")? {
        return Err(wrong_type(option, "an int", value).into());
    }
    let index = value.py().import("operator")?.call_method1("index", (value,))?;
    Ok(index.extract().map_err(|_| wrong_value(option, "an int from 0 to 4294967295", &index))?)
}

fn switch(option: &str, value: &Bound<'_, PyAny>) -> PyResult<bool> {
    // numpy's, too.
    value.extract().map_err(|_| wrong_type(option, "True or False", value))
}

fn share(option: &str, value: &Bound<'_, PyAny>) -> Result<(u32, u32), Failure> {
    let takes = "two ints, such as (2, 5) for the second of five";
    let (index, of) = value
        .extract::<(Bound<'_, PyInt>, Bound<'_, PyInt>)>()
        .map_err(|_| wrong_type(option, takes, value))?;
    match (index.extract::<u32>(), of.extract::<u32>()) {
        (Ok(index), Ok(of)) if (1..=of).contains(&index) => Ok((index, of)),
        _ => Err(wrong_value(option, takes, format!("({index}, {of})")).into()),
    }
}

fn set_error_codes(config: &mut Config, option: &str, value: &Bound<'_, PyAny>) -> Result<(), Failure> {
    let wrong = |_| wrong_type(option, "a mapping of str to str", value);
    let codes: BTreeMap<String, String> = value.extract().map_err(wrong)?;
    config.error_codes.clear();
    for (code, name) in codes {
        let meaning = CodeMeaning::from_name(&name).ok_or_else(|| {
            let valid = CodeMeaning::ALL.map(CodeMeaning::name).join(", ");
            wrong_value(
                option,
                &format!("a mapping of codes to one of {valid}"),
                format!("{name:?} for {code:?}"),
            )
        })?;
        config.error_codes.insert(code, meaning);
    }
    Ok(())
}

fn wrong_value(option: &str, takes: &str, value: impl Display) -> Error {
    Error::config(option, format!("must be {takes}, not {value}"))
}

/// The error omits the value, which may be a secret.
fn wrong_type(option: &str, takes: &str, value: &Bound<'_, PyAny>) -> PyErr {
    let found = value.get_type().name().map_or_else(|_| "this type".to_owned(), |name| name.to_string());
    PyTypeError::new_err(format!("{option}: must be {takes}, not {found}"))
}
