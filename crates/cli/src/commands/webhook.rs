//! `eiot webhook`: verifies webhooks, which the platform sends to its customers' servers.

use crate::help;
use crate::input::read_file;
use crate::options::SigningOptions;
use crate::output::{ExitCode, Failure, print_line};
use clap::{Args, Subcommand};
use eiot::verify_webhook;
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
    /// Runs the subcommand.
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        match &self.command {
            Command::Verify(verify) => verify.run(),
        }
    }
}

/// Verify the signature of a webhook: it was sent by the platform and is unchanged.
///
/// The secret comes from EIOT_SECRET or from a file. Sends nothing.
#[derive(Args)]
#[command(after_help = help::for_webhook_verify())]
struct Verify {
    /// A file with the verbatim body of the webhook's HTTP request, or - for standard input
    #[arg(value_name = "FILE", default_value = "-")]
    file: PathBuf,
    /// Reject webhooks whose timestamp is further away from this machine's clock
    #[arg(long, value_name = "SECONDS")]
    max_age: Option<u64>,
    #[command(flatten)]
    options: SigningOptions,
}

impl Verify {
    /// Prints `genuine`, or fails.
    fn run(&self) -> Result<ExitCode, Failure> {
        let config = self.options.config()?;
        let secret = config.read_secret()?;
        let payload = read_file(&self.file)?;
        verify_webhook(payload, &secret, config.sign_method, self.max_age.map(Duration::from_secs))?;
        print_line("genuine")?;
        Ok(ExitCode::Success)
    }
}
