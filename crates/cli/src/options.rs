//! The options of the client: flags over environment over defaults.

use clap::Args;
use eiot::{Config, Error};

/// Each option and its flag's value, if it was given.
type Given<'a> = (&'static str, Option<&'a String>);

// A flag an option, by the same name. Values are texts that the library reads, as it reads the environment's.
#[derive(Args)]
pub(crate) struct Options {
    /// Identifies the account's application [EIOT_APPKEY]
    #[arg(long)]
    appkey: Option<String>,
    #[command(flatten)]
    signing: SigningOptions,
    /// The URL of the platform: https, or http to a loopback address [EIOT_BASE_URL]
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// Allow plain http to any address; it is not encrypted [EIOT_ALLOW_HTTP]
    #[arg(long, value_name = "on|off", num_args = 0..=1, require_equals = true, default_missing_value = "on")]
    allow_http: Option<String>,
    /// Timeout of a whole call, per EID, including retries [EIOT_TIMEOUT]
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<String>,
    /// Timeout of establishing a connection [EIOT_CONNECT_TIMEOUT]
    #[arg(long, value_name = "SECONDS")]
    connect_timeout: Option<String>,
    /// Maximum number of requests per call, including retries [EIOT_MAX_ATTEMPTS]
    #[arg(long, value_name = "COUNT")]
    max_attempts: Option<String>,
    /// The account's rate limit in calls per second, or off [EIOT_RATE_LIMIT]
    #[arg(long, visible_alias = "rate", value_name = "CALLS")]
    rate_limit: Option<String>,
    /// Who shares the rate limit: process, host, redis://..., or auto [EIOT_RATE_SCOPE]
    #[arg(long, value_name = "SCOPE")]
    rate_scope: Option<String>,
    /// The directory of the shared rate file [EIOT_RATE_DIR]
    #[arg(long, value_name = "DIR")]
    rate_dir: Option<String>,
    /// This process's share of the rate limit, for fleets: 2/5 [EIOT_RATE_SHARE]
    #[arg(long, value_name = "INDEX/COUNT")]
    rate_share: Option<String>,
    /// Wait for the rate limiter; off: fail immediately [EIOT_RATE_WAIT]
    #[arg(long, value_name = "on|off", num_args = 0..=1, require_equals = true, default_missing_value = "on")]
    rate_wait: Option<String>,
    /// Minimum time between two refreshes of one card, or off [EIOT_EID_COOLDOWN]
    #[arg(long, value_name = "SECONDS")]
    eid_cooldown: Option<String>,
    /// Correct timestamps by the platform's clock [EIOT_CLOCK_SKEW]
    #[arg(long, value_name = "on|off", num_args = 0..=1, require_equals = true, default_missing_value = "on")]
    clock_skew: Option<String>,
    /// The meaning of platform error codes; see below for KIND [EIOT_ERROR_CODES]
    #[arg(long, value_name = "CODE=KIND,...")]
    error_codes: Option<String>,
    /// Stop a run after this many consecutive authentication failures, or off [EIOT_MAX_AUTH_FAILURES]
    #[arg(long, value_name = "COUNT")]
    max_auth_failures: Option<String>,
    /// How long a run waits for an unreachable platform, or off [EIOT_OUTAGE_TIMEOUT]
    #[arg(long, value_name = "SECONDS")]
    outage_timeout: Option<String>,
    /// Accept only GSMA EIDs: 32 digits with a valid checksum [EIOT_STRICT_EID]
    #[arg(long, value_name = "on|off", num_args = 0..=1, require_equals = true, default_missing_value = "on")]
    strict_eid: Option<String>,
    /// Trust these CA certificates (PEM) instead of the system's [EIOT_CA_FILE]
    #[arg(long, value_name = "FILE")]
    ca_file: Option<String>,
    /// Present this client certificate (PEM), with its chain [EIOT_CLIENT_CERT_FILE]
    #[arg(long, value_name = "FILE")]
    client_cert_file: Option<String>,
    /// The private key of that certificate (PEM) [EIOT_CLIENT_KEY_FILE]
    #[arg(long, value_name = "FILE")]
    client_key_file: Option<String>,
    /// Use this proxy (http, https, socks5 or socks5h), or env [EIOT_PROXY]
    #[arg(long, value_name = "URL")]
    proxy: Option<String>,
    /// Connect from this IP address of this machine [EIOT_SOURCE_ADDRESS]
    #[arg(long, value_name = "ADDRESS")]
    source_address: Option<String>,
    /// Name your program in the User-Agent header: billing/2.3 [EIOT_USER_AGENT_SUFFIX]
    #[arg(long, value_name = "TEXT")]
    user_agent_suffix: Option<String>,
}

// The options that also matter to a signature by itself.
#[derive(Args)]
pub(crate) struct SigningOptions {
    /// Read the secret from this file, which contains nothing else [EIOT_SECRET_FILE]
    #[arg(long, value_name = "FILE")]
    secret_file: Option<String>,
    /// The hash function of the signature, sha1 or md5 [EIOT_SIGN_METHOD]
    #[arg(long, value_name = "HASH")]
    sign_method: Option<String>,
}

impl Options {
    /// The flags over the environment's configuration.
    pub(crate) fn config(&self) -> Result<Config, Error> {
        let given = [
            ("appkey", self.appkey.as_ref()),
            ("base_url", self.base_url.as_ref()),
            ("allow_http", self.allow_http.as_ref()),
            ("timeout", self.timeout.as_ref()),
            ("connect_timeout", self.connect_timeout.as_ref()),
            ("max_attempts", self.max_attempts.as_ref()),
            ("rate_limit", self.rate_limit.as_ref()),
            ("rate_scope", self.rate_scope.as_ref()),
            ("rate_dir", self.rate_dir.as_ref()),
            ("rate_share", self.rate_share.as_ref()),
            ("rate_wait", self.rate_wait.as_ref()),
            ("eid_cooldown", self.eid_cooldown.as_ref()),
            ("clock_skew", self.clock_skew.as_ref()),
            ("error_codes", self.error_codes.as_ref()),
            ("max_auth_failures", self.max_auth_failures.as_ref()),
            ("outage_timeout", self.outage_timeout.as_ref()),
            ("strict_eid", self.strict_eid.as_ref()),
            ("ca_file", self.ca_file.as_ref()),
            ("client_cert_file", self.client_cert_file.as_ref()),
            ("client_key_file", self.client_key_file.as_ref()),
            ("proxy", self.proxy.as_ref()),
            ("source_address", self.source_address.as_ref()),
            ("user_agent_suffix", self.user_agent_suffix.as_ref()),
        ];
        over_environment(&[&given[..], &self.signing.given()].concat())
    }
}

impl SigningOptions {
    /// As [`Options::config`], for these options only.
    pub(crate) fn config(&self) -> Result<Config, Error> {
        over_environment(&self.given())
    }

    fn given(&self) -> [Given<'_>; 2] {
        [("secret_file", self.secret_file.as_ref()), ("sign_method", self.sign_method.as_ref())]
    }
}

fn over_environment(flags: &[Given<'_>]) -> Result<Config, Error> {
    let given: Vec<(&str, &str)> =
        flags.iter().filter_map(|(option, value)| Some((*option, value.as_ref()?.as_str()))).collect();
    let names: Vec<&str> = given.iter().map(|(option, _)| *option).collect();
    let mut config = Config::default();
    config.user_agent_suffix = "(cli)".to_owned();
    config.read_env(&names)?;
    for (option, value) in given {
        config.set(option, value)?;
    }
    Ok(config)
}
