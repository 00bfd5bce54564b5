//! The single table of options. The struct [`Config`], defaults, parsing, validation, the environment, the command's
//! flags and help, and the table in the README derive from it.

use super::RateScope;
use super::kinds::*;
use crate::error::{CodeMeaning, Error};
use crate::signing::{Secret, SignMethod};
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// One option, for documentation and command lines.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct OptionInfo {
    /// Its name, as [`Config::set`] takes it; its environment variable is `EIOT_` and the name in upper case.
    pub name: &'static str,
    /// The placeholder of its value in a usage line, for example `SECONDS`.
    pub value_name: &'static str,
    /// Its default in words, if it has one.
    pub default: &'static str,
    /// Its documentation: sentences, the first of which is a summary. `` ` `` marks code.
    pub documentation: &'static str,
    /// Whether each call can have its own value ([`Client::with_options`](crate::Client::with_options)). All other options
    /// belong to what clients share: connections, the account's rate, cooldowns.
    pub is_per_call: bool,
    /// Whether its value is on or off.
    pub is_switch: bool,
}

impl OptionInfo {
    /// The first sentence of the documentation, without its full stop.
    pub fn summary(&self) -> &'static str {
        let end = self.documentation.find(". ").unwrap_or(self.documentation.len());
        self.documentation.get(..end).unwrap_or_default().trim().trim_end_matches('.')
    }
}

macro_rules! options {
    ($($(#[doc = $doc:literal])+ $name:ident: $type:ty = $value:expr; $kind:ident, $value_name:literal, $scope:ident, default $default:literal;)*) => {
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
            $($(#[doc = $doc])+ #[doc = concat!("\n\nDefault: ", $default, ".")] pub $name: $type,)*
        }

        impl Default for Config {
            fn default() -> Self {
                Self { $($name: $value,)* }
            }
        }

        impl Config {
            /// Every option by name, in the order of [`Config::TABLE`].
            pub const OPTIONS: [&'static str; [$(stringify!($name)),*].len()] = [$(stringify!($name)),*];

            /// Every option, for documentation and command lines.
            pub const TABLE: [OptionInfo; Self::OPTIONS.len()] = [$(OptionInfo {
                name: stringify!($name),
                value_name: $value_name,
                default: $default,
                documentation: concat!($($doc),+),
                is_per_call: is_per_call!($scope),
                is_switch: <$kind as Kind>::IS_SWITCH,
            }),*];

            /// Sets an option from text, as environments and command lines have it, and checks the value. Durations are
            /// seconds (`"2.5"`), switches are `on`/`off`, `true`/`false`, `yes`/`no` or `1`/`0`, `rate_limit`,
            /// `eid_cooldown`, `max_auth_failures` and `outage_timeout` can be `off` or 0, `rate_share` is `2/5`, and
            /// `error_codes` is `CODE=MEANING,CODE=MEANING` with the names of [`CodeMeaning`].
            ///
            /// # Errors
            /// [`ErrorKind::Config`](crate::ErrorKind::Config), which names the option and says what it takes.
            pub fn set(&mut self, option: &str, value: &str) -> Result<(), Error> {
                match option {
                    $(stringify!($name) => {
                        let value = $kind::parse(stringify!($name), value)?;
                        $kind::check(stringify!($name), &value)?;
                        self.$name = value;
                    })*
                    _ => return Err(unknown(option)),
                }
                Ok(())
            }

            /// Checks each value by itself, as [`Config::set`] does: for callers that set fields. What depends on files or
            /// on several options is checked when a client is made.
            ///
            /// # Errors
            /// As [`Config::set`].
            pub fn check(&self) -> Result<(), Error> {
                $($kind::check(stringify!($name), &self.$name)?;)*
                Ok(())
            }

            /// Every option and its value, as [`Config::set`] takes it; `None` if it is not set. The secret and the
            /// proxy's password are masked.
            pub fn values(&self) -> [(&'static str, Option<String>); Self::OPTIONS.len()] {
                [$((stringify!($name), $kind::show(&self.$name))),*]
            }

            /// The first option that must be the same for two clients that share connections and rate, but differs.
            pub(crate) fn shared_difference(&self, other: &Self) -> Option<&'static str> {
                $(if !is_per_call!($scope) && self.$name != other.$name {
                    return Some(stringify!($name));
                })*
                None
            }
        }

        /// Masks the secret, and the proxy's password.
        impl fmt::Debug for Config {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_map().entries(self.values().into_iter().filter(|(_, value)| value.is_some())).finish()
            }
        }
    };
}

macro_rules! is_per_call {
    (per_call) => {
        true
    };
    (shared) => {
        false
    };
}

// name: type = default; kind of value, its name in a usage line, per_call or shared, default in words
options! {
    /// Identifies the account's application.
    appkey: String = String::new(); Text, "TEXT", shared, default "required";

    /// Signs each request.
    /// It is never sent and never shown, and is wiped from memory when it is freed.
    /// The command has no flag for it, since other users could read it in the process list.
    secret: Secret = Secret::default(); SecretText, "TEXT", shared, default "required";

    /// A file that holds the secret, in place of `secret`.
    /// A line end after the secret is ignored.
    secret_file: Option<PathBuf> = None; FilePath, "FILE", shared, default "none";

    /// The platform's URL.
    /// It must be `https`, or `http` to a loopback address.
    base_url: String = "https://oapi.eiotclub.com".to_owned(); BaseUrl, "URL", shared, default "`https://oapi.eiotclub.com`";

    /// Allow plain `http` to any address.
    /// Appkey and signature can then be read on the way.
    allow_http: bool = false; Switch, "on|off", shared, default "off";

    /// Timeout of a whole call in seconds, including all attempts and waits.
    /// C takes milliseconds (`timeout_ms`).
    timeout: Duration = Duration::from_secs(30); Seconds, "SECONDS", per_call, default "30";

    /// Timeout of connecting in seconds, including DNS lookup and TLS handshake.
    /// C takes milliseconds (`connect_timeout_ms`).
    connect_timeout: Duration = Duration::from_secs(5); Seconds, "SECONDS", shared, default "5";

    /// Maximum number of requests per call: the first one, and retries of transient failures.
    max_attempts: u32 = 3; Attempts, "COUNT", per_call, default "3";

    /// The account's rate limit in calls per second, or `off`.
    /// 95 % of it is used, evenly spaced.
    /// 10 is reported by third parties.
    /// C and Python take 0 for `off`.
    rate_limit: Option<f64> = Some(10.0); RateLimit, "CALLS", shared, default "10";

    /// Which clients share the rate limit: `process`, `host`, a `redis://` or `rediss://` URL, or `auto`.
    /// `process` is all clients in this process, `host` all processes of this user on this machine, Redis all machines.
    /// `auto` is `host` where its directory can be used, otherwise `process` and a line in the log.
    rate_scope: RateScope = RateScope::Auto; Scope, "SCOPE", shared, default "`auto`";

    /// The directory of the shared rate file.
    /// Set it if several users or containers share the rate; all of them need write access.
    rate_dir: Option<PathBuf> = None; FilePath, "DIR", shared, default "`/tmp/eiot-UID`; on Windows `AppData\\Local\\eiot`";

    /// This client's share of the rate limit, INDEX/COUNT, for fleets without a common Redis.
    /// `2/5` is the second of five.
    rate_share: (u32, u32) = (1, 1); Share, "INDEX/COUNT", shared, default "`1/1`";

    /// Wait for the rate limiter, within `timeout`.
    /// Off: a call that would have to wait fails immediately.
    /// A batch always waits.
    rate_wait: bool = true; Switch, "on|off", per_call, default "on";

    /// Cooldown per card in seconds, or `off`: refreshing a card again sooner fails.
    /// The vendor documents 300 s for the corresponding call by ICCID; for EIDs that is inferred.
    /// C takes milliseconds (`eid_cooldown_ms`).
    eid_cooldown: Duration = Duration::ZERO; SecondsOrOff, "SECONDS", shared, default "off";

    /// Correct the timestamps of requests by the clock offset measured from the platform's replies.
    clock_skew: bool = true; Switch, "on|off", shared, default "on";

    /// The meaning of platform error codes: `CODE=MEANING,CODE=MEANING`.
    /// Meanings are `auth`, `rate_limited`, `cooldown`, `unavailable`, `platform`, `final` (the same call would fail again)
    /// and `retry` (transient).
    /// Takes precedence over the published table.
    error_codes: BTreeMap<String, CodeMeaning> = BTreeMap::new(); ErrorCodes, "CODE=MEANING,...", per_call, default "none";

    /// Stop a batch after this many consecutive authentication failures, or `off`.
    /// The remaining cards come back unsent.
    max_auth_failures: u32 = 20; CountOrOff, "COUNT", per_call, default "20";

    /// How long in seconds a batch holds its cards back while the platform is unreachable, or `off`.
    /// The same applies to the Redis that shares the rate.
    /// Then it gives up, and the remaining cards come back unsent.
    /// Off: each card fails like a single call.
    /// C takes milliseconds (`outage_timeout_ms`).
    outage_timeout: Duration = Duration::from_secs(15 * 60); SecondsOrOff, "SECONDS", per_call, default "900";

    /// Accept only GSMA EIDs: 32 digits with a valid checksum.
    strict_eid: bool = false; Switch, "on|off", per_call, default "off";

    /// Accept EIDs that a spreadsheet or a JSON number seems to have rounded.
    /// Off: an EID of 28 or more digits whose last digits are lost is malformed.
    allow_rounded_eid: bool = false; Switch, "on|off", per_call, default "off";

    /// The hash function of the signature: `sha1` or `md5`.
    sign_method: SignMethod = SignMethod::Sha1; Method, "HASH", shared, default "`sha1`";

    /// A PEM file of CA certificates to trust instead of the system's.
    ca_file: Option<PathBuf> = None; FilePath, "FILE", shared, default "the system's";

    /// A PEM file with the client certificate, followed by its chain, for mutual TLS.
    /// Requires `client_key_file`.
    client_cert_file: Option<PathBuf> = None; FilePath, "FILE", shared, default "none";

    /// A PEM file with the private key of the client certificate, without a passphrase.
    client_key_file: Option<PathBuf> = None; FilePath, "FILE", shared, default "none";

    /// A proxy, `http://[user:password@]host:port`, or `env`.
    /// The scheme can also be `https`, `socks5` (host names are resolved locally) or `socks5h` (the proxy resolves them).
    /// `env` reads `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` when the client is made.
    proxy: Option<String> = None; ProxyUrl, "URL", shared, default "none";

    /// The local IP address to connect from.
    /// The platform allow-lists addresses, and a host can have several.
    /// `0.0.0.0` is any IPv4 address, `::` any IPv6 address.
    source_address: Option<IpAddr> = None; Address, "ADDRESS", shared, default "the system's choice";

    /// Suffix of the User-Agent header, which names your program to the platform, for example `billing/2.3`.
    /// The header is then `eiot/0.1.0 billing/2.3`.
    /// At most 200 printable ASCII characters.
    user_agent_suffix: String = "(rust)".to_owned(); UserAgentSuffix, "TEXT", shared, default "the language, such as `(c)`";
}

fn unknown(option: &str) -> Error {
    let valid = Config::OPTIONS.join(", ");
    Error::config(option, format!("unknown option; valid options are {valid}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The README's table of options.
    fn table() -> String {
        let mut text = String::from("| name | default | what it is |\n|---|---|---|\n");
        for OptionInfo { name, default, documentation, .. } in Config::TABLE {
            let documentation = documentation.trim().replace('|', "\\|");
            text.push_str(&format!("| `{name}` | {default} | {documentation} |\n"));
        }
        text
    }

    #[test]
    fn readme_has_the_table_of_options() {
        let (begin, end) = ("<!-- options: begin -->\n", "<!-- options: end -->");
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md");
        let readme = std::fs::read_to_string(path).expect("README.md");
        let (before, rest) = readme.split_once(begin).expect("a marker");
        let (found, after) = rest.split_once(end).expect("another");
        if std::env::var_os("EIOT_WRITE_README").is_some() {
            std::fs::write(path, format!("{before}{begin}{}{end}{after}", table())).expect("written");
            return;
        }
        assert_eq!(found, table(), "EIOT_WRITE_README=1 writes it");
    }

    #[test]
    fn default_in_words_is_the_default() {
        for (info, (option, value)) in Config::TABLE.iter().zip(Config::default().values()) {
            assert_eq!(info.name, option);
            let words = info.default.trim_matches('`');
            match value {
                Some(value) if option != "user_agent_suffix" => assert_eq!(words, value, "{option}"),
                _ => assert!(!words.is_empty(), "{option}"),
            }
        }
    }

    #[test]
    fn summary_is_one_line_of_plain_text() {
        for info in Config::TABLE {
            let summary = info.summary();
            assert!(
                (10..130).contains(&summary.len()) && !summary.ends_with('.'),
                "{}: {summary}",
                info.name
            );
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
