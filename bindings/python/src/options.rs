//! Converts the options of a client from Python values.

use crate::guard::Failure;
use crate::text::utf8;
use eiot::{Config, Error};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyInt, PyString};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The configuration with these options; others come from the environment or have their defaults.
pub(crate) fn config(from_environment: bool, options: &Bound<'_, PyDict>) -> Result<Config, Failure> {
    let mut given = Vec::new();
    for option in Config::OPTIONS {
        if options.contains(option)? {
            given.push(option);
        }
    }
    let mut config = Config::default();
    config.user_agent_suffix = "(python)".to_owned();
    if from_environment {
        config.read_env(&given)?;
    }
    set_given(&mut config, options)?;
    Ok(config)
}

/// Sets each of `options` in the core's order, regardless of their own.
pub(crate) fn set_given(config: &mut Config, options: &Bound<'_, PyDict>) -> Result<(), Failure> {
    for option in Config::OPTIONS {
        if let Some(value) = options.get_item(option)? {
            set(config, option, &value)?;
        }
    }
    Ok(())
}

fn set(config: &mut Config, option: &str, value: &Bound<'_, PyAny>) -> Result<(), Failure> {
    // Paths need not be UTF-8.
    let path = || value.extract::<PathBuf>().map_err(|_| wrong_type(option, "a str or a path", value));
    match option {
        "secret_file" => config.secret_file = Some(path()?),
        "ca_file" => config.ca_file = Some(path()?),
        "rate_dir" => config.rate_dir = Some(path()?),
        "client_cert_file" => config.client_cert_file = Some(path()?),
        "client_key_file" => config.client_key_file = Some(path()?),
        "timeout" | "connect_timeout" | "eid_cooldown" | "outage_timeout" => {
            set_text(config, option, &number(option, "a number of seconds", value)?)?
        }
        "max_attempts" | "max_auth_failures" => {
            set_text(config, option, &number(option, "a whole number", value)?)?
        }
        "rate_limit" => set_text(config, option, &number(option, "a number of calls per second", value)?)?,
        "strict_eid" | "allow_rounded_eid" | "allow_http" | "rate_wait" | "clock_skew" => {
            set_text(config, option, &number(option, "True or False", value)?)?
        }
        "rate_share" => {
            let share = value.extract::<(u32, u32)>();
            config.rate_share = share.map_err(|_| wrong_type(option, "two ints, such as (2, 5)", value))?;
        }
        "error_codes" => set_error_codes(config, option, value)?,
        _ => set_text(config, option, value.cast().map_err(|_| wrong_type(option, "a str", value))?)?,
    }
    Ok(())
}

/// A mapping of code to kind, as the text that the core parses.
fn set_error_codes(config: &mut Config, option: &str, value: &Bound<'_, PyAny>) -> Result<(), Failure> {
    let wrong = |_| wrong_type(option, "a mapping of str to str", value);
    let codes: BTreeMap<String, String> = value.extract().map_err(wrong)?;
    for (code, kind) in codes {
        let before = std::mem::take(&mut config.error_codes);
        config.set(option, &format!("{code}={kind}"))?;
        config.error_codes.extend(before);
    }
    Ok(())
}

fn set_text(config: &mut Config, option: &str, text: &Bound<'_, PyString>) -> Result<(), Error> {
    let text = utf8(text, || Error::config(option, "is not valid UTF-8"))?;
    config.set(option, text)
}

/// A number or a boolean, as the text that the core parses.
fn number<'py>(option: &str, takes: &str, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyString>> {
    if value.is_instance_of::<PyString>()
        || value.is_instance_of::<PyInt>()
        || value.is_instance_of::<PyFloat>()
    {
        return value.str();
    }
    Err(wrong_type(option, takes, value))
}

/// The error omits the value, which may be a secret.
fn wrong_type(option: &str, takes: &str, value: &Bound<'_, PyAny>) -> PyErr {
    let found = value.get_type().name().map_or_else(|_| "this type".to_owned(), |name| name.to_string());
    PyTypeError::new_err(format!("{option}: must be {takes}, not {found}"))
}
