//! The disk of a simulated machine, and what one process does with it.
//!
//! What a process has written is there for all processes at once, and stays when the process is killed. A power failure is
//! another matter: of what was not synced, a part is lost, and the rest may end in the middle of a line or in zeros. Files
//! that were never synced may be gone.

use eiot_cli::simulation::{Facts, FileId, Machine, Opening};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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

#[cfg(test)]
mod tests {
    use super::*;

    const APPEND: Opening =
        Opening { read: true, write: false, append: true, create: true, create_new: false };

    fn disk() -> Rc<Disk> {
        let disk = Disk::new();
        disk.make_directory("/d");
        disk
    }

    fn session(disk: &Rc<Disk>) -> Session {
        Session::new(disk.clone(), [], || {})
    }

    fn open(session: &Session, path: &str) -> FileId {
        session.open(Path::new(path), APPEND).expect("open")
    }

    #[test]
    fn disk_keeps_what_a_killed_process_has_written() {
        let disk = disk();
        let one = session(&disk);
        let file = open(&one, "/d/a");
        one.write(file, 0, b"one\n").expect("written");
        one.lock(file).expect("free");
        let two = session(&disk);
        let again = open(&two, "/d/a");
        assert_eq!(two.lock(again).expect_err("locked").kind(), ErrorKind::WouldBlock);
        one.kill();
        assert!(one.write(file, 0, b"more").is_err() && one.open(Path::new("/d/a"), APPEND).is_err());
        two.lock(again).expect("the holder is dead");
        assert_eq!(disk.get("/d/a").as_deref(), Some(&b"one\n"[..]));
    }

    #[test]
    fn disk_loses_only_what_was_not_synced_at_a_power_failure() {
        let mut seen = BTreeSet::new();
        for seed in 0..500_u64 {
            let disk = disk();
            let process = session(&disk);
            let file = open(&process, "/d/a");
            process.write(file, 0, b"synced\n").expect("written");
            process.sync(file).expect("synced");
            process.write(file, 0, b"not\n").expect("written");
            let other = open(&process, "/d/b");
            process.write(other, 0, b"b").expect("written");
            process.kill();
            let mut state = seed;
            disk.cut_power(|below| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) % below
            });
            let left = disk.get("/d/a").expect("synced once");
            assert!(left.starts_with(b"synced\n") && left.len() <= 11, "{left:?}");
            let tail = left.get(7..).expect("a tail");
            let kept = tail.iter().take_while(|byte| **byte != 0).count();
            assert!(b"not\n".starts_with(tail.get(..kept).expect("a part")), "{tail:?}");
            assert!(tail.iter().skip(kept).all(|byte| *byte == 0), "{tail:?}");
            seen.insert((left, disk.get("/d/b")));
        }
        assert!(seen.iter().any(|(_, other)| other.is_none()), "never synced");
        assert!(
            seen.iter().any(|(left, _)| left.len() == 11) && seen.iter().any(|(left, _)| left.len() == 7)
        );
        assert!(seen.iter().any(|(left, _)| left.ends_with(b"\0")), "{seen:?}");
    }

    #[test]
    fn disk_that_is_full_takes_a_part_and_then_nothing() {
        let disk = disk();
        let process = session(&disk);
        let file = open(&process, "/d/a");
        disk.set_free(Some(3));
        assert_eq!(process.write(file, 0, b"abcde").expect("a part"), (3, 3));
        assert_eq!(process.write(file, 0, b"de").expect_err("full").kind(), ErrorKind::StorageFull);
        assert_eq!(process.open(Path::new("/d/b"), APPEND).expect_err("full").kind(), ErrorKind::StorageFull);
        process.set_length(file, 1).expect("shorter");
        assert_eq!(process.write(file, 0, b"xyz").expect("room again"), (3, 2));
        disk.set_free(None);
        assert_eq!(process.write(file, 0, b"!").expect("enough"), (4, 1));
        assert_eq!(disk.get("/d/a").as_deref(), Some(&b"axy!"[..]));
    }

    #[test]
    fn disk_keeps_a_removed_or_replaced_file_for_those_who_have_it_open() {
        let disk = disk();
        let process = session(&disk);
        let file = open(&process, "/d/a");
        process.write(file, 0, b"old").expect("written");
        disk.put("/d/new", b"new");
        process.rename(Path::new("/d/new"), Path::new("/d/a")).expect("renamed");
        assert!(!process.is_at(file, Path::new("/d/a")).expect("known"));
        let mut bytes = [0; 3];
        assert_eq!(process.read(file, 0, &mut bytes).expect("readable"), 3);
        assert_eq!((&bytes, disk.get("/d/a").as_deref()), (b"old", Some(&b"new"[..])));
        process.close(file);
        assert_eq!(process.list(Path::new("/d")).expect("a directory"), [PathBuf::from("/d/a")]);
    }
}
