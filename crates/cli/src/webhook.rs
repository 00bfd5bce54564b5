//! `eiot webhook`: checks webhooks, which the platform sends to its customers' servers.

use crate::help;
use crate::options::SigningOptions;
use crate::output::{Failure, say};
use clap::{Args, Subcommand};
use eiot::{Error, verify_webhook};
use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

/// Verify webhooks that the platform sends to your server.
#[derive(Args)]
pub(crate) struct Webhook {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Verify(Verify),
}

impl Webhook {
    pub(crate) fn run(&self) -> Result<u8, Failure> {
        match &self.command {
            Command::Verify(verify) => verify.run(),
        }
    }
}

/// Verify the signature of a webhook.
///
/// Reads the secret from EIOT_SECRET or a file. Sends nothing.
#[derive(Args)]
#[command(after_help = help::FOR_WEBHOOK_VERIFY)]
struct Verify {
    /// A file with the raw body of the webhook's HTTP request, or - for standard input
    #[arg(value_name = "FILE", default_value = "-")]
    file: PathBuf,
    /// Reject webhooks whose timestamp is further than this from this machine's clock
    #[arg(long, value_name = "SECONDS")]
    max_age: Option<u64>,
    #[command(flatten)]
    options: SigningOptions,
}

impl Verify {
    /// Says that it is genuine, or why not.
    fn run(&self) -> Result<u8, Failure> {
        let config = self.options.config()?;
        let secret = config.read_secret()?;
        let payload = self.payload()?;
        verify_webhook(payload, &secret, config.sign_method, self.max_age.map(Duration::from_secs))?;
        say("genuine")?;
        Ok(0)
    }

    fn payload(&self) -> Result<Vec<u8>, Error> {
        let mut payload = Vec::new();
        let read = match self.file.as_os_str() == "-" {
            true => std::io::stdin().lock().read_to_end(&mut payload).map(drop),
            false => std::fs::read(&self.file).map(|bytes| payload = bytes),
        };
        match read {
            Ok(()) => Ok(payload),
            Err(why) => {
                Err(Error::invalid_argument(format!("{} cannot be read: {why}", self.file.display())))
            }
        }
    }
}
