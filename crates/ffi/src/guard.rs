//! The guard at every entry: no panic crosses the boundary, and every output is defined.

use crate::error::eiot_error;
use crate::pointer::put;
use crate::status::{EIOT_ERR_INTERNAL, EIOT_OK, eiot_status};
use crate::thread_cancel::Disabled;
use crate::unload::stay_loaded;
use eiot_core::Error;
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
    let _deferred = Disabled::new();
    silence_panics();
    stay_loaded();
    // SAFETY: the caller vouches for `out_err`.
    unsafe { put(out_err, ptr::null_mut()) };
    // Unwind safety: whatever a panic leaves half done is behind locks that survive poisoning, or is dropped.
    let error = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => return EIOT_OK,
        Ok(Err(error)) => error,
        Err(panic) => Error::panicked(panic.as_ref()),
    };
    let status = error.kind().status();
    if !out_err.is_null() {
        let made = catch_unwind(|| Box::into_raw(Box::new(eiot_error::new(&error))));
        // SAFETY: as above.
        unsafe { put(out_err, made.unwrap_or(ptr::null_mut())) };
    }
    status
}

/// A caught panic is an error of the call, and prints nothing: a daemon's descriptor 2 may be a database file. The hook is
/// that of this library's own copy of the standard library.
fn silence_panics() {
    #[cfg(not(any(test, fuzzing)))]
    {
        static SILENCED: std::sync::Once = std::sync::Once::new();
        SILENCED.call_once(|| std::panic::set_hook(Box::new(|_| {})));
    }
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
    }
}
