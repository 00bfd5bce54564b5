//! What tells files apart, whatever their names.

use crate::system::fs::{self, File};
use std::io;
use std::path::Path;

/// The identity of a regular file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileId {
    /// On Windows, the serial number of the volume.
    pub(crate) device: u64,
    /// On Windows, the file index.
    pub(crate) inode: u64,
}

impl FileId {
    /// The identity of an open file; `None` unless it is a regular one.
    #[cfg(unix)]
    pub(crate) fn of(file: &File) -> Option<Self> {
        Self::of_metadata(&file.metadata().ok()?)
    }

    /// The identity of the file at a path, which is not opened; `None` unless it is a regular one.
    ///
    /// # Errors
    /// If there is no file.
    #[cfg(unix)]
    pub(crate) fn of_path(path: &Path) -> io::Result<Option<Self>> {
        Ok(Self::of_metadata(&fs::metadata(path)?))
    }

    /// The identity of standard output or standard input; `None` unless it is a regular file.
    #[cfg(unix)]
    pub(crate) fn of_stream(is_output: bool) -> Option<Self> {
        Self::of_metadata(&fs::stream(is_output)?)
    }

    #[cfg(unix)]
    fn of_metadata(metadata: &fs::Metadata) -> Option<Self> {
        use fs::MetadataExt;
        metadata.is_file().then(|| Self { device: metadata.dev(), inode: metadata.ino() })
    }

    /// The identity of an open file; `None` unless it is a regular one.
    #[cfg(windows)]
    pub(crate) fn of(file: &File) -> Option<Self> {
        file.metadata().ok().filter(fs::Metadata::is_file)?;
        let information = winapi_util::file::information(file).ok()?;
        Some(Self { device: information.volume_serial_number(), inode: information.file_index() })
    }

    /// The identity of the file at a path, which is opened neither for reading nor for writing; `None` unless it is a regular one.
    ///
    /// # Errors
    /// If there is no file.
    #[cfg(windows)]
    pub(crate) fn of_path(path: &Path) -> io::Result<Option<Self>> {
        use std::os::windows::fs::OpenOptionsExt;
        match fs::metadata(path)?.is_file() {
            true => Ok(Self::of(&fs::OpenOptions::new().access_mode(0).open(path)?)),
            false => Ok(None),
        }
    }

    /// The identity of standard output or standard input; `None` unless it is a regular file.
    #[cfg(windows)]
    pub(crate) fn of_stream(is_output: bool) -> Option<Self> {
        Self::of(&fs::stream(is_output)?)
    }
}
