//! The streams, and how a run ends.

pub(crate) mod record;
pub(crate) mod verbose_logger;

use eiot::{Error, escaped};
use std::io::{self, ErrorKind, Write};

/// What a shell reports of a program that the closed-pipe signal ended, 128 + 13: conventional for writing to a reader
/// that has gone.
const BROKEN_PIPE: u8 = 141;

/// Why a run ends before it has told its whole outcome.
pub(crate) enum Failure {
    /// The command cannot do what it was asked.
    Eiot(Error),
    /// Standard output cannot be written.
    Output {
        /// What the system says.
        error: io::Error,
        /// The EID whose outcome could not be told.
        eid: Option<String>,
    },
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Eiot(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output { error, eid: None }
    }
}

impl Failure {
    /// The same, when it kept the outcome of this EID, which was sent, from being told.
    pub(crate) fn with_unreported_eid(self, eid: &str) -> Self {
        match self {
            Self::Output { error, .. } => Self::Output { error, eid: Some(eid.to_owned()) },
            other => other,
        }
    }

    /// Says what happened, and gives the exit code.
    pub(crate) fn report(&self) -> u8 {
        match self {
            Self::Eiot(error) => {
                warn(error);
                error.kind().exit_code()
            }
            Self::Output { error, .. } if error.kind() == ErrorKind::BrokenPipe => BROKEN_PIPE,
            Self::Output { error, eid: None } => {
                warn(format_args!("standard output cannot be written: {error}"));
                1
            }
            Self::Output { error, eid: Some(eid) } => {
                warn(format_args!("EID {eid}: was sent, but standard output cannot be written: {error}"));
                1
            }
        }
    }
}

/// Prints help, version, or what is wrong with the arguments.
pub(crate) fn print_help_or_usage_error(message: &clap::Error) -> Result<u8, Failure> {
    let printed = message.print().and_then(|()| io::stdout().flush());
    match message.use_stderr() {
        // When not even the complaint can be written, the exit code still tells.
        true => Ok(2),
        false => Ok(printed.map(|()| 0)?),
    }
}

/// A line on standard output, written at once, so that a reader sees each outcome as it comes.
pub(crate) fn print_line(text: &str) -> Result<(), Failure> {
    write_stdout(format!("{text}\n").as_bytes())
}

/// Standard output, as it is and at once.
pub(crate) fn write_stdout(bytes: &[u8]) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    output.write_all(bytes)?;
    Ok(output.flush()?)
}

/// A line on standard error. When that cannot be written there is nowhere left to say so; the exit code tells.
pub(crate) fn warn(message: impl std::fmt::Display) {
    let line = format!("eiot: {}\n", escaped(&message.to_string()));
    let _ = io::stderr().lock().write_all(line.as_bytes());
}
