//! The options of a client, with the same names in every language.

mod environment;
mod kinds;
mod table;

pub use table::{Config, OptionInfo};

use crate::eid::EidRules;
use crate::error::Error;
use crate::escape::is_unsafe;
use crate::files;
use crate::rate_limit::{RATE_USED, Rate, RedisUrl};
use crate::signing::{Credentials, Secret};
use std::str::FromStr;

/// The maximum size of a file with a secret.
const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// Who shares the account's rate, its nonces and the pause after "too many requests". All clients of an account should have
/// the same scope.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum RateScope {
    /// `Host` if its directory is usable, otherwise `Process` and a [`Notice`](crate::Notice).
    #[default]
    Auto,
    /// All clients of the account in this process.
    Process,
    /// All processes of this user on this machine, through a small locked file in a private directory, or in
    /// [`Config::rate_dir`].
    Host,
    /// All machines that use the same Redis (version 5 or later), with its clock.
    Redis(RedisUrl),
}

impl FromStr for RateScope {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        match name {
            "auto" => Ok(Self::Auto),
            "process" => Ok(Self::Process),
            "host" => Ok(Self::Host),
            _ if name.starts_with("redis:") || name.starts_with("rediss:") => Ok(Self::Redis(name.parse()?)),
            _ => {
                let takes = "must be \"auto\", \"process\", \"host\" or a redis:// address";
                Err(Error::config("rate_scope", format!("{takes}, not {name:?}")))
            }
        }
    }
}

impl Config {
    /// The share of `rate_limit` that is used, evenly spaced.
    pub const RATE_USED: f64 = RATE_USED;

    /// The defaults, for this account.
    pub fn new(appkey: impl Into<String>, secret: impl Into<Secret>) -> Self {
        Self { appkey: appkey.into(), secret: secret.into(), ..Self::default() }
    }

    /// Which EIDs calls with these options accept.
    pub fn eid_rules(&self) -> EidRules {
        EidRules { strict: self.strict_eid, allow_rounded: self.allow_rounded_eid }
    }

    /// The limiter's settings.
    pub(crate) fn rate(&self) -> Rate {
        Rate { limit: self.rate_limit, share: self.rate_share }
    }

    /// The credentials; reads `secret_file`.
    pub(crate) fn credentials(&self) -> Result<Credentials, Error> {
        if self.appkey.is_empty() {
            return Err(missing("appkey", "EIOT_APPKEY"));
        }
        if self.appkey.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(Error::config("appkey", "must not contain whitespace or control characters"));
        }
        reject_invisible("appkey", &self.appkey)?;
        Ok(Credentials { appkey: self.appkey.clone(), secret: self.read_secret()? })
    }

    /// The secret, from `secret` or from `secret_file`, whichever is set: for [`sign`](crate::sign()) on its own.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if neither or both are set, or the file is unreadable or
    /// invalid.
    pub fn read_secret(&self) -> Result<Secret, Error> {
        let secret = match &self.secret_file {
            None => self.secret.clone(),
            Some(_) if !self.secret.expose().is_empty() => {
                return Err(Error::config("secret_file", "set either secret or secret_file, not both"));
            }
            Some(path) => {
                let bytes = files::read("secret_file", path, MAX_SECRET_BYTES)?;
                let text = std::str::from_utf8(&bytes).map_err(|_| {
                    Error::config("secret_file", format!("{} is not valid UTF-8", path.display()))
                })?;
                Secret::new(text.trim_end_matches(['\r', '\n']))
            }
        };
        if secret.expose().is_empty() {
            return Err(missing("secret", "EIOT_SECRET or EIOT_SECRET_FILE"));
        }
        if secret.expose().contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(Error::config("secret", "must not contain whitespace or control characters"));
        }
        reject_invisible("secret", secret.expose())?;
        Ok(secret)
    }
}

impl Config {
    /// Options that work but should be changed: a secret or private key in a file that every user of the machine can
    /// read. For logs, once, and for checks of an installation.
    pub fn warnings(&self) -> Vec<String> {
        [("secret_file", &self.secret_file), ("client_key_file", &self.client_key_file)]
            .into_iter()
            .filter_map(|(option, path)| Some((option, path.as_deref()?)))
            .filter(|(_, path)| files::is_readable_by_others(path))
            .map(|(option, path)| {
                let path = path.display();
                format!("{option}: {path} can be read by every user of this machine; chmod o-r {path}")
            })
            .collect()
    }
}

/// Editors and copied text leave such invisible characters at the ends.
fn reject_invisible(option: &str, value: &str) -> Result<(), Error> {
    for (end, verb) in [(value.chars().next(), "begins"), (value.chars().next_back(), "ends")] {
        if let Some(c) = end.filter(|c| is_unsafe(*c)) {
            let name = if c == '\u{feff}' { "a byte order mark" } else { "an invisible character" };
            let code = u32::from(c);
            return Err(Error::config(option, format!("{verb} with {name} (U+{code:04X}); remove it")));
        }
    }
    Ok(())
}

fn missing(option: &str, variable: &str) -> Error {
    Error::config(option, format!("is required (in the environment: {variable})"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use std::time::Duration;

    fn refusal(option: &str, value: &str) -> String {
        let error = Config::default().set(option, value).expect_err("a wrong value");
        assert_eq!(error.kind(), ErrorKind::Config);
        error.to_string()
    }

    #[test]
    fn options_can_all_be_set_from_text() {
        for option in Config::OPTIONS {
            let value = match option {
                "timeout" | "connect_timeout" | "eid_cooldown" | "outage_timeout" => "2.5",
                "strict_eid" | "allow_rounded_eid" | "allow_http" => "on",
                "rate_wait" | "clock_skew" | "rate_limit" => "off",
                "max_attempts" | "max_auth_failures" => "7",
                "rate_scope" => "host",
                "rate_share" => "2/5",
                "error_codes" => "45109=cooldown, sim.bad-sign=auth, 500=retry, 7=final,",
                "sign_method" => "md5",
                "source_address" => "::1",
                "base_url" => "https://platform.example",
                _ => "x",
            };
            let mut config = Config::default();
            config.set(option, value).expect(option);
            // Debug output of secrets does not depend on their values.
            if option != "secret" {
                assert_ne!(
                    format!("{config:?}"),
                    format!("{:?}", Config::default()),
                    "{option} changed nothing"
                );
            }
        }
    }

    #[test]
    fn option_with_an_invalid_value_is_named_with_the_valid_ones() {
        for value in ["", "soon", "-1", "inf", "nan", "1e300"] {
            let text = refusal("timeout", value);
            assert!(text.contains("timeout: must be a number of seconds"), "{text}");
        }
        assert!(refusal("strict_eid", "maybe").contains("strict_eid: must be on or off"));
        assert!(
            refusal("error_codes", "1=timeout")
                .contains("auth, rate_limited, cooldown, unavailable, platform, final, retry")
        );
        assert!(
            refusal("source_address", "eth0")
                .starts_with("source_address: must be an IP address of this machine")
        );
        assert!(refusal("sign_method", "sha256").contains("\"sha1\" or \"md5\""));
        assert!(
            refusal("time_out", "3").contains("connect_timeout"),
            "an unknown option lists the valid ones"
        );
    }

    #[test]
    fn timeout_of_zero_or_years_is_rejected() {
        for timeout in [Duration::ZERO, Duration::MAX] {
            let mut config = Config::new("k", "s");
            config.timeout = timeout;
            assert!(config.check().expect_err("out of range").to_string().starts_with("timeout: "));
        }
    }

    #[test]
    fn value_out_of_range_is_refused_when_it_is_set() {
        let wrong = [
            ("timeout", "0"),
            ("max_attempts", "0"),
            ("max_attempts", "101"),
            ("rate_limit", "-1"),
            ("rate_limit", "nan"),
            ("rate_limit", "inf"),
            ("rate_share", "0/5"),
            ("rate_share", "6/5"),
            ("eid_cooldown", "1e9"),
            ("outage_timeout", "1e9"),
            ("base_url", "ftp://platform.example"),
            ("user_agent_suffix", "a\nb"),
        ];
        for (option, value) in wrong {
            assert!(refusal(option, value).starts_with(&format!("{option}: must be ")), "{option} {value}");
        }
    }

    #[test]
    fn credentials_that_are_missing_or_malformed_are_rejected() {
        let refusal = |appkey: &str, secret: &str| {
            Config::new(appkey, secret).credentials().expect_err("refused").to_string()
        };
        assert!(refusal("", "s").contains("EIOT_APPKEY"));
        assert!(refusal("k", "").contains("EIOT_SECRET"));
        assert!(refusal("k\n", "s").starts_with("appkey: "));
        let text = refusal("k", "hunter2 ");
        assert!(text.starts_with("secret: ") && !text.contains("hunter2"), "{text}");
    }

    #[cfg(unix)]
    #[test]
    fn secret_file_that_others_can_read_causes_a_warning() {
        use std::os::unix::fs::PermissionsExt;
        let path = std::env::temp_dir().join(format!("eiot-secret-{}", std::process::id()));
        std::fs::write(&path, "hunter2\r\n").expect("written");
        let mut config = Config::new("k", "");
        config.secret_file = Some(path.clone());
        for (mode, warned) in [(0o600, false), (0o640, false), (0o644, true)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("set");
            assert_eq!(config.read_secret().expect("read").expose(), "hunter2");
            let warnings = config.warnings();
            assert_eq!(!warnings.is_empty(), warned, "{mode:o}: {warnings:?}");
            assert!(warnings.iter().all(|text| text.starts_with("secret_file: ")), "{warnings:?}");
        }
        std::fs::remove_file(path).expect("removed");
    }

    #[cfg(unix)]
    #[test]
    fn secret_file_that_is_a_pipe_or_a_device_is_rejected_at_once() {
        for path in ["/dev/zero", "/"] {
            let mut config = Config::new("k", "");
            config.secret_file = Some(path.into());
            let text = config.read_secret().expect_err("refused").to_string();
            assert!(text.starts_with("secret_file: ") && text.contains("regular file"), "{text}");
        }
    }

    #[test]
    fn secret_with_an_invisible_character_at_its_ends_is_rejected() {
        for (mark, name) in [('\u{feff}', "U+FEFF"), ('\u{200b}', "U+200B"), ('\u{2060}', "U+2060")] {
            for secret in [format!("{mark}hunter2"), format!("hunter2{mark}")] {
                let text = Config::new("k", secret).credentials().expect_err("refused").to_string();
                assert!(
                    text.starts_with("secret: ") && text.contains(name) && !text.contains("hunter2"),
                    "{text}"
                );
            }
            let text = Config::new(format!("{mark}k"), "s").credentials().expect_err("refused").to_string();
            assert!(text.starts_with("appkey: ") && text.contains(name), "{text}");
        }
    }

    fn sample() -> Config {
        let mut config = Config::new("k", "hunter2");
        for (option, value) in [
            ("secret_file", "/run/secret"),
            ("base_url", "http://localhost:1"),
            ("allow_http", "on"),
            ("timeout", "2.5"),
            ("connect_timeout", "0.5"),
            ("max_attempts", "7"),
            ("rate_limit", "off"),
            ("rate_scope", "host"),
            ("rate_dir", "/run/eiot"),
            ("rate_share", "2/5"),
            ("rate_wait", "off"),
            ("eid_cooldown", "300"),
            ("clock_skew", "off"),
            ("error_codes", "1=auth,2=final"),
            ("max_auth_failures", "3"),
            ("outage_timeout", "60"),
            ("strict_eid", "on"),
            ("allow_rounded_eid", "on"),
            ("sign_method", "md5"),
            ("ca_file", "/etc/ca.pem"),
            ("client_cert_file", "/etc/client.pem"),
            ("client_key_file", "/etc/client.key"),
            ("proxy", "http://proxy:3128"),
            ("source_address", "192.0.2.1"),
            ("user_agent_suffix", "billing/2.3"),
        ] {
            config.set(option, value).expect(option);
        }
        config
    }

    #[test]
    fn option_values_round_trip_through_set() {
        for config in [sample(), Config::default()] {
            let mut again = Config::default();
            for (option, value) in config.values() {
                let Some(value) = value else { continue };
                again.set(option, &value).expect(option);
            }
            assert_eq!(format!("{again:?}"), format!("{config:?}"));
            assert_eq!(again.proxy, config.proxy);
        }
        assert!(sample().values().iter().all(|(_, value)| value.is_some()));
    }

    #[test]
    fn proxy_from_the_environment_is_shown_as_it_is() {
        let config = Config { proxy: Some("env".to_owned()), ..Config::default() };
        assert!(config.values().contains(&("proxy", Some("env".to_owned()))));
    }

    #[test]
    fn secrets_are_masked() {
        let mut config = sample();
        for proxy in [
            "http://user:hunter2@proxy:3128",
            "http://user:hunter2@x@proxy:3128",
            "user:hunter2",
            "hunter2@x",
        ] {
            config.proxy = Some(proxy.to_owned());
            let shown = format!("{:?}", config.values());
            assert!(!shown.contains("hunter2") && shown.contains("[redacted]"), "{shown}");
        }
    }
}
