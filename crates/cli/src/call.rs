//! `eiot call`: any other signed call of the platform's family.

use crate::help;
use crate::narrator::Narrator;
use crate::options::Options;
use crate::output::{Failure, complain, say};
use crate::record::{Record, safe_json};
use clap::Args;
use eiot::{Client, Error, Reply};
use std::io::Read;

/// Make any other signed API call, such as /api/v3/cloudesim/get, and print the reply's data.
///
/// appkey, timestamp, nonce and sign are added to the parameters. If the reply is lost, the call is retried only when it
/// is idempotent: read-only calls and refreshUsage are; for other calls, pass --idempotent.
#[derive(Args)]
#[command(after_help = help::FOR_CALL)]
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
    /// Print the whole result as one JSON object, including failures
    #[arg(long)]
    json: bool,
    /// Print one line per attempt on standard error
    #[arg(short, long)]
    verbose: bool,
    #[command(flatten)]
    options: Options,
}

impl Call {
    /// Makes the call, and prints the reply.
    pub(crate) fn run(&self) -> Result<u8, Failure> {
        let answer = self
            .call()
            .and_then(|call| self.ask(&call).map_err(|error| (call.eid().map(str::to_owned), error)));
        match answer {
            Ok(reply) if self.json => say(&Record::of_reply(&reply)?.to_line()?).map(|()| 0),
            // Something that reads as JSON, also where there is no data.
            Ok(reply) => say(&safe_json(reply.data_json().unwrap_or("null"))).map(|()| 0),
            Err((eid, error)) => {
                match self.json {
                    true => say(&Record::of_error(eid.as_deref().unwrap_or_default(), &error).to_line()?)?,
                    false => complain(&error),
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

    fn ask(&self, call: &eiot::Call) -> Result<Reply, Error> {
        let client = Client::new(self.options.config()?)?;
        client.call_observed(call, &mut Narrator { verbose: self.verbose })
    }
}

fn standard_input() -> Result<String, Error> {
    let mut text = String::new();
    match std::io::stdin().lock().read_to_string(&mut text) {
        Ok(_) => Ok(text),
        Err(why) => Err(Error::invalid_argument(format!("standard input cannot be read: {why}"))),
    }
}
