//! Events: each attempt, and each call that is refused before anything is sent, for C.

use crate::error::delivered;
use crate::pointer::value;
use crate::status::*;
use crate::text::{or_null, owned};
use eiot_core::Attempt;
use std::ffi::{CString, c_char, c_void};
use std::ptr;

/// One attempt of a call that has ended, or a call that was refused before anything was sent: the
/// EID is malformed, the card is in its cooldown, the rate limiter has no permit, or the call was
/// cancelled while it waited for one. For metrics and structured logs; `eiot_event_json` has all
/// fields in one text.
///
/// Valid until the callback that receives it returns, and so are its strings. Thread-safe.
pub struct eiot_event {
    path: CString,
    eid: Option<CString>,
    attempt: u32,
    status: eiot_status,
    delivered: eiot_delivered,
    platform_code: Option<CString>,
    http_status: i32,
    duration_ms: f64,
    next_wait_ms: i64,
    timestamp: u64,
    nonce: u32,
    message: Option<CString>,
    json: CString,
}

impl eiot_event {
    fn new(attempt: &Attempt<'_>) -> Self {
        Self {
            path: owned(attempt.path),
            eid: Some(owned(attempt.eid)).filter(|eid| !eid.is_empty()),
            attempt: attempt.number,
            status: attempt.failure.map_or(EIOT_OK, |error| error.kind().status()),
            delivered: delivered(attempt.delivered()),
            platform_code: attempt.code().map(owned),
            http_status: attempt.http_status.unwrap_or(0).into(),
            duration_ms: attempt.took.as_secs_f64() * 1000.0,
            next_wait_ms: attempt
                .again_after
                .map_or(-1, |wait| i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)),
            timestamp: attempt.timestamp,
            nonce: attempt.nonce,
            message: attempt.failure.map(|error| owned(&error.to_string())),
            json: owned(&attempt.to_json()),
        }
    }
}

/// A callback that receives each event. `user_data` is what `eiot_config_set_event_callback` was
/// given.
///
/// Called on the thread that makes the call, so on several threads at once if they share a client.
/// Must return normally: no exceptions, no longjmp. Must not call the library with the batch, or
/// free the client, that it is called from.
pub type eiot_event_fn = Option<unsafe extern "C" fn(event: *const eiot_event, user_data: *mut c_void)>;

/// A host's event callback and its user data.
#[derive(Clone, Copy)]
pub(crate) struct Events {
    function: unsafe extern "C" fn(*const eiot_event, *mut c_void),
    user_data: *mut c_void,
}

// SAFETY: the host has promised that its function may run on many threads at once, with this data.
unsafe impl Send for Events {}
// SAFETY: as above.
unsafe impl Sync for Events {}

impl Events {
    pub(crate) fn new(function: eiot_event_fn, user_data: *mut c_void) -> Option<Self> {
        function.map(|function| Self { function, user_data })
    }

    pub(crate) fn tell(&self, attempt: &Attempt<'_>) {
        // SAFETY: the host vouches for its function and its data; the event lives until after the call.
        unsafe { (self.function)(&eiot_event::new(attempt), self.user_data) };
    }
}

/// Reads a field of an event; `absent` for NULL.
///
/// # Safety
/// `event` is NULL or a live event.
unsafe fn field<T>(event: *const eiot_event, absent: T, read: impl FnOnce(&eiot_event) -> T) -> T {
    // SAFETY: the caller vouches for the pointer.
    let event = unsafe { event.as_ref() };
    value(absent, || event.map(read))
}

/// Returns the event as one line of JSON, the same in every language. `null` stands for a value
/// that does not apply; later versions may add fields at the end. Never NULL; "" if `event` is
/// NULL.
///
///     {"path":"/api/v3/cloudesim/refreshUsage","eid":"89044011112233441122334411223321","attempt":1,
///      "outcome":"http","delivered":"yes","code":null,"http_status":503,"duration_ms":35.123,
///      "next_wait_ms":120,"timestamp":1700000000,"nonce":12345,"message":"EID 8904...: HTTP 503"}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_event_json(event: *const eiot_event) -> *const c_char {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(event, c"".as_ptr(), |event| event.json.as_ptr()) }
}

/// Returns the path of the call. Never NULL; "" if `event` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_event_path(event: *const eiot_event) -> *const c_char {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(event, c"".as_ptr(), |event| event.path.as_ptr()) }
}

/// Returns the EID; the beginning of the input if it is malformed. NULL if the call does not
/// concern a card.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_event_eid(event: *const eiot_event) -> *const c_char {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(event, ptr::null(), |event| or_null(&event.eid)) }
}

/// Returns which attempt of the call this was; 1 is the first. 0: the call was refused, and nothing
/// was sent. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_event_attempt(event: *const eiot_event) -> u32 {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(event, 0, |event| event.attempt) }
}

/// Returns `EIOT_OK` if the attempt succeeded, otherwise the status of its failure; `EIOT_OK` for
/// NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_event_status(event: *const eiot_event) -> eiot_status {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(event, EIOT_OK, |event| event.status) }
}

/// Returns whether the platform received this request; `EIOT_DELIVERED_NO` for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_event_delivered(event: *const eiot_event) -> eiot_delivered {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(event, EIOT_DELIVERED_NO, |event| event.delivered) }
}

/// Returns the platform's code, "200" if the attempt succeeded. NULL if the platform sent none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_event_platform_code(event: *const eiot_event) -> *const c_char {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(event, ptr::null(), |event| or_null(&event.platform_code)) }
}

/// Returns the HTTP status of the response, or 0 if there was none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_event_http_status(event: *const eiot_event) -> i32 {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(event, 0, |event| event.http_status) }
}

/// Returns how many milliseconds the attempt took, not counting the wait for a permit; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_event_duration_ms(event: *const eiot_event) -> f64 {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(event, 0.0, |event| event.duration_ms) }
}

/// Returns how many milliseconds the call waits before it retries; -1 if this was its last attempt,
/// and for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_event_next_wait_ms(event: *const eiot_event) -> i64 {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(event, -1, |event| event.next_wait_ms) }
}

/// Returns the timestamp of the request in Unix seconds. With the nonce, it identifies the request
/// to the platform's support. 0 if nothing was sent, and for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_event_timestamp(event: *const eiot_event) -> u64 {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(event, 0, |event| event.timestamp) }
}

/// Returns the nonce of the request; 0 if nothing was sent, and for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_event_nonce(event: *const eiot_event) -> u32 {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(event, 0, |event| event.nonce) }
}

/// Returns the error's message; NULL if the attempt succeeded.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_event_message(event: *const eiot_event) -> *const c_char {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(event, ptr::null(), |event| or_null(&event.message)) }
}
