//! `eiot call`: any other signed call of the platform's family.

use crate::help;
use crate::options::Options;
use crate::output::record::{Record, safe_json};
use crate::output::verbose_logger::VerboseLogger;
use crate::output::{Failure, print_line, warn};
use clap::Args;
use eiot::{Client, Error, Reply};
use std::io::Read;

/// Make any signed call of the platform's, such as /api/v3/cloudesim/get, and print the reply's data.
///
/// appkey, timestamp, nonce and sign are added to the parameters. A call whose reply is lost is repeated only where that
/// is known to be harmless, or with --idempotent.
#[derive(Args)]
#[command(after_help = help::FOR_CALL)]
pub(crate) struct Call {
    /// Where the platform has the call
    #[arg(value_name = "PATH")]
    path: String,
    /// The parameters: a JSON object, or - for standard input
    #[arg(value_name = "PARAMETERS", default_value = "{}")]
    parameters: String,
    /// Repeating the call is harmless: try again when its reply is lost
    #[arg(long)]
    idempotent: bool,
    /// Print one JSON object that says all of the outcome, of failures too
    #[arg(long)]
    json: bool,
    /// Print a line for each attempt on standard error
    #[arg(short, long)]
    verbose: bool,
    #[command(flatten)]
    options: Options,
}

impl Call {
    /// Makes the call, and prints what the platform answers.
    pub(crate) fn run(&self) -> Result<u8, Failure> {
        let answer = self
            .call()
            .and_then(|call| self.send(&call).map_err(|error| (call.eid().map(str::to_owned), error)));
        match answer {
            Ok(reply) if self.json => print_line(&Record::of_reply(&reply)?.to_line()?).map(|()| 0),
            // Something that reads as JSON, also where there is no data.
            Ok(reply) => print_line(&safe_json(reply.data_json().unwrap_or("null"))).map(|()| 0),
            Err((eid, error)) => {
                match self.json {
                    true => {
                        print_line(&Record::of_error(eid.as_deref().unwrap_or_default(), &error).to_line()?)?
                    }
                    false => warn(&error),
                }
                Ok(error.kind().exit_code())
            }
        }
    }

    fn call(&self) -> Result<eiot::Call, (Option<String>, Error)> {
        let parameters = match self.parameters.as_str() {
            "-" => standard_input().map_err(|error| (None, error))?,
            text => text.to_owned(),
        };
        let call = eiot::Call::from_json(&self.path, &parameters).map_err(|error| (None, error))?;
        Ok(if self.idempotent { call.idempotent(true) } else { call })
    }

    fn send(&self, call: &eiot::Call) -> Result<Reply, Error> {
        let client = Client::new(self.options.config()?)?;
        client.call_observed(call, &mut VerboseLogger { verbose: self.verbose })
    }
}

fn standard_input() -> Result<String, Error> {
    let mut text = String::new();
    match std::io::stdin().lock().read_to_string(&mut text) {
        Ok(_) => Ok(text),
        Err(why) => Err(Error::invalid_argument(format!("standard input cannot be read: {why}"))),
    }
}
