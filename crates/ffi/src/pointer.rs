//! Handles and outputs: what every function does with the pointers that it is given.

use crate::thread_cancel::Disabled;
use eiot_core::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};

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
        // What is dropped closes its sockets, and to close one is a cancellation point.
        let _deferred = Disabled::new();
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

/// A handle that must be there, and is used exclusively.
///
/// # Safety
/// `handle` is NULL, or live and not used elsewhere for as long as the reference is used.
pub(crate) unsafe fn handle_mut<'a, T>(name: &str, handle: *mut T) -> Result<&'a mut T, Error> {
    // SAFETY: the caller vouches for the pointer.
    unsafe { handle.as_mut() }.ok_or_else(|| Error::invalid_argument(format!("{name} is NULL")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_of_a_function_that_panics_is_the_absent_one() {
        assert_eq!(value(7, || panic!("deliberate")), 7);
        assert_eq!((value(7, || None), value(7, || Some(8))), (7, 8));
    }
}
