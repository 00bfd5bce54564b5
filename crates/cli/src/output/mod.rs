//! The command's output and exit codes.

pub(crate) mod color;
pub(crate) mod exit_code;
pub(crate) mod humanize;
mod line_file;
pub(crate) mod markdown;
pub(crate) mod metrics;
pub(crate) mod record;
mod replace_file;
pub(crate) mod report;
mod streams;
pub(crate) mod summary;
pub(crate) mod timeline;
pub(crate) mod verbose_logger;
pub(crate) mod wording;
pub(crate) mod wrap;

pub(crate) use exit_code::ExitCode;
pub(crate) use line_file::{LineFile, appending};
pub(crate) use replace_file::replace_file;
pub(crate) use streams::{Failure, is_full, print_help_or_usage_error, print_line, warn, write_stdout};

/// How results are printed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OutputOptions {
    /// One JSON object per line.
    pub(crate) json: bool,
    /// Failures only: nothing for cards that were refreshed, no progress and no counts.
    pub(crate) quiet: bool,
    /// Show progress, unless quiet.
    pub(crate) progress: bool,
    /// One line per attempt on standard error.
    pub(crate) verbose: bool,
}
