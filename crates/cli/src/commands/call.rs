//! `eiot call`: any signed call of the platform's API, once or for each row of a file.

use crate::batch::{CallTemplate, RunOptions, Work};
use crate::help;
use crate::input::call_rows::Column;
use crate::input::read_file;
use crate::options::Options;
use crate::output::record::{Record, safe_json};
use crate::output::verbose_logger::VerboseLogger;
use crate::output::{ExitCode, Failure, OutputOptions, print_line, warn};
use clap::Args;
use eiot::{Client, Error, Reply};
use std::path::{Path, PathBuf};

/// Make any signed call of the platform's API and print the data of the reply.
///
/// appkey, timestamp, nonce and sign are added to the parameters. If the reply is lost, the call is retried only when it is
/// idempotent: read-only calls and refreshUsage are; for other calls pass --idempotent.
///
/// With --from, the call is made for each row of a file, many at once; a table has the names of the parameters in its header.
/// With --journal, the same command resumes the run, and never repeats a call that is not idempotent and may have reached the
/// platform.
#[derive(Args)]
#[command(after_help = help::CALL_EXAMPLES, after_long_help = help::for_call())]
pub(crate) struct Call {
    /// The path of the call
    #[arg(value_name = "PATH")]
    path: String,
    /// The parameters: a JSON object, or - for standard input; with --from, those that all rows have in common
    #[arg(value_name = "PARAMETERS", default_value = "{}")]
    parameters: String,
    /// The call is idempotent: retry it if its reply is lost
    #[arg(long)]
    idempotent: bool,
    /// Print the whole outcome, success or failure, as one JSON object
    #[arg(long)]
    json: bool,
    /// Print failures only: nothing for calls that succeeded, no progress and no counts
    #[arg(short, long, requires = "from")]
    quiet: bool,
    /// Show no progress on standard error
    #[arg(long, requires = "from")]
    no_progress: bool,
    /// Print a line per attempt on standard error, with the time
    #[arg(short, long)]
    verbose: bool,
    /// Make a call for each row of FILE, or of standard input (-): CSV, TSV, JSON Lines or .xlsx; also in gzip
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// A column that holds a parameter, by name, or by position (1, 2, ...) in a table without a header; others are left out. Can be
    /// repeated [all columns]
    #[arg(long, value_name = "[PARAMETER=]COLUMN", requires = "from")]
    column: Vec<Column>,
    #[command(flatten)]
    run: RunOptions,
    #[command(flatten)]
    options: Options,
}

impl Call {
    /// Makes the call and prints the reply, or makes the calls of a file.
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        if let Some(from) = &self.from {
            return self.run_from(from);
        }
        self.run.check_without_from()?;
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

    /// Makes a call for each row of a file.
    fn run_from(&self, from: &Path) -> Result<ExitCode, Failure> {
        if from == Path::new("-") && self.parameters == "-" {
            return Err(Error::invalid_argument(
                "standard input cannot have both the rows and the parameters",
            )
            .into());
        }
        let template = CallTemplate::new(&self.path, &self.parameters()?, self.idempotent)?;
        let Self { json, quiet, verbose, no_progress, .. } = *self;
        let output = OutputOptions { json, quiet, verbose, progress: !no_progress };
        let work = Work::Call { template, columns: self.column.clone() };
        self.run.run(from, work, None, self.options.config(), output)
    }

    fn call(&self) -> Result<eiot::Call, Error> {
        let call = eiot::Call::from_json(&self.path, &self.parameters()?)?;
        Ok(if self.idempotent { call.idempotent(true) } else { call })
    }

    fn parameters(&self) -> Result<String, Error> {
        match self.parameters.as_str() {
            "-" => standard_input(),
            text => Ok(text.to_owned()),
        }
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
