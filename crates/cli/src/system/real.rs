//! The standard library's.
// A simulation has some of these from elsewhere.
#![cfg_attr(feature = "simulation", allow(unused_imports, dead_code))]

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::time::{Instant, SystemTime};

pub(crate) use std::io::{stderr, stdout};
pub(crate) use std::process::id as process_id;
pub(crate) use std::thread::sleep;

/// The monotonic clock.
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The wall clock.
pub(crate) fn wall_clock() -> SystemTime {
    SystemTime::now()
}

/// An environment variable.
pub(crate) fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// Whether standard error is a terminal.
pub(crate) fn has_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Files.
pub(crate) mod fs {
    pub(crate) use std::fs::{
        File, Metadata, OpenOptions, canonicalize, metadata, read, read_link, read_to_string, remove_file,
        rename,
    };
    #[cfg(unix)]
    pub(crate) use std::os::unix::fs::{MetadataExt, OpenOptionsExt};

    /// The files of a directory.
    pub(crate) fn list(directory: &std::path::Path) -> std::io::Result<Vec<std::path::PathBuf>> {
        let entries = std::fs::read_dir(directory)?.collect::<Result<Vec<_>, _>>()?;
        Ok(entries.iter().map(std::fs::DirEntry::path).filter(|path| path.is_file()).collect())
    }

    /// Standard output or standard input, if it is a file.
    #[cfg(unix)]
    pub(crate) fn stream(is_output: bool) -> Option<Metadata> {
        use std::os::fd::AsFd;
        let (input, output) = (std::io::stdin(), std::io::stdout());
        let stream = if is_output { output.as_fd() } else { input.as_fd() };
        File::from(stream.try_clone_to_owned().ok()?).metadata().ok()
    }

    /// Standard output or standard input, if it is a file.
    #[cfg(windows)]
    pub(crate) fn stream(is_output: bool) -> Option<File> {
        use std::os::windows::io::AsHandle;
        let (input, output) = (std::io::stdin(), std::io::stdout());
        let stream = if is_output { output.as_handle() } else { input.as_handle() };
        Some(File::from(stream.try_clone_to_owned().ok()?))
    }

    /// Locks a file for this process until it is closed. Does not wait.
    #[cfg(unix)]
    pub(crate) fn lock(file: &File) -> std::io::Result<()> {
        Ok(rustix::fs::flock(file, rustix::fs::FlockOperation::NonBlockingLockExclusive)?)
    }

    /// Lets every user read a file.
    #[cfg(unix)]
    pub(crate) fn make_public(file: &File) -> std::io::Result<()> {
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
    }

    #[cfg(not(unix))]
    pub(crate) fn make_public(_: &File) -> std::io::Result<()> {
        Ok(())
    }
}
