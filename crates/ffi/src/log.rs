//! Telling the host of each attempt, and of what a batch does by itself.

use std::ffi::{CString, c_char, c_void};
use std::fmt::Display;

/// Is told of each attempt that is over, in one line without secret or signature, such as
/// "eid=8904... attempt=1 took_ms=35 outcome=http delivered=yes http_status=503 again_after_ms=120". A batch also tells when it
/// holds its cards back in an outage, goes on, or stops by itself, in a line that begins with "batch: ". The line ends with
/// a NUL and lives until the function returns. It runs on the thread that made the call; with a client that many
/// threads share, on many at once. It must return: no exception, no longjmp.
pub type eiot_log_fn = Option<unsafe extern "C" fn(line: *const c_char, user_data: *mut c_void)>;

/// A host's log function and what it wants to see again.
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
