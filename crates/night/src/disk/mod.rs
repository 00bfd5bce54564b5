//! The disk of a simulated machine.
//!
//! What a process has written is there for all processes at once, and stays when the process is killed. A power failure is
//! another matter: of what was not synced, a part is lost, and the rest may end in the middle of a line or in zeros. Files
//! that were never synced may be gone.

mod session;
#[cfg(test)]
mod tests;

pub use session::Session;

use eiot_cli::simulation::{FileId, Opening};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// A torn write leaves zeros up to the end of its page.
const PAGE: usize = 4096;

/// The disk of one machine.
#[derive(Default)]
pub struct Disk {
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    files: BTreeMap<u64, Content>,
    names: BTreeMap<PathBuf, u64>,
    directories: BTreeSet<PathBuf>,
    open: BTreeMap<FileId, Open>,
    next_inode: u64,
    next_file: FileId,
    /// How many bytes fit in; `None` is enough.
    free: Option<u64>,
}

#[derive(Default)]
struct Content {
    bytes: Vec<u8>,
    /// This many of them survive a power failure.
    durable: usize,
    is_synced: bool,
    /// Who has the lock.
    locked_by: Option<FileId>,
}

struct Open {
    inode: u64,
    opening: Opening,
}

impl Disk {
    /// An empty disk.
    pub fn new() -> Rc<Self> {
        Rc::default()
    }

    /// Makes a directory, and those above it.
    pub fn make_directory(&self, path: impl AsRef<Path>) {
        let all = path.as_ref().ancestors().map(Path::to_owned);
        self.state.borrow_mut().directories.extend(all);
    }

    /// Removes the files below a directory.
    pub fn remove_all(&self, directory: &str) {
        let mut state = self.state.borrow_mut();
        let paths: Vec<_> = state.names.keys().filter(|path| path.starts_with(directory)).cloned().collect();
        for path in paths {
            let inode = state.names.remove(&path);
            state.forget(inode);
        }
    }

    /// Puts a file in place, as safe as one that was synced.
    pub fn put(&self, path: &str, bytes: &[u8]) {
        let mut state = self.state.borrow_mut();
        let inode = state.make(Path::new(path));
        let durable = bytes.len();
        state
            .files
            .insert(inode, Content { bytes: bytes.to_vec(), durable, is_synced: true, locked_by: None });
    }

    /// The content of a file, if there is one.
    pub fn get(&self, path: &str) -> Option<Vec<u8>> {
        self.with(path, <[u8]>::to_vec)
    }

    /// Looks at the content of a file, if there is one.
    pub fn with<T>(&self, path: &str, look: impl FnOnce(&[u8]) -> T) -> Option<T> {
        let state = self.state.borrow();
        state.at(Path::new(path)).map(|content| look(&content.bytes))
    }

    /// From now on, this many bytes fit in; `None` is enough.
    pub fn set_free(&self, free: Option<u64>) {
        self.state.borrow_mut().free = free;
    }

    /// Whether nothing more fits in, or hardly anything.
    pub fn is_full(&self) -> bool {
        self.state.borrow().free.is_some()
    }

    /// The power fails: unsynced bytes are lost from some point on. `below` returns a random number below its argument.
    /// Processes must be killed first.
    pub fn cut_power(&self, mut below: impl FnMut(u64) -> u64) {
        let mut state = self.state.borrow_mut();
        let State { files, names, open, .. } = &mut *state;
        open.clear();
        let mut lost = BTreeSet::new();
        for (inode, content) in files.iter_mut() {
            content.locked_by = None;
            if !content.is_synced && below(4) == 0 {
                lost.insert(*inode);
            }
            let unsynced = content.bytes.len().saturating_sub(content.durable);
            if unsynced > 0 {
                let kept = below(unsynced as u64 + 1) as usize;
                let end = content.durable + kept;
                // The file system knows the new length, and not all pages were written.
                let zeros =
                    if below(4) == 0 { below((unsynced - kept).min(PAGE) as u64 + 1) as usize } else { 0 };
                content.bytes.truncate(end);
                content.bytes.resize(end + zeros, 0);
                content.durable = content.bytes.len();
            }
        }
        names.retain(|_, inode| !lost.contains(inode));
        let named: BTreeSet<_> = names.values().copied().collect();
        files.retain(|inode, _| named.contains(inode));
    }
}

impl State {
    fn at(&self, path: &Path) -> Option<&Content> {
        self.files.get(self.names.get(path)?)
    }

    /// Makes an empty file; what had the name loses it.
    fn make(&mut self, path: &Path) -> u64 {
        self.next_inode += 1;
        let inode = self.next_inode;
        self.files.insert(inode, Content::default());
        let before = self.names.insert(path.to_owned(), inode);
        self.forget(before);
        inode
    }

    /// Frees a file that has neither a name nor an opener.
    fn forget(&mut self, inode: Option<u64>) {
        let Some(inode) = inode else { return };
        let is_used = self.names.values().any(|named| *named == inode);
        if !is_used && self.open.values().all(|open| open.inode != inode) {
            self.files.remove(&inode);
        }
    }

    fn open_file(&mut self, file: FileId) -> io::Result<(&Opening, &mut Content, &mut Option<u64>)> {
        let closed = || io::Error::other("the file is not open");
        let open = self.open.get(&file).ok_or_else(closed)?;
        let content = self.files.get_mut(&open.inode).ok_or_else(closed)?;
        Ok((&open.opening, content, &mut self.free))
    }

    fn close(&mut self, file: FileId) {
        let Some(Open { inode, .. }) = self.open.remove(&file) else { return };
        if let Some(content) = self.files.get_mut(&inode) {
            content.locked_by = content.locked_by.filter(|holder| *holder != file);
        }
        self.forget(Some(inode));
    }
}
