//! `eiot sign`: the signature alone, to compare with that of another program.

use crate::help;
use crate::options::SigningOptions;
use crate::output::{ExitCode, Failure, print_line};
use clap::Args;
use eiot::{Error, SignMethod, escaped};

/// Print the signature of flat parameters, as the platform computes it.
///
/// The secret comes from EIOT_SECRET or from a file. Sends nothing.
#[derive(Args)]
#[command(after_help = help::for_sign())]
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
    /// Prints the signature, or how it is computed.
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let config = self.options.config()?;
        let params = pairs(&self.params)?;
        if self.explain {
            print_line(&explanation(&eiot::string_to_sign(&params)?, config.sign_method))?;
        } else {
            print_line(&eiot::sign(&params, &config.read_secret()?, config.sign_method)?)?;
        }
        Ok(ExitCode::Success)
    }
}

/// Splits each `NAME=VALUE`. Errors do not quote the parameter, because it may be a secret given by mistake.
fn pairs(params: &[String]) -> Result<Vec<(&str, &str)>, Error> {
    let mut pairs = Vec::with_capacity(params.len());
    for (place, param) in (1..).zip(params) {
        let Some((name, value)) = param.split_once('=') else {
            let text = format!("parameter {place} has no \"=\"; write parameters as NAME=VALUE");
            return Err(Error::invalid_argument(text));
        };
        if name == "secret" {
            let text = "the secret is not a parameter; set it with EIOT_SECRET or --secret-file";
            return Err(Error::invalid_argument(text));
        }
        pairs.push((name, value));
    }
    Ok(pairs)
}

/// The steps from the parameters to the signature, one per line.
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
