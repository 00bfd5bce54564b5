//! `eiot call`: any signed call of the platform's API.

use crate::help;
use crate::input::read_file;
use crate::options::Options;
use crate::output::record::{Record, safe_json};
use crate::output::verbose_logger::VerboseLogger;
use crate::output::{ExitCode, Failure, print_line, warn};
use clap::Args;
use eiot::{Client, Error, Reply};
use std::path::Path;

/// Make any signed call of the platform's API and print the data of the reply.
///
/// appkey, timestamp, nonce and sign are added to the parameters. If the reply is lost, the call is retried only when it is
/// idempotent: read-only calls and refreshUsage are; for other calls pass --idempotent.
#[derive(Args)]
#[command(after_help = help::for_call())]
pub(crate) struct Call {
    /// The path of the call
    #[arg(value_name = "PATH")]
    path: String,
    /// The parameters: a JSON object, or - for standard input
    #[arg(value_name = "PARAMETERS", default_value = "{}")]
    parameters: String,
    /// The call is idempotent: retry it if its reply is lost
    #[arg(long)]
    idempotent: bool,
    /// Print the whole outcome, success or failure, as one JSON object
    #[arg(long)]
    json: bool,
    /// Print a line per attempt on standard error, with the time
    #[arg(short, long)]
    verbose: bool,
    #[command(flatten)]
    options: Options,
}

impl Call {
    /// Makes the call and prints the reply.
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let (eid, result) = match self.call() {
            Ok(call) => (call.eid().map(str::to_owned), self.send(&call)),
            Err(error) => (None, Err(error)),
        };
        match result {
            Ok(reply) => {
                print_line(&match self.json {
                    true => Record::of_reply(&reply)?.to_line()?,
                    // Valid JSON even if there is no data.
                    false => safe_json(reply.data_json().unwrap_or("null")),
                })?;
                Ok(ExitCode::Success)
            }
            Err(error) => {
                match self.json {
                    true => print_line(&Record::of_error(&eid.unwrap_or_default(), &error).to_line()?)?,
                    false => warn(&error),
                }
                Ok(ExitCode::of(error.kind()))
            }
        }
    }

    fn call(&self) -> Result<eiot::Call, Error> {
        let parameters = match self.parameters.as_str() {
            "-" => standard_input()?,
            text => text.to_owned(),
        };
        let call = eiot::Call::from_json(&self.path, &parameters)?;
        Ok(if self.idempotent { call.idempotent(true) } else { call })
    }

    fn send(&self, call: &eiot::Call) -> Result<Reply, Error> {
        let client = Client::new(self.options.config()?)?;
        client.call_observed(call, &mut VerboseLogger { verbose: self.verbose, quiet: false })
    }
}

fn standard_input() -> Result<String, Error> {
    String::from_utf8(read_file(Path::new("-"))?)
        .map_err(|why| Error::invalid_argument(format!("standard input is not UTF-8: {why}")))
}
