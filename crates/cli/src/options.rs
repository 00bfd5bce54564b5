//! The options of the client: flags over environment over defaults.

use clap::Args;
use eiot::{Config, Error, Secret};

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
    /// The environment's configuration, overridden by the flags.
    pub(crate) fn config(&self) -> Result<Config, Error> {
        let Self { appkey, signing, base_url, timeout, connect_timeout, strict_eid, ca_file, proxy } = self;
        let mut config = signing.config()?;
        let given: [Given<'_>; 7] = [
            ("appkey", appkey.as_ref()),
            ("base_url", base_url.as_ref()),
            ("timeout", timeout.as_ref()),
            ("connect_timeout", connect_timeout.as_ref()),
            ("strict_eid", strict_eid.as_ref()),
            ("ca_file", ca_file.as_ref()),
            ("proxy", proxy.as_ref()),
        ];
        set(&mut config, &given)?;
        Ok(config)
    }
}

impl SigningOptions {
    /// As [`Options::config`], for these options only.
    pub(crate) fn config(&self) -> Result<Config, Error> {
        let Self { secret_file, sign_method } = self;
        let mut config = Config::from_env()?;
        config.face = "cli";
        if secret_file.is_some() {
            // The flag overrides the environment, where the secret itself may stand.
            config.secret = Secret::default();
        }
        set(&mut config, &[("secret_file", secret_file.as_ref()), ("sign_method", sign_method.as_ref())])?;
        Ok(config)
    }
}

fn set(config: &mut Config, given: &[Given<'_>]) -> Result<(), Error> {
    for (option, value) in given {
        if let Some(value) = value {
            config.set(option, value)?;
        }
    }
    Ok(())
}
