//! Standard output and standard error, and failures that end the command early.

use super::exit_code::ExitCode;
use crate::system::{stderr, stdout};
use eiot::{Error, escaped};
use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Why the command ends before it has printed all results.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command cannot do what was requested.
    Eiot(Error),
    /// Standard output cannot be written.
    Output {
        /// The system's error.
        error: io::Error,
        /// The EID whose result was not printed.
        eid: Option<String>,
    },
    /// A file that records results cannot be written.
    File {
        /// The file.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
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
    /// A file cannot be opened or replaced. That is wrong usage, except for a full disk, where the same command succeeds later.
    pub(crate) fn unwritable(path: &Path, error: io::Error) -> Self {
        match is_full(&error) {
            true => Self::File { path: path.to_owned(), error },
            false => Error::invalid_argument(format!("{} cannot be written: {error}", path.display())).into(),
        }
    }

    /// The same failure, which kept the result of this EID, which was sent, from being printed.
    pub(crate) fn with_unreported_eid(self, eid: &str) -> Self {
        match self {
            Self::Output { error, .. } => Self::Output { error, eid: Some(eid.to_owned()) },
            other => other,
        }
    }

    /// The exit code of the command.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Eiot(error) => ExitCode::of(error.kind()),
            Self::Output { error, .. } if error.kind() == ErrorKind::BrokenPipe => ExitCode::BrokenPipe,
            Self::Output { .. } | Self::File { .. } => ExitCode::Failure,
        }
    }

    /// Prints the failure on standard error and returns the exit code. Quiet if standard output was closed, as other programs in a
    /// pipe.
    pub(crate) fn report(&self) -> ExitCode {
        let exit_code = self.exit_code();
        if exit_code != ExitCode::BrokenPipe {
            warn(self);
        }
        exit_code
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Eiot(error) => error.fmt(f),
            Self::Output { error, eid: None } => write!(f, "standard output cannot be written: {error}"),
            Self::Output { error, eid: Some(eid) } => {
                write!(f, "EID {eid}: was sent, but standard output cannot be written: {error}")
            }
            Self::File { path, error } => write!(f, "{} cannot be written: {error}", path.display()),
        }
    }
}

/// Whether the disk is full, or this user's share of it.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// Prints help, version, or a usage error.
pub(crate) fn print_help_or_usage_error(message: &clap::Error) -> Result<ExitCode, Failure> {
    let printed = message.print().and_then(|()| stdout().flush());
    match message.use_stderr() {
        // If not even the error can be printed, the exit code still reports it.
        true => Ok(ExitCode::Usage),
        false => Ok(printed.map(|()| ExitCode::Success)?),
    }
}

/// Prints a line on standard output and flushes it, so that readers see each result at once.
pub(crate) fn print_line(text: &str) -> Result<(), Failure> {
    write_stdout(format!("{text}\n").as_bytes())
}

/// Writes bytes to standard output and flushes it.
pub(crate) fn write_stdout(bytes: &[u8]) -> Result<(), Failure> {
    let mut output = stdout().lock();
    output.write_all(bytes)?;
    Ok(output.flush()?)
}

/// Prints a line on standard error. If that fails, there is no place left to report it; the exit code still does.
pub(crate) fn warn(message: impl fmt::Display) {
    let line = format!("eiot: {}\n", escaped(&message.to_string()));
    let _ = stderr().lock().write_all(line.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_that_cannot_be_written_is_wrong_usage_unless_the_disk_is_full() {
        let exit_code = |kind: ErrorKind| Failure::unwritable(Path::new("a"), kind.into()).exit_code();
        for kind in [ErrorKind::StorageFull, ErrorKind::QuotaExceeded] {
            assert_eq!(exit_code(kind), ExitCode::Failure, "{kind:?}");
        }
        for kind in [ErrorKind::NotFound, ErrorKind::PermissionDenied, ErrorKind::IsADirectory] {
            assert_eq!(exit_code(kind), ExitCode::Usage, "{kind:?}");
        }
    }
}
