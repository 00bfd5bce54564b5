//! What went wrong, for C.

use crate::pointer::value;
use crate::status::*;
use crate::text::{or_null, owned};
use eiot_core::{Delivered, Error};
use std::ffi::{CStr, CString, c_char};
use std::ptr;

/// What went wrong. Made by a call that fails, when it is given somewhere to put it (`out_err`); yours to free
/// with `eiot_error_free`. It never changes, so any thread may read it. Its strings are UTF-8 and live as long as
/// it does.
pub struct eiot_error {
    status: eiot_status,
    is_final: bool,
    message: CString,
    eid: Option<CString>,
    platform_code: Option<CString>,
    platform_message: Option<CString>,
    http_status: i32,
    attempts: u32,
    retry_after_ms: i64,
    delivered: eiot_delivered,
    /// With a NUL behind it that does not count.
    body: Option<Vec<u8>>,
    /// Names in lower case, and values.
    headers: Vec<(CString, CString)>,
}

impl eiot_error {
    pub(crate) fn new(error: &Error) -> Self {
        let milliseconds = |wait: std::time::Duration| i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
        Self {
            status: error.kind().status(),
            is_final: error.is_final(),
            message: owned(&error.to_string()),
            eid: error.eid().map(owned),
            platform_code: error.platform_code().map(owned),
            platform_message: error.platform_message().map(owned),
            http_status: error.http_status().unwrap_or(0).into(),
            attempts: error.attempts(),
            retry_after_ms: error.retry_after().map_or(-1, milliseconds),
            delivered: match error.delivered() {
                Delivered::No => EIOT_DELIVERED_NO,
                Delivered::Yes => EIOT_DELIVERED_YES,
                Delivered::Unknown => EIOT_DELIVERED_UNKNOWN,
            },
            body: error.body().map(|body| [body, b"\0"].concat()),
            headers: error.headers().iter().map(|(name, value)| (owned(name), owned(value))).collect(),
        }
    }
}

/// Reads a field of an error; `absent` for NULL.
///
/// # Safety
/// `error` is NULL or a live error.
unsafe fn field<T>(error: *const eiot_error, absent: T, read: impl FnOnce(&eiot_error) -> T) -> T {
    // SAFETY: the caller vouches for the pointer.
    let error = unsafe { error.as_ref() };
    value(absent, || error.map(read))
}

/// The status that the failed call returned; `EIOT_OK` for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_error_status(error: *const eiot_error) -> eiot_status {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(error, EIOT_OK, |error| error.status) }
}

/// What happened, to which EID, and what to do, for people. One line without the secret or a signature, and control characters
/// in what the platform said are escaped, so it can be logged. Never NULL; "" for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_error_message(error: *const eiot_error) -> *const c_char {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(error, c"".as_ptr(), |error| error.message.as_ptr()) }
}

/// The EID of the call, as it was given (quoted and shortened where it is not plain digits); NULL when the failure
/// has nothing to do with one card.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_error_eid(error: *const eiot_error) -> *const c_char {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(error, ptr::null(), |error| or_null(&error.eid)) }
}

/// The platform's own code, exactly as it came (an integer as its digits); NULL when the platform gave none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_error_platform_code(error: *const eiot_error) -> *const c_char {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(error, ptr::null(), |error| or_null(&error.platform_code)) }
}

/// The platform's own message, verbatim (UTF-8, often Chinese, control characters included); NULL when the platform gave none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_error_platform_message(error: *const eiot_error) -> *const c_char {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(error, ptr::null(), |error| or_null(&error.platform_message)) }
}

/// Not 0: the same call would fail again, whatever becomes of network, account and platform. True of malformed EIDs and
/// arguments, and of the platform's codes for a wrong request (its published error-code page, or the option error_codes). A code
/// that is not published is never final. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_error_is_final(error: *const eiot_error) -> i32 {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(error, 0, |error| i32::from(error.is_final)) }
}

/// The HTTP status of the reply, or 0 when there was no reply.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_error_http_status(error: *const eiot_error) -> i32 {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(error, 0, |error| error.http_status) }
}

/// How many requests were sent or begun; 0 when the call was refused before that.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_error_attempts(error: *const eiot_error) -> u32 {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(error, 0, |error| error.attempts) }
}

/// How many milliseconds the platform asks to wait before the next try; -1 when it does not say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_error_retry_after_ms(error: *const eiot_error) -> i64 {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(error, -1, |error| error.retry_after_ms) }
}

/// Whether the platform got the request: what to look at before repeating a call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_error_delivered(error: *const eiot_error) -> eiot_delivered {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(error, EIOT_DELIVERED_NO, |error| error.delivered) }
}

/// The first 2 KiB of the response body, verbatim, when the response is not the platform's, such as the HTML page of a proxy or
/// gateway; NULL otherwise. The secret and the signature are masked if the server echoes them. The body is not necessarily text
/// and can contain NUL bytes; for convenience a NUL follows it.
///
/// `*out_len` receives the length without that NUL, 0 for NULL. `out_len` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_error_body(error: *const eiot_error, out_len: *mut usize) -> *const c_char {
    // SAFETY: the caller vouches for the pointer.
    let (body, length) = unsafe {
        field(error, (ptr::null(), 0), |error| match &error.body {
            Some(body) => (body.as_ptr().cast(), body.len().saturating_sub(1)),
            None => (ptr::null(), 0),
        })
    };
    if !out_len.is_null() {
        // SAFETY: the caller vouches for the output.
        unsafe { out_len.write(length) };
    }
    body
}

/// A response header, such as "server" or "x-request-id": quote it when you contact the operator of the server. Only headers that
/// help support are kept. NULL when the response does not have the header, or when there was no response.
///
/// `name` is NUL-terminated and case-insensitive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_error_header(error: *const eiot_error, name: *const c_char) -> *const c_char {
    if name.is_null() {
        return ptr::null();
    }
    // SAFETY: the caller vouches for the NUL.
    let name = unsafe { CStr::from_ptr(name) }.to_bytes();
    let is_named = |header: &CStr| header.to_bytes().eq_ignore_ascii_case(name);
    // SAFETY: the caller vouches for the pointer.
    unsafe {
        field(error, ptr::null(), |error| {
            let mut headers = error.headers.iter();
            headers.find(|(name, _)| is_named(name)).map_or(ptr::null(), |(_, value)| value.as_ptr())
        })
    }
}

/// The name of the kept response header at `index`, in lower case; NULL past the last one. Enumerates the names that
/// `eiot_error_header` knows.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_error_header_name(error: *const eiot_error, index: usize) -> *const c_char {
    // SAFETY: the caller vouches for the pointer.
    unsafe {
        field(error, ptr::null(), |error| {
            error.headers.get(index).map_or(ptr::null(), |(name, _)| name.as_ptr())
        })
    }
}

/// Frees an error and its strings. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_error_free(error: *mut eiot_error) {
    // SAFETY: the caller hands over what one of our functions made, once.
    unsafe { crate::pointer::free(error) }
}
