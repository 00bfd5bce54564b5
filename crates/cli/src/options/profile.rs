//! Profiles: named sets of options in a configuration file, for people and services with several accounts.
//!
//! ```toml
//! [profile.default]
//! appkey = "my-appkey"
//! secret_file = "default.secret"  # relative to this file
//! ```
//!
//! The file holds no secrets, so that it can be shown and shared. Files with secrets must be private.

use crate::system::{self, fs};
use eiot::{Config, Error, OptionInfo};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// The variable that names the configuration file.
pub(crate) const CONFIG_VARIABLE: &str = "EIOT_CONFIG";

/// The variable that names the profile.
pub(crate) const PROFILE_VARIABLE: &str = "EIOT_PROFILE";

/// The profile that is used if none is named.
const DEFAULT: &str = "default";

/// Options whose files hold secrets.
const SECRET_FILES: [&str; 2] = ["secret_file", "client_key_file"];

/// A profile of a configuration file.
pub(super) struct Profile {
    pub(super) name: String,
    pub(super) file: PathBuf,
    table: Table,
}

/// The content of a configuration file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Profiles {
    #[serde(default)]
    profile: BTreeMap<String, Table>,
}

impl Profile {
    /// The profile with this name, or the one that `EIOT_PROFILE` names, or `default`. `None` if none is named and there is no
    /// configuration file, or no default profile in it.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](eiot::ErrorKind::Config) if a file or a profile is named that does not exist, or if the file
    /// cannot be used.
    pub(super) fn load(name: Option<&str>) -> Result<Option<Self>, Error> {
        let name = name.map(str::to_owned).or_else(|| variable(PROFILE_VARIABLE));
        let Some((file, is_named)) = configuration_file() else {
            let no_home =
                || Error::config("profile", format!("HOME is not set; set HOME or {CONFIG_VARIABLE}"));
            return if name.is_some() { Err(no_home()) } else { Ok(None) };
        };
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(why) if why.kind() == ErrorKind::NotFound && !is_named && name.is_none() => return Ok(None),
            Err(why) => return Err(unusable(&file, format!("cannot be read: {why}"))),
        };
        check_writers(&file)?;
        let mut profiles = parse(&text).map_err(|why| unusable(&file, why))?.profile;
        let wanted = name.as_deref().unwrap_or(DEFAULT);
        match (profiles.remove(wanted), name.is_some()) {
            (Some(table), _) => Ok(Some(Self { name: wanted.to_owned(), file, table })),
            (None, false) => Ok(None),
            (None, true) => {
                let names: Vec<_> = profiles.keys().map(String::as_str).collect();
                let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                Err(unusable(&file, format!("no profile {wanted:?}; its profiles: {known}")))
            }
        }
    }

    /// The options that are not overridden and their values, as [`Config::set`] takes them. Relative paths are relative to the
    /// configuration file.
    pub(super) fn options(
        &self,
        is_overridden: impl Fn(&str) -> bool,
    ) -> Result<Vec<(&'static str, String)>, Error> {
        let mut options = Vec::new();
        for (name, value) in &self.table {
            let info = self.info(name)?;
            if !is_overridden(name) {
                options.push((info.name, self.value(info, value)?));
            }
        }
        Ok(options)
    }

    /// The error, with the file and the profile.
    pub(super) fn error(&self, why: impl Display) -> Error {
        unusable(&self.file, format!("profile {:?}: {why}", self.name))
    }

    /// The option with this name.
    fn info(&self, name: &str) -> Result<&'static OptionInfo, Error> {
        if name == "secret" {
            return Err(self.error(
                "secret: this file must not hold secrets; write the secret to a file of its own with mode 0600, and name it \
                 by secret_file",
            ));
        }
        Config::TABLE.iter().find(|info| info.name == name).ok_or_else(|| {
            let valid: Vec<_> = Config::OPTIONS.into_iter().filter(|option| *option != "secret").collect();
            self.error(format!("{name}: unknown option; valid options are {}", valid.join(", ")))
        })
    }

    /// The value of an option, as text.
    fn value(&self, info: &OptionInfo, value: &Value) -> Result<String, Error> {
        let name = info.name;
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Integer(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            Value::Boolean(on) => if *on { "on" } else { "off" }.to_owned(),
            _ => return Err(self.error(format!("{name}: must be a string, a number, true or false"))),
        };
        if has_password(&text) {
            let variable = super::variable(info);
            return Err(
                self.error(format!("{name}: this file must not hold passwords; set {variable} instead"))
            );
        }
        if !["FILE", "DIR"].contains(&info.value_name) {
            return Ok(text);
        }
        let path = self.file.parent().map_or_else(|| PathBuf::from(&text), |directory| directory.join(&text));
        if SECRET_FILES.contains(&name) {
            check_is_private(&path).map_err(|why| self.error(format!("{name}: {} {why}", path.display())))?;
        }
        path.into_os_string()
            .into_string()
            .map_err(|path| self.error(format!("{name}: {} is not UTF-8", Path::new(&path).display())))
    }
}

/// The configuration file, and whether it was named.
fn configuration_file() -> Option<(PathBuf, bool)> {
    let named = system::variable(CONFIG_VARIABLE).filter(|path| !path.is_empty());
    if let Some(path) = named {
        return Some((path.into(), true));
    }
    // The XDG base directory specification: a relative path is invalid and must be ignored.
    let xdg = system::variable("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home =
        || Some(PathBuf::from(system::variable("HOME").filter(|home| !home.is_empty())?).join(".config"));
    Some((xdg.or_else(home)?.join("eiot").join("config.toml"), false))
}

fn variable(name: &str) -> Option<String> {
    system::variable(name)?.into_string().ok().filter(|value| !value.is_empty())
}

fn parse(text: &str) -> Result<Profiles, String> {
    toml::from_str(text).map_err(|error| {
        // Not the whole error, which quotes the line: it may hold a secret.
        let line = error
            .span()
            .and_then(|span| text.get(..span.start))
            .map(|before| before.matches('\n').count() + 1);
        let line = line.map(|line| format!("line {line}: ")).unwrap_or_default();
        let message = error.message();
        match message.starts_with("invalid type") {
            true => format!("{line}profiles are tables such as [profile.default]"),
            false => format!("{line}{}", message.trim()),
        }
    })
}

fn unusable(file: &Path, why: impl Display) -> Error {
    Error::config(&format!("configuration file {}", file.display()), why)
}

/// Whether this is a URL with a password.
fn has_password(value: &str) -> bool {
    let authority = value.split_once("://").and_then(|(_, rest)| rest.split(['/', '?', '#']).next());
    let user = authority.and_then(|authority| authority.rsplit_once('@')).map(|(user, _)| user);
    user.is_some_and(|user| user.contains(':'))
}

/// Refuses a configuration file that every user may change: it decides where signed requests go.
#[cfg(unix)]
fn check_writers(file: &Path) -> Result<(), Error> {
    use fs::MetadataExt;
    match fs::metadata(file) {
        Ok(metadata) if metadata.is_file() && metadata.mode() & 0o002 != 0 => {
            Err(unusable(file, "can be changed by every user of this machine; run chmod o-w on it"))
        }
        _ => Ok(()),
    }
}

/// Refuses a file that others can read. As PostgreSQL does for keys: mode 0600 or less, or 0640 or less if root owns it, for
/// services that read it by their group.
#[cfg(unix)]
fn check_is_private(file: &Path) -> Result<(), String> {
    use fs::MetadataExt;
    let metadata = fs::metadata(file).map_err(|why| format!("cannot be read: {why}"))?;
    let (allowed, mode) = (if metadata.uid() == 0 { 0o640 } else { 0o600 }, metadata.mode() & 0o777);
    // A pipe or a device, such as /dev/stdin, is not a place where a secret is kept.
    match !metadata.is_file() || mode & !(allowed | 0o100) == 0 {
        true => Ok(()),
        false => Err(format!(
            "has mode {mode:04o}, so that others can read or change it; run chmod {allowed:04o} on it"
        )),
    }
}

#[cfg(not(unix))]
fn check_writers(_: &Path) -> Result<(), Error> {
    Ok(())
}

#[cfg(not(unix))]
fn check_is_private(_: &Path) -> Result<(), String> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn password_in_a_url_is_found() {
        for url in ["http://user:pw@proxy:3128", "rediss://:pw@host/0", "redis://a:b@[::1]:1/"] {
            assert!(has_password(url), "{url}");
        }
        for url in ["http://user@proxy", "http://proxy:3128", "redis://h:1/a:b@c", "auto", "a:b@c"] {
            assert!(!has_password(url), "{url}");
        }
    }

    #[test]
    fn error_of_a_malformed_file_names_the_line_and_quotes_nothing() {
        for text in ["[profile.default]\nsecret = hunter2\n", "[profile]\ndefault = \"hunter2\"\n"] {
            let error = parse(text).err().expect("malformed");
            assert!(error.starts_with("line 2: ") && !error.contains("hunter2"), "{error}");
        }
        let error = parse("\nprofiles = 1\n").err().expect("unknown");
        assert!(error.starts_with("line 2: unknown field `profiles`"), "{error}");
    }
}
