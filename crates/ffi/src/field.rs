//! Texts in fixed-width fields, for C's neighbours that know no NUL.

use crate::pointer::value;
use std::ffi::{CStr, c_char};
use std::slice;

/// Copies a string into a fixed-width, space-padded field without a terminating NUL. Longer text is
/// truncated at a character boundary. For record and database fields, for example in COBOL.
///
/// `text` is NUL-terminated UTF-8; NULL is "". `field` is `field_size` bytes long. Returns the
/// length of the whole text in bytes, which is greater than `field_size` if it was truncated. If
/// `field` is NULL, only returns the length.
///
/// Thread-safe. Does no I/O.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_copy_padded(
    text: *const c_char,
    field: *mut c_char,
    field_size: usize,
) -> usize {
    // SAFETY: the caller vouches for the NUL.
    let text = if text.is_null() { &[] } else { unsafe { CStr::from_ptr(text) }.to_bytes() };
    if !field.is_null() && isize::try_from(field_size).is_ok() {
        value((), || {
            // SAFETY: the caller vouches for `field_size` bytes, which need not have held anything before.
            unsafe { field.write_bytes(b' ', field_size) };
            // SAFETY: as above, and they do now.
            let field = unsafe { slice::from_raw_parts_mut(field.cast::<u8>(), field_size) };
            let fitting = text.get(..fitting(text, field_size))?;
            field.get_mut(..fitting.len())?.copy_from_slice(fitting);
            Some(())
        });
    }
    text.len()
}

/// Writes as much of a text as fits, in whole characters, and a NUL. Returns the length of the whole text.
///
/// # Safety
/// `buffer` is NULL, or `size` bytes may be written there.
pub(crate) unsafe fn write_text(text: &str, buffer: *mut c_char, size: usize) -> usize {
    if !buffer.is_null() && size > 0 && isize::try_from(size).is_ok() {
        let end = fitting(text.as_bytes(), size.saturating_sub(1));
        // SAFETY: the caller vouches for `size` bytes, and `end` is less than that; the text is not in the buffer.
        unsafe {
            buffer.copy_from_nonoverlapping(text.as_ptr().cast(), end);
            buffer.add(end).write(0);
        }
    }
    text.len()
}

/// How much of the text fits, in whole characters.
fn fitting(text: &[u8], size: usize) -> usize {
    let is_inside = |position: usize| text.get(position).is_some_and(|byte| byte & 0xC0 == 0x80);
    let mut end = text.len().min(size);
    while end > 0 && is_inside(end) {
        end -= 1;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr;

    fn put(text: &CStr, size: usize) -> (String, usize) {
        let mut field = vec![b'x'; size];
        // SAFETY: the field has its size, and the text its NUL.
        let length = unsafe { eiot_copy_padded(text.as_ptr(), field.as_mut_ptr().cast(), size) };
        (String::from_utf8(field).expect("whole characters"), length)
    }

    #[test]
    fn a_text_is_padded_or_cut_between_characters() {
        assert_eq!(put(c"abc", 5), ("abc  ".to_owned(), 3));
        assert_eq!(put(c"abc", 3), ("abc".to_owned(), 3));
        assert_eq!(put(c"abc", 2), ("ab".to_owned(), 3));
        assert_eq!(put(c"", 2), ("  ".to_owned(), 0));
        for (size, expected) in [(6, "成功"), (5, "成  "), (4, "成 "), (3, "成"), (2, "  "), (0, "")] {
            assert_eq!(put(c"成功", size), (expected.to_owned(), 6));
        }
        // SAFETY: NULL is allowed.
        unsafe {
            assert_eq!(eiot_copy_padded(ptr::null(), ptr::null_mut(), 7), 0);
            assert_eq!(eiot_copy_padded(c"abc".as_ptr(), ptr::null_mut(), 7), 3);
        }
    }
}
