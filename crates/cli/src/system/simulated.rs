//! The names of `real`, each of which asks the machine that is installed first.

use super::machine::machine;
use super::real;
use std::ffi::OsString;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

pub(crate) use real::{now, process_id, sleep, wall_clock};

/// Whether standard error is a terminal.
pub(crate) fn has_terminal() -> bool {
    machine().is_none() && real::has_terminal()
}

/// An environment variable.
pub(crate) fn variable(name: &str) -> Option<OsString> {
    match machine() {
        Some(machine) => machine.variable(name),
        None => real::variable(name),
    }
}

/// The flags of SIGINT and SIGUSR1, if they are simulated.
pub(crate) fn signal_flags() -> Option<[Arc<AtomicBool>; 2]> {
    machine().map(|machine| [machine.stop_flag(), machine.status_flag()])
}

/// Whether there is only this thread.
pub(crate) fn is_single_threaded() -> bool {
    machine().is_some()
}

/// A standard stream.
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

/// Standard output.
pub(crate) fn stdout() -> Stream {
    Stream::Stdout
}

/// Standard error.
pub(crate) fn stderr() -> Stream {
    Stream::Stderr
}

impl Stream {
    pub(crate) fn lock(self) -> Self {
        self
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match (machine(), self) {
            (Some(machine), Self::Stdout) => machine.write_stdout(bytes),
            (Some(machine), Self::Stderr) => machine.write_stderr(bytes),
            (None, Self::Stdout) => real::stdout().write(bytes),
            (None, Self::Stderr) => real::stderr().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match (machine(), self) {
            (Some(_), _) => Ok(()),
            (None, Self::Stdout) => real::stdout().flush(),
            (None, Self::Stderr) => real::stderr().flush(),
        }
    }
}

/// Files.
pub(crate) mod fs {
    use super::super::machine::{Facts, FileId, Machine, Opening, machine};
    use super::real::fs as real;
    use std::io::{self, Read, Seek, SeekFrom, Write};
    use std::path::{Path, PathBuf};
    use std::rc::Rc;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// An open file.
    #[derive(Debug)]
    pub(crate) enum File {
        Real(real::File),
        Simulated(SimulatedFile),
    }

    /// An open file of the machine, and its cursor.
    #[derive(Debug)]
    pub(crate) struct SimulatedFile {
        id: FileId,
        cursor: AtomicU64,
    }

    /// How a file is opened.
    #[derive(Debug, Clone)]
    pub(crate) struct OpenOptions {
        opening: Opening,
        mode: u32,
    }

    /// What is known of a file.
    pub(crate) enum Metadata {
        Real(real::Metadata),
        Simulated(Facts),
    }

    impl SimulatedFile {
        fn machine(&self) -> io::Result<Rc<dyn Machine>> {
            machine().ok_or_else(|| io::Error::other("the file belongs to a simulated process"))
        }
    }

    impl Drop for SimulatedFile {
        fn drop(&mut self) {
            if let Some(machine) = machine() {
                machine.close(self.id);
            }
        }
    }

    impl OpenOptions {
        pub(crate) fn new() -> Self {
            Self { opening: Opening::default(), mode: 0o666 }
        }

        pub(crate) fn read(&mut self, read: bool) -> &mut Self {
            self.opening.read = read;
            self
        }

        pub(crate) fn write(&mut self, write: bool) -> &mut Self {
            self.opening.write = write;
            self
        }

        pub(crate) fn append(&mut self, append: bool) -> &mut Self {
            self.opening.append = append;
            self
        }

        pub(crate) fn create(&mut self, create: bool) -> &mut Self {
            self.opening.create = create;
            self
        }

        pub(crate) fn create_new(&mut self, create_new: bool) -> &mut Self {
            self.opening.create_new = create_new;
            self
        }

        pub(crate) fn open(&self, path: impl AsRef<Path>) -> io::Result<File> {
            let Opening { read, write, append, create, create_new } = self.opening;
            if let Some(machine) = machine() {
                let id = machine.open(path.as_ref(), self.opening)?;
                return Ok(File::Simulated(SimulatedFile { id, cursor: AtomicU64::new(0) }));
            }
            let mut options = real::OpenOptions::new();
            options.read(read).write(write).append(append).create(create).create_new(create_new);
            #[cfg(unix)]
            real::OpenOptionsExt::mode(&mut options, self.mode);
            options.open(path).map(File::Real)
        }
    }

    /// As the standard library's trait of this name.
    pub(crate) trait OpenOptionsExt {
        fn mode(&mut self, mode: u32) -> &mut Self;
    }

    impl OpenOptionsExt for OpenOptions {
        fn mode(&mut self, mode: u32) -> &mut Self {
            self.mode = mode;
            self
        }
    }

    impl File {
        pub(crate) fn open(path: impl AsRef<Path>) -> io::Result<Self> {
            OpenOptions::new().read(true).open(path)
        }

        pub(crate) fn metadata(&self) -> io::Result<Metadata> {
            match self {
                Self::Real(file) => file.metadata().map(Metadata::Real),
                Self::Simulated(file) => file.machine()?.facts(file.id).map(Metadata::Simulated),
            }
        }

        pub(crate) fn set_len(&self, length: u64) -> io::Result<()> {
            match self {
                Self::Real(file) => file.set_len(length),
                Self::Simulated(file) => file.machine()?.set_length(file.id, length),
            }
        }

        pub(crate) fn sync_data(&self) -> io::Result<()> {
            match self {
                Self::Real(file) => file.sync_data(),
                Self::Simulated(file) => file.machine()?.sync(file.id),
            }
        }
    }

    impl Read for &File {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self {
                File::Real(file) => (&mut &*file).read(buffer),
                File::Simulated(file) => {
                    let at = file.cursor.load(Ordering::Relaxed);
                    let count = file.machine()?.read(file.id, at, buffer)?;
                    file.cursor.store(at + count as u64, Ordering::Relaxed);
                    Ok(count)
                }
            }
        }
    }

    impl Write for &File {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            match self {
                File::Real(file) => (&mut &*file).write(bytes),
                File::Simulated(file) => {
                    let at = file.cursor.load(Ordering::Relaxed);
                    let (end, count) = file.machine()?.write(file.id, at, bytes)?;
                    file.cursor.store(end, Ordering::Relaxed);
                    Ok(count)
                }
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Seek for &File {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            let file = match self {
                File::Real(file) => return (&mut &*file).seek(to),
                File::Simulated(file) => file,
            };
            let (from, by) = match to {
                SeekFrom::Start(at) => (at, 0),
                SeekFrom::Current(by) => (file.cursor.load(Ordering::Relaxed), by),
                SeekFrom::End(by) => (file.machine()?.facts(file.id)?.length, by),
            };
            let at = from.checked_add_signed(by).ok_or(io::ErrorKind::InvalidInput)?;
            file.cursor.store(at, Ordering::Relaxed);
            Ok(at)
        }
    }

    impl Read for File {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            (&*self).read(buffer)
        }
    }

    impl Write for File {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            (&*self).write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            (&*self).flush()
        }
    }

    impl Seek for File {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            (&*self).seek(to)
        }
    }

    impl Metadata {
        pub(crate) fn is_file(&self) -> bool {
            match self {
                Self::Real(metadata) => metadata.is_file(),
                Self::Simulated(facts) => !facts.is_dir,
            }
        }

        pub(crate) fn is_dir(&self) -> bool {
            match self {
                Self::Real(metadata) => metadata.is_dir(),
                Self::Simulated(facts) => facts.is_dir,
            }
        }

        pub(crate) fn len(&self) -> u64 {
            match self {
                Self::Real(metadata) => metadata.len(),
                Self::Simulated(facts) => facts.length,
            }
        }
    }

    /// As the standard library's trait of this name. Every simulated file is its owner's, and private.
    #[cfg(unix)]
    pub(crate) trait MetadataExt {
        fn dev(&self) -> u64;
        fn ino(&self) -> u64;
        fn mode(&self) -> u32;
        fn uid(&self) -> u32;
    }

    #[cfg(unix)]
    impl MetadataExt for Metadata {
        fn dev(&self) -> u64 {
            match self {
                Self::Real(metadata) => real::MetadataExt::dev(metadata),
                Self::Simulated(_) => 1,
            }
        }

        fn ino(&self) -> u64 {
            match self {
                Self::Real(metadata) => real::MetadataExt::ino(metadata),
                Self::Simulated(facts) => facts.inode,
            }
        }

        fn mode(&self) -> u32 {
            match self {
                Self::Real(metadata) => real::MetadataExt::mode(metadata),
                Self::Simulated(_) => 0o600,
            }
        }

        fn uid(&self) -> u32 {
            match self {
                Self::Real(metadata) => real::MetadataExt::uid(metadata),
                Self::Simulated(_) => 1000,
            }
        }
    }

    pub(crate) fn lock(file: &File) -> io::Result<()> {
        match file {
            File::Real(file) => real::lock(file),
            File::Simulated(file) => file.machine()?.lock(file.id),
        }
    }

    pub(crate) fn make_public(file: &File) -> io::Result<()> {
        match file {
            File::Real(file) => real::make_public(file),
            File::Simulated(_) => Ok(()),
        }
    }

    pub(crate) fn metadata(path: impl AsRef<Path>) -> io::Result<Metadata> {
        match machine() {
            Some(machine) => machine.facts_at(path.as_ref()).map(Metadata::Simulated),
            None => real::metadata(path).map(Metadata::Real),
        }
    }

    /// There are no links in a simulation, and all paths are absolute.
    pub(crate) fn canonicalize(path: impl AsRef<Path>) -> io::Result<PathBuf> {
        match machine() {
            Some(machine) => machine.facts_at(path.as_ref()).map(|_| path.as_ref().to_owned()),
            None => real::canonicalize(path),
        }
    }

    pub(crate) fn read_link(path: impl AsRef<Path>) -> io::Result<PathBuf> {
        match machine() {
            Some(_) => Err(io::ErrorKind::InvalidInput.into()),
            None => real::read_link(path),
        }
    }

    pub(crate) fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        File::open(path)?.read_to_end(&mut content)?;
        Ok(content)
    }

    pub(crate) fn read_to_string(path: impl AsRef<Path>) -> io::Result<String> {
        io::read_to_string(File::open(path)?)
    }

    pub(crate) fn remove_file(path: impl AsRef<Path>) -> io::Result<()> {
        match machine() {
            Some(machine) => machine.remove(path.as_ref()),
            None => real::remove_file(path),
        }
    }

    pub(crate) fn rename(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
        match machine() {
            Some(machine) => machine.rename(from.as_ref(), to.as_ref()),
            None => real::rename(from, to),
        }
    }

    /// Standard output or standard input, if it is a file; in a simulation, it is not.
    pub(crate) fn stream(is_output: bool) -> Option<Metadata> {
        match machine() {
            Some(_) => None,
            None => real::stream(is_output).map(Metadata::Real),
        }
    }

    /// The files of a directory.
    pub(crate) fn list(directory: &Path) -> io::Result<Vec<PathBuf>> {
        match machine() {
            Some(machine) => machine.list(directory),
            None => real::list(directory),
        }
    }
}
