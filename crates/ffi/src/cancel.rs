//! Breaking calls off, for C.

use crate::error::eiot_error;
use crate::guard::status;
use crate::pointer::{free, put, required};
use crate::status::eiot_status;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

/// Breaks calls off. Give one to as many calls as you like; once triggered it stays so. A call looks before it sends
/// anything and every 50 ms while it waits, and then returns `EIOT_ERR_CANCELLED`; one that is answered before it looks is
/// not broken off. Any number of threads may use it at once.
pub struct eiot_cancel {
    triggered: AtomicBool,
}

impl eiot_cancel {
    pub(crate) fn is_triggered(&self) -> bool {
        self.triggered.load(Ordering::Relaxed)
    }
}

/// Makes one that is not triggered. `*out_cancel` is yours to free with `eiot_cancel_free`; it is NULL on failure.
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

/// Breaks off the calls that were given this one, those under way and those to come. May be called from another thread
/// or from a signal handler. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_cancel_trigger(cancel: *const eiot_cancel) {
    // SAFETY: the caller vouches for the pointer.
    if let Some(cancel) = unsafe { cancel.as_ref() } {
        cancel.triggered.store(true, Ordering::Relaxed);
    }
}

/// Frees it. No call may be using it. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_cancel_free(cancel: *mut eiot_cancel) {
    // SAFETY: the caller hands over what eiot_cancel_new made, once.
    unsafe { free(cancel) }
}
