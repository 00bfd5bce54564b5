//! `eiot sign`: the signature by itself, to compare with another program's.

use crate::help;
use crate::options::SigningOptions;
use crate::output::{Failure, say};
use clap::Args;
use eiot::{Error, SignMethod, escaped};

/// Compute the platform's signature of flat parameters.
///
/// Reads the secret from EIOT_SECRET or a file. Sends nothing.
#[derive(Args)]
#[command(after_help = help::FOR_SIGN)]
pub(crate) struct Sign {
    /// The parameters, in any order
    #[arg(value_name = "NAME=VALUE", required = true)]
    params: Vec<String>,
    /// Print the string to sign, with the secret masked, instead of the signature
    #[arg(long)]
    explain: bool,
    #[command(flatten)]
    options: SigningOptions,
}

impl Sign {
    /// Prints the signature, or how it comes about.
    pub(crate) fn run(&self) -> Result<u8, Failure> {
        let config = self.options.config()?;
        let params = pairs(&self.params)?;
        if self.explain {
            say(&explanation(&eiot::string_to_sign(&params)?, config.sign_method))?;
        } else {
            say(&eiot::sign(&params, &config.read_secret()?, config.sign_method)?)?;
        }
        Ok(0)
    }
}

/// Splits each `NAME=VALUE`. What is wrong is not repeated: it may be a secret that slipped in.
fn pairs(params: &[String]) -> Result<Vec<(&str, &str)>, Error> {
    let mut pairs = Vec::with_capacity(params.len());
    for (place, param) in (1..).zip(params) {
        let Some((name, value)) = param.split_once('=') else {
            let text = format!("parameter {place} has no =; write parameters as NAME=VALUE");
            return Err(Error::invalid_argument(text));
        };
        if name == "secret" {
            let text = "the secret is not a parameter: it is appended automatically; set EIOT_SECRET or --secret-file";
            return Err(Error::invalid_argument(text));
        }
        pairs.push((name, value));
    }
    Ok(pairs)
}

/// The steps from the parameters to the signature, one a line.
fn explanation(masked: &str, method: SignMethod) -> String {
    let hash = match method {
        SignMethod::Sha1 => "SHA-1",
        SignMethod::Md5 => "MD5",
    };
    let masked = escaped(masked);
    format!(
        "leave out  empty values and sign\n\
         sort       by name, in byte order\n\
         join       {masked}\n\
         hash       {hash} of the UTF-8 bytes\n\
         write      as upper-case hex"
    )
}
