//! Files that are replaced at once, so that readers never see half of one.

use eiot::Error;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Replaces the content of a file, or creates it: writes a new file beside it and renames it. If it is public, every user can read
/// it, whatever the umask.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`](eiot::ErrorKind::InvalidArgument) if it cannot be written; the old content stays.
pub(crate) fn replace_file(file: &Path, content: &[u8], is_public: bool) -> Result<(), Error> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    // Collectors and shell patterns skip names that begin with a dot and do not end as the file does.
    let new = file.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    write(&new, content, is_public).and_then(|()| fs::rename(&new, file)).map_err(|why| {
        let _ = fs::remove_file(&new);
        Error::invalid_argument(format!("{} cannot be written: {why}", file.display()))
    })
}

fn write(new: &Path, content: &[u8], is_public: bool) -> io::Result<()> {
    let mut file = File::create(new)?;
    #[cfg(unix)]
    if is_public {
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
    }
    #[cfg(not(unix))]
    let _ = is_public;
    file.write_all(content)
}
