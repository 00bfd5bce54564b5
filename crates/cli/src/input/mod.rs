//! The command's input: files of cards, and whole files or standard input.

pub(crate) mod cards;
mod limited_reader;

use eiot::Error;
use std::io::Read;
use std::path::Path;

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
        false => std::fs::read(path).map(|bytes| content = bytes),
    };
    match read {
        Ok(()) => Ok(content),
        Err(why) => Err(unreadable(path, &format!("cannot be read: {why}"))),
    }
}

fn unreadable(path: &Path, why: &str) -> Error {
    Error::invalid_argument(format!("{} {why}", display_name(path)))
}
