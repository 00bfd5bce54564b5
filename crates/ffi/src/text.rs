//! Text between C and Rust.

use eiot_core::Error;
use std::ffi::{CStr, CString, c_char};
use std::ptr;
use std::slice;

/// As a length: the text ends with a NUL. The header has it by hand: its spelling is C's.
pub(crate) const EIOT_NTS: usize = usize::MAX;

/// The bytes of a text argument: pointer and length, or a pointer and `EIOT_NTS`.
///
/// # Safety
/// `text` is NULL, or points to `length` bytes, or with `EIOT_NTS` to bytes that end with a NUL; they are not
/// changed while the slice is used.
pub(crate) unsafe fn bytes<'a>(name: &str, text: *const c_char, length: usize) -> Result<&'a [u8], Error> {
    match (text.is_null(), length) {
        // What an empty field of another language looks like; it must not reach from_raw_parts.
        (true, 0) => Ok(&[]),
        (true, _) => Err(Error::invalid_argument(format!("{name} is NULL"))),
        // SAFETY: the caller vouches for the NUL.
        (false, EIOT_NTS) => Ok(unsafe { CStr::from_ptr(text) }.to_bytes()),
        (false, _) if isize::try_from(length).is_err() => {
            Err(Error::invalid_argument(format!("{name}: a length of {length} bytes is not possible")))
        }
        // SAFETY: the caller vouches for the length.
        (false, _) => Ok(unsafe { slice::from_raw_parts(text.cast(), length) }),
    }
}

/// As [`bytes`], where the text must be UTF-8.
///
/// # Safety
/// As [`bytes`].
pub(crate) unsafe fn utf8<'a>(name: &str, text: *const c_char, length: usize) -> Result<&'a str, Error> {
    // SAFETY: passed on.
    let bytes = unsafe { bytes(name, text, length) }?;
    std::str::from_utf8(bytes).map_err(|_| Error::invalid_argument(format!("{name} is not valid UTF-8")))
}

/// The pointers of an array of strings.
///
/// # Safety
/// `array` is NULL or has `count` pointers, which are not changed while the slice is used.
pub(crate) unsafe fn array<'a>(
    name: &str,
    array: *const *const c_char,
    count: usize,
) -> Result<&'a [*const c_char], Error> {
    if count == 0 {
        return Ok(&[]);
    }
    if array.is_null() || isize::try_from(count.saturating_mul(size_of::<*const c_char>())).is_err() {
        return Err(Error::invalid_argument(format!("{name} is NULL, or count is too large")));
    }
    // SAFETY: the caller vouches for `count` pointers.
    Ok(unsafe { slice::from_raw_parts(array, count) })
}

/// A string for C; a NUL inside, which C could not see past, becomes the replacement character.
pub(crate) fn owned(text: &str) -> CString {
    CString::new(text).or_else(|_| CString::new(text.replace('\0', "\u{FFFD}"))).unwrap_or_default()
}

/// A string that may be absent.
pub(crate) fn or_null(text: &Option<CString>) -> *const c_char {
    text.as_ref().map_or(ptr::null(), |text| text.as_ptr())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_with_no_length_is_empty_and_otherwise_an_error() {
        // SAFETY: NULL is allowed.
        unsafe {
            assert_eq!(bytes("eid", ptr::null(), 0).expect("empty"), b"");
            assert!(bytes("eid", ptr::null(), 3).expect_err("NULL").to_string().contains("eid is NULL"));
            assert!(bytes("eid", ptr::null(), EIOT_NTS).is_err());
        }
    }

    #[test]
    fn a_length_that_cannot_be_is_refused() {
        // SAFETY: the text is not read when the length is refused.
        assert!(unsafe { bytes("eid", c"1".as_ptr(), usize::MAX - 1) }.is_err());
    }

    #[test]
    fn a_nul_inside_does_not_cut_a_message_short() {
        assert_eq!(owned("a\0b").to_str(), Ok("a\u{FFFD}b"));
    }
}
