//! Which library this is.

use std::ffi::{CStr, c_char};

/// The version of the library that is running, such as "0.1.0"; compare with `EIOT_VERSION`, the version of the
/// header. Static; never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn eiot_version() -> *const c_char {
    const VERSION: &CStr =
        match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
            Ok(version) => version,
            Err(_) => c"",
        };
    VERSION.as_ptr()
}

/// The same as a number that can be compared: major * 65536 + minor * 256 + patch, like `EIOT_VERSION_NUM`.
#[unsafe(no_mangle)]
pub extern "C" fn eiot_version_number() -> u32 {
    let part = |text: &str| text.bytes().fold(0, |number, digit| number * 10 + u32::from(digit - b'0'));
    part(env!("CARGO_PKG_VERSION_MAJOR")) << 16
        | part(env!("CARGO_PKG_VERSION_MINOR")) << 8
        | part(env!("CARGO_PKG_VERSION_PATCH"))
}
