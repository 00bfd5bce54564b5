//! What one process does with the disk of its machine, and its streams.

use super::{Disk, Open};
use eiot_cli::simulation::{Facts, FileId, Machine, Opening};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// One process on a machine, as long as it lives. Once it is killed, nothing that it does has an effect.
pub struct Session {
    disk: Rc<Disk>,
    variables: BTreeMap<String, String>,
    files: RefCell<BTreeSet<FileId>>,
    is_dead: Cell<bool>,
    is_stdout_closed: Cell<bool>,
    stdout: RefCell<Vec<u8>>,
    stderr: RefCell<Vec<u8>>,
    stop: Arc<AtomicBool>,
    status: Arc<AtomicBool>,
    /// Called before each operation that changes a file; may suspend the process, and kill it.
    before_change: Box<dyn Fn()>,
}

impl Session {
    /// A process on this machine with these environment variables. `before_change` is called before each operation that changes
    /// a file, and may suspend the process.
    pub fn new(
        disk: Rc<Disk>,
        variables: impl IntoIterator<Item = (String, String)>,
        before_change: impl Fn() + 'static,
    ) -> Self {
        Self {
            disk,
            variables: variables.into_iter().collect(),
            files: RefCell::default(),
            is_dead: Cell::new(false),
            is_stdout_closed: Cell::new(false),
            stdout: RefCell::default(),
            stderr: RefCell::default(),
            stop: Arc::default(),
            status: Arc::default(),
            before_change: Box::new(before_change),
        }
    }

    /// Kills the process: its files are closed, and its locks end.
    pub fn kill(&self) {
        self.is_dead.set(true);
        for file in self.files.take() {
            self.disk.state.borrow_mut().close(file);
        }
    }

    /// SIGINT, SIGTERM or SIGHUP. Returns whether it was the first one; the second one ends the process.
    pub fn signal(&self) -> bool {
        !self.stop.swap(true, Ordering::Relaxed)
    }

    /// The reader of standard output ends.
    pub fn close_stdout(&self) {
        self.is_stdout_closed.set(true);
    }

    /// What the process has written to standard output since the last time.
    pub fn take_stdout(&self) -> Vec<u8> {
        self.stdout.take()
    }

    /// What the process has written to standard error since the last time.
    pub fn take_stderr(&self) -> Vec<u8> {
        self.stderr.take()
    }

    /// Releases a lock.
    pub fn unlock(&self, file: FileId) -> io::Result<()> {
        self.alive()?;
        let mut state = self.disk.state.borrow_mut();
        let (_, content, _) = state.open_file(file)?;
        content.locked_by = content.locked_by.filter(|holder| *holder != file);
        Ok(())
    }

    /// Whether the path leads to this open file.
    pub fn is_at(&self, file: FileId, path: &Path) -> io::Result<bool> {
        self.alive()?;
        let state = self.disk.state.borrow();
        Ok(state.open.get(&file).map(|open| open.inode) == state.names.get(path).copied())
    }

    fn alive(&self) -> io::Result<()> {
        match self.is_dead.get() {
            true => Err(io::Error::other("the process was killed")),
            false => Ok(()),
        }
    }

    fn change(&self) -> io::Result<()> {
        self.alive()?;
        (self.before_change)();
        self.alive()
    }
}

fn absent() -> io::Error {
    ErrorKind::NotFound.into()
}

impl Machine for Session {
    fn open(&self, path: &Path, opening: Opening) -> io::Result<FileId> {
        match opening.create || opening.create_new {
            true => self.change()?,
            false => self.alive()?,
        }
        let mut state = self.disk.state.borrow_mut();
        if state.directories.contains(path) && (opening.write || opening.append) {
            return Err(ErrorKind::IsADirectory.into());
        }
        let inode = match state.names.get(path).copied() {
            Some(_) if opening.create_new => return Err(ErrorKind::AlreadyExists.into()),
            Some(inode) => inode,
            None if opening.create || opening.create_new => {
                if path.parent().is_none_or(|parent| !state.directories.contains(parent)) {
                    return Err(absent());
                }
                if state.free == Some(0) {
                    return Err(ErrorKind::StorageFull.into());
                }
                state.make(path)
            }
            None => return Err(absent()),
        };
        state.next_file += 1;
        let file = state.next_file;
        state.open.insert(file, Open { inode, opening });
        self.files.borrow_mut().insert(file);
        Ok(file)
    }

    fn close(&self, file: FileId) {
        // Those of a killed process are closed already.
        if self.files.borrow_mut().remove(&file) {
            self.disk.state.borrow_mut().close(file);
        }
    }

    fn read(&self, file: FileId, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.alive()?;
        let mut state = self.disk.state.borrow_mut();
        let (opening, content, _) = state.open_file(file)?;
        if !opening.read {
            return Err(ErrorKind::PermissionDenied.into());
        }
        let begin = usize::try_from(at).unwrap_or(usize::MAX).min(content.bytes.len());
        let rest = content.bytes.get(begin..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(rest) {
            *to = *from;
        }
        Ok(count)
    }

    fn write(&self, file: FileId, at: u64, bytes: &[u8]) -> io::Result<(u64, usize)> {
        self.change()?;
        let mut state = self.disk.state.borrow_mut();
        let (opening, content, free) = state.open_file(file)?;
        let begin = match (opening.append, opening.write) {
            (true, _) => content.bytes.len(),
            (false, true) => usize::try_from(at).unwrap_or(usize::MAX),
            (false, false) => return Err(ErrorKind::PermissionDenied.into()),
        };
        let growth = (begin + bytes.len()).saturating_sub(content.bytes.len());
        let fits = free.map_or(growth, |free| growth.min(usize::try_from(free).unwrap_or(usize::MAX)));
        let count = bytes.len() - (growth - fits);
        if count == 0 && !bytes.is_empty() {
            return Err(ErrorKind::StorageFull.into());
        }
        if let Some(free) = free {
            *free -= fits as u64;
        }
        let end = begin + count;
        if content.bytes.len() < end {
            content.bytes.resize(end, 0);
        }
        if let Some(place) = content.bytes.get_mut(begin..end) {
            place.copy_from_slice(bytes.get(..count).unwrap_or_default());
        }
        Ok((end as u64, count))
    }

    fn set_length(&self, file: FileId, length: u64) -> io::Result<()> {
        self.change()?;
        let mut state = self.disk.state.borrow_mut();
        let (_, content, free) = state.open_file(file)?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if let Some(free) = free {
            *free += content.bytes.len().saturating_sub(length) as u64;
        }
        content.bytes.resize(length, 0);
        content.durable = content.durable.min(length);
        Ok(())
    }

    fn sync(&self, file: FileId) -> io::Result<()> {
        self.change()?;
        let mut state = self.disk.state.borrow_mut();
        let (_, content, _) = state.open_file(file)?;
        content.durable = content.bytes.len();
        content.is_synced = true;
        Ok(())
    }

    fn lock(&self, file: FileId) -> io::Result<()> {
        self.alive()?;
        let mut state = self.disk.state.borrow_mut();
        let (_, content, _) = state.open_file(file)?;
        match content.locked_by {
            Some(holder) if holder != file => Err(ErrorKind::WouldBlock.into()),
            _ => {
                content.locked_by = Some(file);
                Ok(())
            }
        }
    }

    fn facts(&self, file: FileId) -> io::Result<Facts> {
        self.alive()?;
        let mut state = self.disk.state.borrow_mut();
        let inode = state.open.get(&file).map_or(0, |open| open.inode);
        let (_, content, _) = state.open_file(file)?;
        Ok(Facts { is_dir: false, length: content.bytes.len() as u64, inode })
    }

    fn facts_at(&self, path: &Path) -> io::Result<Facts> {
        self.alive()?;
        let state = self.disk.state.borrow();
        if state.directories.contains(path) {
            return Ok(Facts { is_dir: true, length: 0, inode: 0 });
        }
        let inode = *state.names.get(path).ok_or_else(absent)?;
        let length = state.files.get(&inode).map_or(0, |content| content.bytes.len() as u64);
        Ok(Facts { is_dir: false, length, inode })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.change()?;
        let mut state = self.disk.state.borrow_mut();
        let inode = state.names.remove(from).ok_or_else(absent)?;
        let before = state.names.insert(to.to_owned(), inode);
        state.forget(before);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.change()?;
        let mut state = self.disk.state.borrow_mut();
        let inode = state.names.remove(path).ok_or_else(absent)?;
        state.forget(Some(inode));
        Ok(())
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        self.alive()?;
        let state = self.disk.state.borrow();
        match state.directories.contains(directory) {
            true => Ok(state.names.keys().filter(|path| path.parent() == Some(directory)).cloned().collect()),
            false => Err(absent()),
        }
    }

    fn write_stdout(&self, bytes: &[u8]) -> io::Result<usize> {
        self.alive()?;
        if self.is_stdout_closed.get() {
            return Err(ErrorKind::BrokenPipe.into());
        }
        self.stdout.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn write_stderr(&self, bytes: &[u8]) -> io::Result<usize> {
        self.alive()?;
        self.stderr.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn stop_flag(&self) -> Arc<AtomicBool> {
        self.stop.clone()
    }

    fn status_flag(&self) -> Arc<AtomicBool> {
        self.status.clone()
    }

    fn variable(&self, name: &str) -> Option<OsString> {
        self.variables.get(name).map(OsString::from)
    }
}
