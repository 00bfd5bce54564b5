//! Cancellation, for C.

use crate::error::eiot_error;
use crate::guard::status;
use crate::pointer::{free, put, required};
use crate::status::eiot_status;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

/// A cancellation token. Shared by any number of calls; cannot be reset. Calls check it before
/// sending and every 50 ms while waiting, and then return `EIOT_ERR_CANCELLED`; a reply that
/// arrives first wins.
///
/// Thread-safe. Must outlive all calls and batches that use it; free it with `eiot_cancel_free`.
pub struct eiot_cancel {
    triggered: AtomicBool,
}

impl eiot_cancel {
    pub(crate) fn is_triggered(&self) -> bool {
        self.triggered.load(Ordering::Relaxed)
    }
}

/// Creates a cancellation token.
///
/// `*out_cancel` is NULL on failure; free it with `eiot_cancel_free`.
///
/// Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_cancel_new(
    out_cancel: *mut *mut eiot_cancel,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for both outputs.
    unsafe {
        put(out_cancel, ptr::null_mut());
        status(out_err, || {
            required("out_cancel", out_cancel)?;
            put(out_cancel, Box::into_raw(Box::new(eiot_cancel { triggered: AtomicBool::new(false) })));
            Ok(())
        })
    }
}

/// Cancels all calls that use this token, both those in flight and future ones. NULL is a no-op.
///
/// Thread-safe and async-signal-safe: you may call it from a signal handler.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_cancel_trigger(cancel: *const eiot_cancel) {
    // SAFETY: the caller vouches for the pointer.
    if let Some(cancel) = unsafe { cancel.as_ref() } {
        cancel.triggered.store(true, Ordering::Relaxed);
    }
}

/// Frees a cancellation token. No call or batch may still use it. NULL is a no-op.
///
/// Requires exclusive access.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_cancel_free(cancel: *mut eiot_cancel) {
    // SAFETY: the caller hands over what eiot_cancel_new made, once.
    unsafe { free(cancel) }
}
