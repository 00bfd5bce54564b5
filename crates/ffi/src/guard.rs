//! The guard at every entry: no panic crosses the boundary, and every output is defined.

use crate::error::eiot_error;
use crate::status::{EIOT_ERR_INTERNAL, EIOT_OK, eiot_status};
use eiot_core::Error;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

/// Runs the body of a function that returns a status. `*out_err`, when there is one, is NULL on success and an
/// error that the caller owns on failure.
///
/// # Safety
/// `out_err` is NULL or points to a pointer that may be written.
pub(crate) unsafe fn status(
    out_err: *mut *mut eiot_error,
    body: impl FnOnce() -> Result<(), Error>,
) -> eiot_status {
    // SAFETY: the caller vouches for `out_err`.
    unsafe { put(out_err, ptr::null_mut()) };
    // Unwind safety: whatever a panic leaves half done is behind locks that survive poisoning, or is dropped.
    let error = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => return EIOT_OK,
        Ok(Err(error)) => error,
        Err(panic) => Error::internal(panic_text(panic.as_ref())),
    };
    let status = error.kind().status();
    if !out_err.is_null() {
        let made = catch_unwind(|| Box::into_raw(Box::new(eiot_error::new(&error))));
        // SAFETY: as above.
        unsafe { put(out_err, made.unwrap_or(ptr::null_mut())) };
    }
    status
}

/// Runs the body of a function that returns a value; `absent` when there is none to give.
pub(crate) fn value<T>(absent: T, body: impl FnOnce() -> Option<T>) -> T {
    catch_unwind(AssertUnwindSafe(body)).ok().flatten().unwrap_or(absent)
}

/// Frees a handle; NULL is fine.
///
/// # Safety
/// `handle` is NULL, or came from `Box::into_raw` and is not used again.
pub(crate) unsafe fn free<T>(handle: *mut T) {
    if !handle.is_null() {
        // SAFETY: the caller hands the box back.
        let handle = unsafe { Box::from_raw(handle) };
        let _ = catch_unwind(AssertUnwindSafe(|| drop(handle)));
    }
}

/// Writes an output that may be absent.
///
/// # Safety
/// `out` is NULL or points to a pointer that may be written.
pub(crate) unsafe fn put<T>(out: *mut *mut T, made: *mut T) {
    if !out.is_null() {
        // SAFETY: the caller vouches for `out`.
        unsafe { out.write(made) };
    }
}

/// An output that must be there.
pub(crate) fn required<T>(name: &str, pointer: *mut *mut T) -> Result<(), Error> {
    if pointer.is_null() { Err(Error::invalid_argument(format!("{name} is NULL"))) } else { Ok(()) }
}

/// A handle that must be there.
///
/// # Safety
/// `handle` is NULL, or live for as long as the reference is used.
pub(crate) unsafe fn handle<'a, T>(name: &str, handle: *const T) -> Result<&'a T, Error> {
    // SAFETY: the caller vouches for the pointer.
    unsafe { handle.as_ref() }.ok_or_else(|| Error::invalid_argument(format!("{name} is NULL")))
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic without a text")
}

const _: () = assert!(EIOT_ERR_INTERNAL == 99);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{eiot_error_free, eiot_error_message, eiot_error_status};
    use std::ffi::CStr;

    #[test]
    fn a_panic_becomes_an_internal_error() {
        let mut error = ptr::null_mut();
        // SAFETY: `error` may be written.
        let status = unsafe { status(&mut error, || panic!("deliberate")) };
        assert_eq!(status, EIOT_ERR_INTERNAL);
        // SAFETY: `error` was made just now, and is freed once.
        unsafe {
            assert_eq!(eiot_error_status(error), EIOT_ERR_INTERNAL);
            let message = CStr::from_ptr(eiot_error_message(error)).to_str().expect("UTF-8");
            assert!(message.contains("deliberate") && message.contains("report"), "{message}");
            eiot_error_free(error);
        }
        assert_eq!(value(7, || panic!("deliberate")), 7);
    }
}
