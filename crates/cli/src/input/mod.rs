//! The command's input: tables of cards in the formats and encodings that people have, and whole files or standard input.
//!
//! `source` opens a file and recognizes what it is (`file_kind`) · `decoded` turns its text into UTF-8 · `lines` reads lines with
//! their numbers · `fields` divides a line · `workbook` reads .xlsx · `rows` reads the rows of any of these · `cards` takes the
//! EIDs of the rows · `feed` reads on a thread of its own, so that nothing else waits for a slow input.

pub(crate) mod cards;
mod decoded;
pub(crate) mod feed;
mod fields;
mod file_kind;
mod lines;
pub(crate) mod rows;
mod source;
mod workbook;

use crate::system::fs;
use clap::Args;
use eiot::Error;
use std::io::Read;
use std::path::Path;

/// How a file of cards is read.
#[derive(Args, Debug, Clone, Default)]
pub(crate) struct InputOptions {
    /// The encoding of the text, such as gb18030 or utf-16le [recognized]
    #[arg(long, value_name = "NAME")]
    pub(crate) encoding: Option<String>,
    /// The sheet of an Excel workbook [the only one that is not empty]
    #[arg(long, value_name = "NAME")]
    pub(crate) sheet: Option<String>,
    /// Accept a file without rows; otherwise it is an error, because an export may have failed
    #[arg(long)]
    pub(crate) allow_empty: bool,
}

impl InputOptions {
    /// Refuses an input without rows, unless that is allowed.
    pub(crate) fn check_not_empty(&self, path: &Path, rows: u64) -> Result<(), Error> {
        match rows {
            0 if !self.allow_empty => {
                Err(unreadable(path, "has no rows; if that can be, pass --allow-empty"))
            }
            _ => Ok(()),
        }
    }
}

/// Whether this path means standard input.
fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

/// How an error message names this file.
fn display_name(path: &Path) -> String {
    if is_stdin(path) { "standard input".to_owned() } else { path.display().to_string() }
}

/// The content of a file, or of standard input (`-`).
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, Error> {
    let mut content = Vec::new();
    let read = match is_stdin(path) {
        true => std::io::stdin().lock().read_to_end(&mut content).map(drop),
        false => fs::read(path).map(|bytes| content = bytes),
    };
    match read {
        Ok(()) => Ok(content),
        Err(why) => Err(unreadable(path, &format!("cannot be read: {why}"))),
    }
}

fn unreadable(path: &Path, why: &str) -> Error {
    Error::invalid_argument(format!("{} {why}", display_name(path)))
}

/// A message about a line of the input.
pub(crate) fn at_line(line: u64, message: impl std::fmt::Display) -> String {
    format!("line {line}: {message}")
}
