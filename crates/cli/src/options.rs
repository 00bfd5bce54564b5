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
    /// Where the platform is; https, or http to this machine [EIOT_BASE_URL]
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// How long the whole call may take, for each EID [EIOT_TIMEOUT]
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<String>,
    /// How long making a connection may take [EIOT_CONNECT_TIMEOUT]
    #[arg(long, value_name = "SECONDS")]
    connect_timeout: Option<String>,
    /// Ask for GSMA EIDs: 32 digits that pass the check [EIOT_STRICT_EID]
    #[arg(long, value_name = "on|off", num_args = 0..=1, require_equals = true, default_missing_value = "on")]
    strict_eid: Option<String>,
    /// Trust these certificate authorities (PEM) instead of the system's [EIOT_CA_FILE]
    #[arg(long, value_name = "FILE")]
    ca_file: Option<String>,
    /// Go through this HTTP proxy [EIOT_PROXY]
    #[arg(long, value_name = "URL")]
    proxy: Option<String>,
}

// The options that also matter to a signature by itself.
#[derive(Args)]
pub(crate) struct SigningOptions {
    /// Read the secret from this file; it holds nothing else [EIOT_SECRET_FILE]
    #[arg(long, value_name = "FILE")]
    secret_file: Option<String>,
    /// The hash behind the signature, sha1 or md5 [EIOT_SIGN_METHOD]
    #[arg(long, value_name = "HASH")]
    sign_method: Option<String>,
}

impl Options {
    /// The flags over the environment's configuration.
    pub(crate) fn config(&self) -> Result<Config, Error> {
        let Self { appkey, signing, base_url, timeout, connect_timeout, strict_eid, ca_file, proxy } = self;
        let given = [
            ("appkey", appkey.as_ref()),
            ("base_url", base_url.as_ref()),
            ("timeout", timeout.as_ref()),
            ("connect_timeout", connect_timeout.as_ref()),
            ("strict_eid", strict_eid.as_ref()),
            ("ca_file", ca_file.as_ref()),
            ("proxy", proxy.as_ref()),
        ];
        over_environment(&[&given[..], &signing.given()].concat())
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
    let mut config = Config::from_env_with(&given)?;
    config.face = "cli";
    Ok(config)
}
