//! The log callback.

use std::ffi::{CString, c_char, c_void};
use std::fmt::Display;

/// A log callback. It receives one line per attempt, without secret or signature, such as
/// "eid=8904... attempt=1 timestamp=1700000000 nonce=12345 took_ms=35 outcome=http delivered=yes
/// http_status=503 again_after_ms=120". Timestamp and nonce identify the request to the platform's
/// support. Lines that begin with "batch: " report that a batch holds its cards back during an
/// outage, resumes, or stops; those with "rate limit: " an unusually long wait, or that the rate
/// limit is not shared; those with "configuration: " an option that should be changed. For programs,
/// `eiot_event_fn` is easier to read, and also receives calls that are refused before anything is
/// sent.
///
/// `line` is NUL-terminated and valid until the callback returns. Called on the thread that makes
/// the call, so on several threads at once if they share a client. Must return normally: no
/// exceptions, no longjmp.
pub type eiot_log_fn = Option<unsafe extern "C" fn(line: *const c_char, user_data: *mut c_void)>;

/// A host's log callback and its user data.
#[derive(Clone, Copy)]
pub(crate) struct Log {
    function: unsafe extern "C" fn(*const c_char, *mut c_void),
    user_data: *mut c_void,
}

// SAFETY: the host has promised that its function may run on many threads at once, with this data.
unsafe impl Send for Log {}
// SAFETY: as above.
unsafe impl Sync for Log {}

impl Log {
    pub(crate) fn new(function: eiot_log_fn, user_data: *mut c_void) -> Option<Self> {
        function.map(|function| Self { function, user_data })
    }

    pub(crate) fn tell(&self, event: impl Display) {
        if let Ok(line) = CString::new(event.to_string()) {
            // SAFETY: the host vouches for its function and its data; the line lives until after the call.
            unsafe { (self.function)(line.as_ptr(), self.user_data) };
        }
    }
}
