//! Files that options name.

use crate::error::Error;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use zeroize::Zeroizing;

/// Reads a file that an option names: a regular file of at most `max_bytes`. Reading a pipe would block, and a device
/// has no end.
pub(crate) fn read(option: &str, path: &Path, max_bytes: u64) -> Result<Zeroizing<Vec<u8>>, Error> {
    let refused = |why: String| Error::config(option, format!("{} {why}", path.display()));
    let unreadable = |why: std::io::Error| refused(format!("cannot be read: {why}"));
    // Checked before opening: opening a pipe waits for a writer.
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(refused("is not a regular file".to_owned()));
    }
    // Allocated at full size: a buffer that grows would leave copies of a secret behind.
    let room = metadata.len().min(max_bytes) + 64;
    let mut content = Zeroizing::new(Vec::with_capacity(usize::try_from(room).unwrap_or_default()));
    File::open(path)
        .map_err(unreadable)?
        .take(max_bytes + 1)
        .read_to_end(&mut content)
        .map_err(unreadable)?;
    if content.len() as u64 > max_bytes {
        return Err(refused(format!("is larger than {} KiB", max_bytes / 1024)));
    }
    Ok(content)
}

/// Whether other users of the machine can read the file.
#[cfg(unix)]
pub(crate) fn is_readable_by_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
}

/// Whether other users of the machine can read the file: not implemented on this system.
#[cfg(not(unix))]
pub(crate) fn is_readable_by_others(_: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(path: &str) -> String {
        read("ca_file", Path::new(path), 1024).expect_err("refused").to_string()
    }

    #[test]
    fn file_that_is_too_large_is_rejected() {
        let path = std::env::temp_dir().join(format!("eiot-files-{}", std::process::id()));
        std::fs::write(&path, [b'x'; 1024]).expect("written");
        let path = path.to_str().expect("UTF-8");
        assert_eq!(read("ca_file", Path::new(path), 1024).expect("read").len(), 1024);
        std::fs::write(path, [b'x'; 1025]).expect("written");
        let text = refusal(path);
        assert!(text.starts_with("ca_file: ") && text.ends_with("is larger than 1 KiB"), "{text}");
        std::fs::remove_file(path).expect("removed");
    }

    #[cfg(unix)]
    #[test]
    fn file_that_is_not_regular_is_rejected_at_once() {
        let pipe = std::env::temp_dir().join(format!("eiot-pipe-{}", std::process::id()));
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).expect("a pipe");
        for path in ["/dev/zero", "/", pipe.to_str().expect("UTF-8")] {
            assert!(refusal(path).ends_with("is not a regular file"), "{path}");
        }
        std::fs::remove_file(pipe).expect("removed");
    }
}
