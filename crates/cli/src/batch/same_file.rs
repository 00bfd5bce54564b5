//! Whether two of a run's files are the same file, however they are called.

use super::file_id::FileId;
use crate::system::fs;
use eiot::Error;
use std::path::{Path, PathBuf};

/// A file of a run, and what it is to the run.
pub(crate) struct RunFile<'a> {
    /// How the user calls it, such as `--out`.
    pub(crate) role: &'static str,
    /// `-` is standard input or output.
    pub(crate) path: &'a Path,
    pub(crate) is_written: bool,
}

/// What tells files apart.
#[derive(PartialEq, Eq)]
enum Identity {
    /// A regular file.
    File(FileId),
    /// A file that does not exist yet, by the path of its directory and its name.
    Absent(PathBuf),
}

/// Refuses files of which one is written and another one has the same content, by whatever link or name. Opens none of them.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`](eiot::ErrorKind::InvalidArgument), which names both.
pub(crate) fn refuse_same_files(files: &[RunFile<'_>]) -> Result<(), Error> {
    let known: Vec<_> = files.iter().filter_map(|file| Some((file, identity(file)?))).collect();
    for (index, (one, first)) in known.iter().enumerate() {
        for (other, second) in known.iter().skip(index + 1) {
            if first == second && (one.is_written || other.is_written) {
                return Err(Error::invalid_argument(format!(
                    "{} and {} are the same file, {}; nothing was sent or written",
                    one.role,
                    other.role,
                    if other.path == Path::new("-") { one.path.display() } else { other.path.display() }
                )));
            }
        }
    }
    Ok(())
}

fn identity(file: &RunFile<'_>) -> Option<Identity> {
    if file.path == Path::new("-") {
        return FileId::of_stream(file.is_written).map(Identity::File);
    }
    match FileId::of_path(file.path) {
        Ok(id) => id.map(Identity::File),
        Err(_) => absent(file.path, MAX_LINKS).map(Identity::Absent),
    }
}

/// As many links may lead to a file.
const MAX_LINKS: u32 = 40;

/// Where a file would be created.
fn absent(path: &Path, links: u32) -> Option<PathBuf> {
    if let Ok(target) = fs::read_link(path) {
        let target = path.parent().unwrap_or(Path::new("")).join(target);
        return absent(&target, links.checked_sub(1)?);
    }
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Some(fs::canonicalize(directory).ok()?.join(path.file_name()?))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn same_file_is_found_through_links_even_before_it_exists() {
        let directory = std::env::temp_dir().join(format!("eiot-same-file-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(directory.join("sub")).expect("writable");
        let path = |name: &str| directory.join(name);
        std::fs::write(path("cards"), "1\n").expect("writable");
        std::fs::hard_link(path("cards"), path("hard")).expect("writable");
        for (target, link) in [("cards", "soft"), ("soft", "softer"), ("new", "dangling"), ("loop", "loop")] {
            std::os::unix::fs::symlink(target, path(link)).expect("writable");
        }
        let refused = |one: &str, other: &str| {
            let file = |role, path, is_written| RunFile { role, path, is_written };
            refuse_same_files(&[file("--from", &path(one), false), file("--out", &path(other), true)])
                .is_err()
        };
        for same in [("cards", "hard"), ("cards", "softer"), ("hard", "sub/../soft"), ("new", "dangling")] {
            assert!(refused(same.0, same.1), "{same:?}");
        }
        for different in [("cards", "new"), ("new", "newer"), ("loop", "cards"), ("loop", "loop/x")] {
            assert!(!refused(different.0, different.1), "{different:?}");
        }
        std::fs::remove_dir_all(&directory).expect("there");
    }
}
