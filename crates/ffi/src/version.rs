//! Which library this is.

use std::ffi::{CStr, c_char};

/// Returns the version of the loaded library, such as "0.1.0". Compare it with `EIOT_VERSION`, the
/// version of the header.
///
/// The string is static and never NULL. Thread-safe.
#[unsafe(no_mangle)]
pub extern "C" fn eiot_version() -> *const c_char {
    const VERSION: &CStr =
        match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
            Ok(version) => version,
            Err(_) => c"",
        };
    VERSION.as_ptr()
}

/// Returns the version of the loaded library as a number that can be compared: major * 65536 +
/// minor * 256 + patch, like `EIOT_VERSION_NUM`.
///
/// Thread-safe.
#[unsafe(no_mangle)]
pub extern "C" fn eiot_version_number() -> u32 {
    let part = |text: &str| text.bytes().fold(0, |number, digit| number * 10 + u32::from(digit - b'0'));
    part(env!("CARGO_PKG_VERSION_MAJOR")) << 16
        | part(env!("CARGO_PKG_VERSION_MINOR")) << 8
        | part(env!("CARGO_PKG_VERSION_PATCH"))
}
