//! The command's output and exit codes.

pub(crate) mod exit_code;
pub(crate) mod humanize;
mod line_file;
pub(crate) mod record;
mod streams;
pub(crate) mod verbose_logger;

pub(crate) use exit_code::ExitCode;
pub(crate) use line_file::LineFile;
pub(crate) use streams::{Failure, print_help_or_usage_error, print_line, warn, write_stdout};

/// How results are printed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OutputOptions {
    /// One JSON object per line.
    pub(crate) json: bool,
    /// Nothing for cards that were refreshed.
    pub(crate) quiet: bool,
    /// One line per attempt on standard error.
    pub(crate) verbose: bool,
}
