//! The file in which the processes of a machine share an account's rate: its directory, its lock, and its whole content.

use fs4::TryLockError;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// An open file with a lock. Dropping it releases the lock.
pub(crate) struct RateFile(File);

/// The directory of the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Directory {
    path: PathBuf,
    /// The directory must belong to this user and allow no other user to write.
    private: bool,
}

impl Directory {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    #[cfg(test)]
    pub(crate) fn private(path: &Path) -> Self {
        Self { path: path.to_owned(), private: true }
    }

    /// The directory of this user on this machine. It is the same for all processes of the user, whatever their
    /// environment: a cron job has another environment than a shell.
    pub(crate) fn of_user() -> Self {
        #[cfg(unix)]
        let path = format!("/tmp/eiot-{}", rustix::process::geteuid().as_raw()).into();
        // Windows gives other users no access to this user's profile. Without a profile, opening the file says so.
        #[cfg(not(unix))]
        #[allow(deprecated, reason = "by Rust 1.85, for a fault that it no longer has")]
        let path = std::env::home_dir().unwrap_or_default().join("AppData").join("Local").join("eiot");
        Self { path, private: true }
    }

    /// A directory that the operator has chosen; several users may share it.
    pub(crate) fn chosen(path: &Path) -> Self {
        Self { path: path.to_owned(), private: false }
    }
}

impl RateFile {
    /// Opens the file; creates it and its directory if they are missing.
    pub(crate) fn open(directory: &Directory, path: &Path) -> io::Result<Self> {
        open(directory, path).map(Self)
    }

    /// Takes the lock; returns whether it did, or else another process holds it.
    pub(crate) fn try_lock(&self) -> io::Result<bool> {
        match fs4::FileExt::try_lock(&self.0) {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(why)) if why.kind() == io::ErrorKind::Interrupted => Ok(false),
            Err(TryLockError::Error(why)) => Err(why),
        }
    }

    /// Releases the lock.
    pub(crate) fn unlock(&self) -> io::Result<()> {
        fs4::FileExt::unlock(&self.0)
    }

    /// Whether the path still leads to this file.
    pub(crate) fn is_at(&self, path: &Path) -> io::Result<bool> {
        is_same(&self.0, path)
    }

    /// Reads from the start, and returns how many bytes there were.
    pub(crate) fn read_at_start(&self, bytes: &mut [u8]) -> io::Result<usize> {
        read_at_start(&self.0, bytes)
    }

    /// Writes from the start.
    pub(crate) fn write_at_start(&self, bytes: &[u8]) -> io::Result<()> {
        write_at_start(&self.0, bytes)
    }
}

#[cfg(unix)]
fn read_at_start(file: &File, bytes: &mut [u8]) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, bytes, 0)
}

#[cfg(unix)]
fn write_at_start(file: &File, bytes: &[u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, 0)
}

#[cfg(not(unix))]
fn read_at_start(mut file: &File, bytes: &mut [u8]) -> io::Result<usize> {
    use std::io::{Read, Seek};
    file.rewind()?;
    file.read(bytes)
}

#[cfg(not(unix))]
fn write_at_start(mut file: &File, bytes: &[u8]) -> io::Result<()> {
    use std::io::{Seek, Write};
    file.rewind()?;
    file.write_all(bytes)
}

/// Whether the path still leads to the open file.
#[cfg(unix)]
fn is_same(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let ours = file.metadata()?;
    match std::fs::symlink_metadata(path) {
        Ok(theirs) => Ok((ours.dev(), ours.ino()) == (theirs.dev(), theirs.ino())),
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(why) => Err(why),
    }
}

/// It does: a file that is open here can be neither removed nor replaced, see `open`.
#[cfg(not(unix))]
fn is_same(_: &File, _: &Path) -> io::Result<bool> {
    Ok(true)
}

/// Opens or creates the file. Who may is decided by the access rights of the directory: those of the user's profile, or of the
/// directory that the operator has chosen.
#[cfg(not(unix))]
fn open(directory: &Directory, path: &Path) -> io::Result<File> {
    use std::os::windows::fs::OpenOptionsExt;
    const FILE_SHARE_READ: u32 = 1;
    const FILE_SHARE_WRITE: u32 = 2;
    const FILE_FLAG_OPEN_REPARSE_POINT: u32 = 0x0020_0000;
    if directory.private && !directory.path.is_absolute() {
        return Err(io::Error::other("the user has no profile directory (set rate_dir)"));
    }
    std::fs::create_dir(&directory.path).or_else(|why| match why.kind() {
        io::ErrorKind::AlreadyExists => Ok(()),
        _ => Err(io::Error::other(format!("the directory {}: {why}", directory.path.display()))),
    })?;
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        // Other processes may open it too, but not remove it: its lock would then be worthless.
        .share_mode(FILE_SHARE_READ | FILE_SHARE_WRITE)
        .custom_flags(FILE_FLAG_OPEN_REPARSE_POINT)
        .open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is not a regular file")) }
}

/// Opens or creates the file. Rejects what another user could have put in its place: a link, a pipe, a file with
/// several names, a file or directory of another user.
#[cfg(unix)]
fn open(directory: &Directory, path: &Path) -> io::Result<File> {
    use rustix::fs::{CWD, Mode, OFlags, fchmod, fstat, mkdir, openat};
    use rustix::io::Errno;
    use std::os::unix::fs::MetadataExt;
    let named = |why: &dyn std::fmt::Display| {
        io::Error::other(format!("the directory {}: {why}", directory.path.display()))
    };
    // Opening the directory reveals whether it exists now, for whatever reason.
    let made = mkdir(&directory.path, Mode::RWXU);
    let links = if directory.private { OFlags::NOFOLLOW } else { OFlags::empty() };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | links;
    let opened = openat(CWD, &directory.path, flags, Mode::empty()).map_err(|why| {
        let why = made.err().filter(|_| why == Errno::NOENT).unwrap_or(why);
        named(&io::Error::from(why))
    })?;
    let user = rustix::process::geteuid().as_raw();
    let found = fstat(&opened)?;
    let mode = Mode::from_raw_mode(found.st_mode);
    let of_others = mode & (Mode::WGRP | Mode::WOTH);
    if directory.private {
        if found.st_uid != user {
            return Err(named(&format!(
                "it belongs to user {}, not to this process's user {user}",
                found.st_uid
            )));
        }
        if mode.intersects(Mode::RWXG | Mode::RWXO) {
            return Err(named(&"other users have access to it (chmod 700)"));
        }
    } else if found.st_uid != user && of_others.is_empty() {
        return Err(named(&format!(
            "it belongs to user {} and is not shared (chmod g+w or o+w)",
            found.st_uid
        )));
    }
    let name = path.file_name().unwrap_or_default();
    // Does not follow links, and does not wait for the other end of a pipe.
    let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = openat(&opened, name, flags, Mode::empty()).or_else(|why| {
        if why != Errno::NOENT {
            return Err(why);
        }
        let made = openat(&opened, name, flags | OFlags::CREATE | OFlags::EXCL, Mode::RUSR | Mode::WUSR);
        match made {
            // Another process created it at the same time.
            Err(Errno::EXIST) => openat(&opened, name, flags, Mode::empty()),
            Ok(file) if !of_others.is_empty() => {
                // For all users who may write to the directory, regardless of this process's umask.
                let readable =
                    if of_others.contains(Mode::WOTH) { Mode::RGRP | Mode::ROTH } else { Mode::RGRP };
                fchmod(&file, Mode::RUSR | Mode::WUSR | of_others | readable)?;
                Ok(file)
            }
            made => made,
        }
    });
    let file = File::from(file.map_err(|why| match why {
        Errno::LOOP => io::Error::other("it is a symbolic link"),
        why => why.into(),
    })?);
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    // No links left: the file was just removed, which is detected after locking.
    if found.nlink() > 1 {
        return Err(io::Error::other("it has several hard links"));
    }
    if found.uid() != user && of_others.is_empty() {
        return Err(io::Error::other(format!("it belongs to user {}", found.uid())));
    }
    Ok(file)
}
