//! What a simulated machine does for one process of the command.

use std::cell::RefCell;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// An open file of a process: a number that no other open file of this thread has.
pub type FileId = u64;

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Opening {
    /// For reading.
    pub read: bool,
    /// For writing, at the cursor.
    pub write: bool,
    /// For writing, always at the end.
    pub append: bool,
    /// Made if it does not exist.
    pub create: bool,
    /// Made; an error if it exists.
    pub create_new: bool,
}

/// What is known of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// A directory; otherwise a regular file.
    pub is_dir: bool,
    /// The length in bytes.
    pub length: u64,
    /// Tells the files of a machine apart; not used again after a file was removed.
    pub inode: u64,
}

/// The machine of one process. It may do something else than is asked for, and report it as a system does: a full disk, for
/// example, is [`io::ErrorKind::StorageFull`].
///
/// A call may suspend the process, to let others run.
pub trait Machine {
    /// Opens a file.
    fn open(&self, path: &Path, opening: Opening) -> io::Result<FileId>;
    /// Closes it; its lock ends.
    fn close(&self, file: FileId);
    /// Reads from this position on; 0 is the end.
    fn read(&self, file: FileId, at: u64, buffer: &mut [u8]) -> io::Result<usize>;
    /// Writes some of these bytes at this position, or at the end if the file is open for that. Returns where they end, and how
    /// many they are.
    fn write(&self, file: FileId, at: u64, bytes: &[u8]) -> io::Result<(u64, usize)>;
    /// Cuts a file off, or fills it up with zeros.
    fn set_length(&self, file: FileId, length: u64) -> io::Result<()>;
    /// Writes a file to disk: what was written until now survives a power failure.
    fn sync(&self, file: FileId) -> io::Result<()>;
    /// Locks a file; [`io::ErrorKind::WouldBlock`] if another open file has the lock.
    fn lock(&self, file: FileId) -> io::Result<()>;
    /// What is known of an open file.
    fn facts(&self, file: FileId) -> io::Result<Facts>;
    /// What is known of the file at a path.
    fn facts_at(&self, path: &Path) -> io::Result<Facts>;
    /// Gives a file another name; replaces the file that has it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// The files of a directory, sorted.
    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>>;
    /// Writes to standard output.
    fn write_stdout(&self, bytes: &[u8]) -> io::Result<usize>;
    /// Writes to standard error.
    fn write_stderr(&self, bytes: &[u8]) -> io::Result<usize>;
    /// Becomes true when the process receives SIGINT, SIGTERM or SIGHUP for the first time.
    fn stop_flag(&self) -> Arc<AtomicBool>;
    /// Becomes true when the process receives SIGUSR1.
    fn status_flag(&self) -> Arc<AtomicBool>;
    /// An environment variable.
    fn variable(&self, name: &str) -> Option<OsString>;
}

thread_local! {
    static MACHINE: RefCell<Option<Rc<dyn Machine>>> = const { RefCell::new(None) };
}

/// Installs the machine of what runs on this thread from now on, and returns the one before.
pub fn install(machine: Option<Rc<dyn Machine>>) -> Option<Rc<dyn Machine>> {
    MACHINE.replace(machine)
}

/// The machine that is installed.
pub fn machine() -> Option<Rc<dyn Machine>> {
    // `None` while the thread ends.
    MACHINE.try_with(|machine| machine.borrow().clone()).ok().flatten()
}
