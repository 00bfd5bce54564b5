//! Copies the sources of `crates/ffi`, and makes `system` of the calling convention `C`: stdcall in 32-bit Windows programs.

use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ffi/src");
    let to = env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?;
    println!("cargo:rerun-if-changed={}", from.display());
    println!("cargo:rerun-if-changed=build.rs");
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        // Functions, and types of callbacks; not the blocks that declare C's own.
        let text = fs::read_to_string(entry.path())?.replace("extern \"C\" fn", "extern \"system\" fn");
        // Never true: their tests and fuzzers call C functions.
        let text = text.replace("#[cfg(test)]", "#[cfg(any())]").replace("any(test, fuzzing)", "any()");
        // Attributes of a whole crate stand in lib.rs of this one.
        let lines = text.lines().filter(|line| !line.starts_with("#![") && !line.starts_with("//!"));
        let text: String = lines.flat_map(|line| [line, "\n"]).collect();
        fs::write(Path::new(&to).join(entry.file_name()), text)?;
    }
    let is_windows = env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "windows");
    if is_windows && env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|architecture| architecture == "x86") {
        // The names of the header, without the number of bytes that stdcall adds.
        println!("cargo:rustc-cdylib-link-arg=-Wl,--kill-at");
    }
    Ok(())
}
