//! A file of lines that are whole, even if the disk is full.

use super::Failure;
use crate::system::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file to which lines are appended. A line that cannot be written whole is removed again, and nothing is written after it.
#[derive(Debug)]
pub(crate) struct LineFile {
    path: PathBuf,
    file: File,
    is_regular: bool,
    /// Where the last whole line ends.
    end: u64,
    has_failed: bool,
}

/// Options to open a file to which lines are appended, and from which a torn line is cut off.
///
/// Windows would not let a file be shortened that was opened for appending only; there, each write goes to the end explicitly.
pub(crate) fn appending() -> OpenOptions {
    let mut options = OpenOptions::new();
    match cfg!(windows) {
        true => options.write(true),
        false => options.append(true),
    };
    options
}

impl LineFile {
    /// Appends to this file, which was opened with [`appending`], from its end on.
    pub(crate) fn new(path: PathBuf, file: File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        Ok(Self { path, file, is_regular: metadata.is_file(), end: metadata.len(), has_failed: false })
    }

    /// Appends a line, whose end is added. It is written at once, so that a killed process leaves whole lines except for the last.
    ///
    /// # Errors
    /// [`Failure::File`], for example if the disk is full; and once a line could not be written.
    pub(crate) fn write_line(&mut self, line: &[u8]) -> Result<(), Failure> {
        if self.has_failed {
            return Err(self.failure(io::Error::other("an earlier line could not be written")));
        }
        let mut bytes = Vec::with_capacity(line.len() + 1);
        bytes.extend_from_slice(line);
        bytes.push(b'\n');
        match self.go_to_end().and_then(|()| self.file.write_all(&bytes)) {
            Ok(()) => {
                self.end += bytes.len() as u64;
                Ok(())
            }
            Err(error) => {
                self.has_failed = true;
                self.roll_back(bytes.len() as u64);
                Err(self.failure(error))
            }
        }
    }

    /// Where the file is open for appending, the system does this.
    #[cfg(not(windows))]
    fn go_to_end(&self) -> io::Result<()> {
        Ok(())
    }

    #[cfg(windows)]
    fn go_to_end(&self) -> io::Result<()> {
        use std::io::{Seek, SeekFrom};
        match self.is_regular {
            true => (&self.file).seek(SeekFrom::End(0)).map(drop),
            false => Ok(()),
        }
    }

    /// Removes a part of a line. If even that fails, the next run does it.
    fn roll_back(&self, most: u64) {
        // What others have appended meanwhile is not ours to remove.
        let is_ours = self.file.metadata().is_ok_and(|metadata| metadata.len() <= self.end + most);
        if self.is_regular && is_ours {
            let _ = self.file.set_len(self.end);
        }
    }

    /// Writes what was written to disk, so that it survives a power failure.
    pub(crate) fn sync(&self) -> Result<(), Failure> {
        match self.is_regular && !self.has_failed {
            true => self.file.sync_data().map_err(|error| self.failure(error)),
            false => Ok(()),
        }
    }

    /// Where the last whole line ends.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn failure(&self, error: io::Error) -> Failure {
        Failure::File { path: self.path.clone(), error }
    }
}
