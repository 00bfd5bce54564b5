//! The options of a client, with the same names in every language.

use crate::credentials::{Credentials, Secret};
use crate::error::Error;
use crate::error_codes::CodeMeaning;
use crate::escape::is_unsafe;
use crate::files;
use crate::option_text::{error_codes, number, rate_limit, seconds, seconds_or_off, share, switch};
use crate::rate_limit::{RATE_USED, Rate, RedisUrl};
use crate::sign::SignMethod;
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// The production platform (seed document).
const BASE_URL: &str = "https://oapi.eiotclub.com";

/// The longest timeout that an option accepts.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// No file with a secret is larger.
const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// Who shares the account's rate, its nonces and the pause after "too many requests". All clients of an account should have
/// the same scope.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum RateScope {
    /// `Host` where its directory can be used, otherwise `Process` and a [`Notice`](crate::Notice).
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

/// The options of a [`Client`](crate::Client).
///
/// Only `appkey` and a secret are required. Values are checked by [`Client::new`](crate::Client::new).
///
/// ```
/// let mut config = eiot::Config::new("my-appkey", "my-secret");
/// config.timeout = std::time::Duration::from_secs(10);
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct Config {
    /// Identifies the account's application. Required.
    pub appkey: String,
    /// Signs each request and is never sent. Required, here or through `secret_file`.
    pub secret: Secret,
    /// A file that holds the secret and nothing else; a line end after it is ignored.
    pub secret_file: Option<PathBuf>,
    /// Where the platform is; `https`, or `http` to a loopback address. Default `https://oapi.eiotclub.com`.
    pub base_url: String,
    /// Allow plain `http` to any address: appkey and signature can then be read on the way. Default off.
    pub allow_http: bool,
    /// Timeout of a whole call, including all attempts and waits. Default 30 s.
    pub timeout: Duration,
    /// Timeout of establishing a connection, including DNS lookup and TLS handshake. Default 5 s.
    pub connect_timeout: Duration,
    /// Maximum number of requests per call: the first one, and retries of transient failures. Default 3.
    pub max_attempts: u32,
    /// The account's rate limit in calls per second; 95 % of it is used, evenly spaced. `None` is unlimited. Default 10
    /// (reported by a third party).
    pub rate_limit: Option<f64>,
    /// Which clients share the rate limit. Default [`RateScope::Auto`]: all processes of this user on this machine, if possible.
    pub rate_scope: RateScope,
    /// The directory of the shared rate file. All users who share it need write access. Default `/tmp/eiot-UID`,
    /// which belongs to one user; on Windows `eiot` in the user's temporary directory.
    pub rate_dir: Option<PathBuf>,
    /// This client's share of the rate limit, as (index, count), for fleets. Default (1, 1): all of it.
    pub rate_share: (u32, u32),
    /// Whether to wait for the rate limiter, within `timeout`, or fail immediately. Default on.
    pub rate_wait: bool,
    /// Cooldown per card: refreshing a card again sooner fails. Zero, the default, disables it. The vendor documents 300 s for the
    /// corresponding call by ICCID; for EIDs that is inferred.
    pub eid_cooldown: Duration,
    /// Corrects the timestamps of requests by the clock offset measured from the platform's replies. Default on.
    pub clock_skew: bool,
    /// The meaning of platform error codes. Takes precedence over the published table. Default empty.
    pub error_codes: BTreeMap<String, CodeMeaning>,
    /// How many consecutive authentication failures ([`Auth`](crate::ErrorKind::Auth)) without a success in between stop a batch:
    /// the remaining cards come back unsent. 0 disables this. Default 20.
    pub max_auth_failures: u32,
    /// How long a batch holds its cards back while the platform is unreachable, before it gives up and the remaining cards
    /// come back unsent. Zero disables holding: each card fails like a single call. Default 15 minutes.
    pub outage_timeout: Duration,
    /// Accepts only GSMA EIDs: 32 digits with a valid checksum. Default off.
    pub strict_eid: bool,
    /// The hash function of the signature. Default SHA-1.
    pub sign_method: SignMethod,
    /// A PEM file of CA certificates to trust *instead of* the system's.
    pub ca_file: Option<PathBuf>,
    /// A PEM file with the client certificate, followed by its chain, for mutual TLS. Default none.
    pub client_cert_file: Option<PathBuf>,
    /// The PEM file with the private key of the client certificate, without a passphrase. Required with `client_cert_file`.
    pub client_key_file: Option<PathBuf>,
    /// A proxy, `http://[user:password@]host:port`; the scheme can also be `https`, `socks5` (host names are resolved locally) or
    /// `socks5h` (the proxy resolves them). `env` reads `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` (`http_proxy` for plain http), in
    /// lower or upper case, once when the client is created. Default none.
    pub proxy: Option<String>,
    /// The local IP address to connect from. The platform allow-lists addresses, and a host can have several. `0.0.0.0` is any
    /// IPv4 address, `::` any IPv6 address. Default: the system chooses.
    pub source_address: Option<IpAddr>,
    /// Suffix of the User-Agent header, which names your program to the platform: `eiot/0.1.0` followed by this, for example
    /// `billing/2.3`. At most 200 printable ASCII characters. Default `(rust)`.
    pub user_agent_suffix: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            appkey: String::new(),
            secret: Secret::default(),
            secret_file: None,
            base_url: BASE_URL.to_owned(),
            allow_http: false,
            timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(5),
            max_attempts: 3,
            rate_limit: Some(10.0),
            rate_scope: RateScope::default(),
            rate_dir: None,
            rate_share: (1, 1),
            rate_wait: true,
            eid_cooldown: Duration::ZERO,
            clock_skew: true,
            error_codes: BTreeMap::new(),
            max_auth_failures: 20,
            outage_timeout: Duration::from_secs(15 * 60),
            strict_eid: false,
            sign_method: SignMethod::default(),
            ca_file: None,
            client_cert_file: None,
            client_key_file: None,
            proxy: None,
            source_address: None,
            user_agent_suffix: "(rust)".to_owned(),
        }
    }
}

impl Config {
    /// Every option, by the name that [`Config::set`] takes. In the environment the same names stand in upper
    /// case behind `EIOT_`.
    pub const OPTIONS: [&'static str; 26] = [
        "appkey",
        "secret",
        "secret_file",
        "base_url",
        "allow_http",
        "timeout",
        "connect_timeout",
        "max_attempts",
        "rate_limit",
        "rate_scope",
        "rate_dir",
        "rate_share",
        "rate_wait",
        "eid_cooldown",
        "clock_skew",
        "error_codes",
        "max_auth_failures",
        "outage_timeout",
        "strict_eid",
        "sign_method",
        "ca_file",
        "client_cert_file",
        "client_key_file",
        "proxy",
        "source_address",
        "user_agent_suffix",
    ];

    /// The share of `rate_limit` that is used, evenly spaced.
    pub const RATE_USED: f64 = RATE_USED;

    /// The defaults, for this account.
    pub fn new(appkey: impl Into<String>, secret: impl Into<Secret>) -> Self {
        Self { appkey: appkey.into(), secret: secret.into(), ..Self::default() }
    }

    /// Sets an option from text, as environments and command lines have it: durations are seconds (`"2.5"`),
    /// switches are `on`/`off`, `true`/`false`, `yes`/`no` or `1`/`0`, `rate_limit`, `eid_cooldown`, `max_auth_failures` and
    /// `outage_timeout` can be `off` or 0, `rate_share` is `2/5`, and `error_codes` is `CODE=KIND,CODE=KIND` with the names of
    /// [`CodeMeaning`].
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config), which names the option and says what it takes.
    pub fn set(&mut self, option: &str, value: &str) -> Result<(), Error> {
        match option {
            "appkey" => self.appkey = value.to_owned(),
            "secret" => self.secret = Secret::new(value),
            "secret_file" => self.secret_file = Some(value.into()),
            "base_url" => self.base_url = value.to_owned(),
            "allow_http" => self.allow_http = switch(option, value)?,
            "timeout" => self.timeout = seconds(option, value)?,
            "connect_timeout" => self.connect_timeout = seconds(option, value)?,
            "max_attempts" => self.max_attempts = number(option, value, "a whole number from 1 to 100")?,
            "rate_limit" => self.rate_limit = rate_limit(option, value)?,
            "rate_scope" => self.rate_scope = value.parse()?,
            "rate_dir" => self.rate_dir = Some(value.into()),
            "rate_share" => self.rate_share = share(option, value)?,
            "rate_wait" => self.rate_wait = switch(option, value)?,
            "eid_cooldown" => self.eid_cooldown = seconds_or_off(option, value)?,
            "clock_skew" => self.clock_skew = switch(option, value)?,
            "error_codes" => self.error_codes = error_codes(option, value)?,
            "max_auth_failures" if value == "off" => self.max_auth_failures = 0,
            "max_auth_failures" => {
                self.max_auth_failures = number(option, value, "a whole number, or off")?;
            }
            "outage_timeout" => self.outage_timeout = seconds_or_off(option, value)?,
            "strict_eid" => self.strict_eid = switch(option, value)?,
            "sign_method" => self.sign_method = SignMethod::from_str(value)?,
            "ca_file" => self.ca_file = Some(value.into()),
            "client_cert_file" => self.client_cert_file = Some(value.into()),
            "client_key_file" => self.client_key_file = Some(value.into()),
            "proxy" => self.proxy = Some(value.to_owned()),
            "source_address" => {
                self.source_address = Some(number(option, value, "an IP address of this machine")?);
            }
            "user_agent_suffix" => self.user_agent_suffix = value.to_owned(),
            _ => {
                let known = Self::OPTIONS.join(", ");
                return Err(Error::config(option, format!("unknown option; valid options are {known}")));
            }
        }
        Ok(())
    }

    /// Checks what can be checked without looking elsewhere.
    pub(crate) fn check(&self) -> Result<(), Error> {
        for (option, value) in [("timeout", self.timeout), ("connect_timeout", self.connect_timeout)] {
            if value.is_zero() || value > LONGEST {
                let takes = format!("must be more than 0 and at most 24 hours, not {value:?}");
                return Err(Error::config(option, takes));
            }
        }
        let refused = |option: &str, takes: &str, value: &dyn fmt::Debug| {
            Err(Error::config(option, format!("must be {takes}, not {value:?}")))
        };
        if !(1..=100).contains(&self.max_attempts) {
            return refused("max_attempts", "a whole number from 1 to 100", &self.max_attempts);
        }
        if let Some(limit) = self.rate_limit.filter(|limit| !(0.001..=1_000_000.0).contains(limit)) {
            return refused("rate_limit", "from 0.001 to 1000000 calls per second, or off", &limit);
        }
        let (which, of) = self.rate_share;
        if which == 0 || which > of {
            return refused("rate_share", "INDEX/COUNT, for example 2/5", &format!("{which}/{of}"));
        }
        for (option, value) in [("eid_cooldown", self.eid_cooldown), ("outage_timeout", self.outage_timeout)]
        {
            if value > LONGEST {
                return refused(option, "at most 24 hours", &value);
            }
        }
        let suffix = &self.user_agent_suffix;
        if suffix.len() > 200 || suffix.bytes().any(|byte| !matches!(byte, b' '..=b'~')) {
            return refused("user_agent_suffix", "at most 200 printable ASCII characters", suffix);
        }
        Ok(())
    }

    /// What the rate limiter is told.
    pub(crate) fn rate(&self) -> Rate {
        Rate { limit: self.rate_limit, share: self.rate_share }
    }

    /// Who calls; reads `secret_file`.
    pub(crate) fn credentials(&self) -> Result<Credentials, Error> {
        if self.appkey.is_empty() {
            return Err(missing("appkey", "EIOT_APPKEY"));
        }
        if self.appkey.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(Error::config("appkey", "must not contain whitespace or control characters"));
        }
        refuse_invisible("appkey", &self.appkey)?;
        Ok(Credentials { appkey: self.appkey.clone(), secret: self.read_secret()? })
    }

    /// The secret, from `secret` or from `secret_file`, whichever is given: for [`sign`](crate::sign()) by itself.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) when there is none, when there are two, or when it cannot be
    /// read or used.
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
        refuse_invisible("secret", secret.expose())?;
        Ok(secret)
    }
}

impl Config {
    /// What works, and should be changed all the same: a secret or private key in a file that every user of the machine can
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
fn refuse_invisible(option: &str, value: &str) -> Result<(), Error> {
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

impl fmt::Debug for Config {
    /// Masks the secret, and the proxy, whose address may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("appkey", &self.appkey)
            .field("secret", &self.secret)
            .field("secret_file", &self.secret_file)
            .field("base_url", &self.base_url)
            .field("allow_http", &self.allow_http)
            .field("timeout", &self.timeout)
            .field("connect_timeout", &self.connect_timeout)
            .field("max_attempts", &self.max_attempts)
            .field("rate_limit", &self.rate_limit)
            .field("rate_scope", &self.rate_scope)
            .field("rate_dir", &self.rate_dir)
            .field("rate_share", &self.rate_share)
            .field("rate_wait", &self.rate_wait)
            .field("eid_cooldown", &self.eid_cooldown)
            .field("clock_skew", &self.clock_skew)
            .field("error_codes", &self.error_codes)
            .field("max_auth_failures", &self.max_auth_failures)
            .field("outage_timeout", &self.outage_timeout)
            .field("strict_eid", &self.strict_eid)
            .field("sign_method", &self.sign_method)
            .field("ca_file", &self.ca_file)
            .field("client_cert_file", &self.client_cert_file)
            .field("client_key_file", &self.client_key_file)
            .field("proxy", &self.proxy.as_ref().map(|_| "[redacted]"))
            .field("source_address", &self.source_address)
            .field("user_agent_suffix", &self.user_agent_suffix)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn refusal(option: &str, value: &str) -> String {
        let error = Config::default().set(option, value).expect_err("a wrong value");
        assert_eq!(error.kind(), ErrorKind::Config);
        error.to_string()
    }

    #[test]
    fn every_option_can_be_set_from_text() {
        for option in Config::OPTIONS {
            let value = match option {
                "timeout" | "connect_timeout" | "eid_cooldown" | "outage_timeout" => "2.5",
                "strict_eid" | "allow_http" => "on",
                "rate_wait" | "clock_skew" | "rate_limit" => "off",
                "max_attempts" | "max_auth_failures" => "7",
                "rate_scope" => "host",
                "rate_share" => "2/5",
                "error_codes" => "45109=cooldown, sim.bad-sign=auth, 500=retry, 7=final,",
                "sign_method" => "md5",
                "source_address" => "::1",
                _ => "x",
            };
            let mut config = Config::default();
            config.set(option, value).expect(option);
            // Secrets look the same in Debug, whatever they are.
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
    fn a_wrong_value_names_the_option_and_what_it_takes() {
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
            "an unknown option lists the known ones"
        );
    }

    #[test]
    fn a_timeout_of_nothing_or_of_years_is_refused() {
        for timeout in [Duration::ZERO, Duration::MAX] {
            let mut config = Config::new("k", "s");
            config.timeout = timeout;
            assert!(config.check().expect_err("out of range").to_string().starts_with("timeout: "));
        }
    }

    #[test]
    fn what_no_client_can_do_is_refused() {
        let refusal = |option: &str, value: &str| {
            let mut config = Config::new("k", "s");
            config.set(option, value).expect("it parses");
            config.check().expect_err("out of range").to_string()
        };
        let wrong = [
            ("max_attempts", "0"),
            ("max_attempts", "101"),
            ("rate_limit", "-1"),
            ("rate_limit", "nan"),
            ("rate_limit", "inf"),
            ("rate_share", "0/5"),
            ("rate_share", "6/5"),
            ("eid_cooldown", "1e9"),
            ("outage_timeout", "1e9"),
        ];
        for (option, value) in wrong {
            assert!(refusal(option, value).starts_with(&format!("{option}: must be ")), "{option} {value}");
        }
    }

    #[test]
    fn credentials_that_are_missing_or_mangled_are_refused() {
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
    fn a_secret_file_that_others_can_read_is_warned_of() {
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
    fn a_secret_file_that_is_a_pipe_or_a_device_is_refused_at_once() {
        for path in ["/dev/zero", "/"] {
            let mut config = Config::new("k", "");
            config.secret_file = Some(path.into());
            let text = config.read_secret().expect_err("refused").to_string();
            assert!(text.starts_with("secret_file: ") && text.contains("regular file"), "{text}");
        }
    }

    #[test]
    fn a_secret_with_an_invisible_character_at_its_ends_is_refused_by_its_name() {
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

    #[test]
    fn debug_shows_neither_secret_nor_proxy_password() {
        let mut config = Config::new("k", "hunter2");
        config.proxy = Some("http://user:swordfish@proxy:3128".to_owned());
        let shown = format!("{config:?}");
        assert!(!shown.contains("hunter2") && !shown.contains("swordfish"), "{shown}");
    }
}
