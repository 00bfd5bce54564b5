//! Files that are replaced at once, so that readers never see half of one.

use super::Failure;
use crate::system::fs::{self, OpenOptions};
use crate::system::process_id;
use std::io::{self, Write};
use std::path::Path;

/// Replaces the content of a file, or creates it: writes a new file beside it and renames it. If it is public, every user can read
/// it, whatever the umask.
///
/// # Errors
/// [`Failure::unwritable`]; the old content stays.
pub(crate) fn replace_file(file: &Path, content: &[u8], is_public: bool) -> Result<(), Failure> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    // Collectors and shell patterns skip names that begin with a dot and do not end as the file does.
    let new = file.with_file_name(format!(".{name}.{}.tmp", process_id()));
    write(&new, content, is_public).and_then(|()| fs::rename(&new, file)).map_err(|why| {
        let _ = fs::remove_file(&new);
        Failure::unwritable(file, why)
    })
}

fn write(new: &Path, content: &[u8], is_public: bool) -> io::Result<()> {
    // What an earlier process with this number has left. A link that another user has put there must not be followed.
    let _ = fs::remove_file(new);
    let mut file = OpenOptions::new().write(true).create_new(true).open(new)?;
    if is_public {
        fs::make_public(&file)?;
    }
    file.write_all(content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn replaced_file_has_the_new_content_and_leaves_nothing_beside_it() {
        let directory = std::env::temp_dir().join(format!("eiot-replace-{}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).expect("a writable directory");
        let (file, other) = (directory.join("a.prom"), directory.join("other"));
        fs::write(&other, "other").expect("written");
        #[cfg(unix)]
        let link = directory.join(format!(".a.prom.{}.tmp", std::process::id()));
        #[cfg(unix)]
        std::os::unix::fs::symlink(&other, link).expect("a link");
        for content in ["one", "two"] {
            replace_file(&file, content.as_bytes(), true).expect("written");
            assert_eq!(fs::read_to_string(&file).expect("readable"), content);
        }
        assert_eq!(fs::read_to_string(&other).expect("readable"), "other");
        assert_eq!(fs::read_dir(&directory).expect("readable").count(), 2);
        assert!(replace_file(&directory.join("absent").join("a"), b"", false).is_err());
        fs::remove_dir_all(&directory).expect("removed");
    }
}
