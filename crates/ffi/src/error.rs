//! Errors, for C.

use crate::pointer::value;
use crate::status::*;
use crate::text::{or_null, owned};
use eiot_core::{Delivered, Error};
use std::ffi::{CStr, CString, c_char};
use std::ptr;

/// Details of a failed call: kind, message, attempts, the platform's own code, and whether the
/// platform received the request. A function that fails stores one in `*out_err` unless `out_err`
/// is NULL.
///
/// Thread-safe, since it is immutable. Free it with `eiot_error_free`; its strings are UTF-8 and
/// live as long as it does.
pub struct eiot_error {
    status: eiot_status,
    is_final: bool,
    is_retryable: bool,
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
            is_retryable: error.is_retryable(),
            message: owned(&error.to_string()),
            eid: error.eid().map(owned),
            platform_code: error.platform_code().map(owned),
            platform_message: error.platform_message().map(owned),
            http_status: error.http_status().unwrap_or(0).into(),
            attempts: error.attempts(),
            retry_after_ms: error.retry_after().map_or(-1, milliseconds),
            delivered: delivered(error.delivered()),
            body: error.body().map(|body| [body, b"\0"].concat()),
            headers: error.headers().iter().map(|(name, value)| (owned(name), owned(value))).collect(),
        }
    }
}

/// The number for C.
pub(crate) fn delivered(delivered: Delivered) -> eiot_delivered {
    match delivered {
        Delivered::No => EIOT_DELIVERED_NO,
        Delivered::Yes => EIOT_DELIVERED_YES,
        Delivered::Unknown => EIOT_DELIVERED_UNKNOWN,
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

/// Returns the status that the failed call returned; `EIOT_OK` for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_error_status(error: *const eiot_error) -> eiot_status {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(error, EIOT_OK, |error| error.status) }
}

/// Returns a message for people: what happened, to which EID, and what to do about it.
///
/// A single line that is safe to log: it contains neither the secret nor a signature, and control
/// characters in the platform's text are escaped. Never NULL; "" if `error` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_error_message(error: *const eiot_error) -> *const c_char {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(error, c"".as_ptr(), |error| error.message.as_ptr()) }
}

/// Returns the EID of the call as the caller passed it, quoted and shortened unless it consists of
/// digits only. NULL if the error does not concern a single card.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_error_eid(error: *const eiot_error) -> *const c_char {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(error, ptr::null(), |error| or_null(&error.eid)) }
}

/// Returns the platform's error code, verbatim (an integer as decimal digits). NULL if the platform
/// sent none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_error_platform_code(error: *const eiot_error) -> *const c_char {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(error, ptr::null(), |error| or_null(&error.platform_code)) }
}

/// Returns the platform's error message, verbatim: UTF-8, often Chinese, control characters
/// included. NULL if the platform sent none. For logs, prefer `eiot_error_message`, which escapes
/// control characters.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_error_platform_message(error: *const eiot_error) -> *const c_char {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(error, ptr::null(), |error| or_null(&error.platform_message)) }
}

/// Returns non-zero if the same call would fail again no matter how network, account and platform
/// change: for malformed EIDs and arguments, and for the platform's codes for invalid requests (its
/// published error-code page, or the option error_codes). Unpublished codes are never final. 0 for
/// NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_error_is_final(error: *const eiot_error) -> i32 {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(error, 0, |error| i32::from(error.is_final)) }
}

/// Returns non-zero if you may make this call again: the failure may pass by itself, and the call is
/// safe to repeat, because nothing was delivered or it is idempotent, as a refresh is. Wait before
/// you do, at least `eiot_error_retry_after_ms`: the library has already retried the call within its
/// timeout. 0 for NULL.
///
/// 0 does not mean that the call always fails: correct the configuration or the account first
/// (`EIOT_ERR_CONFIG`, `EIOT_ERR_TLS`, `EIOT_ERR_AUTH`), or wait for the end of the cooldown
/// (`EIOT_ERR_COOLDOWN`). `eiot_error_is_final` tells which calls always fail.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_error_is_retryable(error: *const eiot_error) -> i32 {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(error, 0, |error| i32::from(error.is_retryable)) }
}

/// Returns the HTTP status of the response, or 0 if there was none. For `EIOT_ERR_CONNECT`, the
/// status of a proxy that refused to connect.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_error_http_status(error: *const eiot_error) -> i32 {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(error, 0, |error| error.http_status) }
}

/// Returns how many requests were sent or started; 0 if the call failed before the first one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_error_attempts(error: *const eiot_error) -> u32 {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(error, 0, |error| error.attempts) }
}

/// Returns how many milliseconds to wait before the next call: what the platform asks for, or the
/// time until the rate limiter or the card's cooldown allows it. -1 if neither says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_error_retry_after_ms(error: *const eiot_error) -> i64 {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(error, -1, |error| error.retry_after_ms) }
}

/// Returns whether the platform received the request. Check this before you repeat a call that is
/// not idempotent.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_error_delivered(error: *const eiot_error) -> eiot_delivered {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(error, EIOT_DELIVERED_NO, |error| error.delivered) }
}

/// Returns the first 2 KiB of the response body, verbatim, if the response is not the platform's,
/// such as the HTML page of a proxy or gateway; NULL otherwise.
///
/// The secret and the signature are masked if the server echoes them. The body is not necessarily
/// text and can contain NUL bytes; for convenience a NUL follows it. `*out_len` receives the length
/// without that NUL, 0 if there is no body. `out_len` may be NULL.
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

/// Returns the value of a response header, such as "server" or "x-request-id". Quote these when you
/// contact the operator of the server.
///
/// `name` is NUL-terminated and case-insensitive. Only headers that help support are kept. NULL if
/// the response does not have the header, or if there was no response.
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

/// Returns the name of the kept response header at `index`, in lower case; NULL past the last one.
/// Use it to enumerate the names that `eiot_error_header` accepts.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_error_header_name(error: *const eiot_error, index: usize) -> *const c_char {
    // SAFETY: the caller vouches for the pointer.
    unsafe {
        field(error, ptr::null(), |error| {
            error.headers.get(index).map_or(ptr::null(), |(name, _)| name.as_ptr())
        })
    }
}

/// Frees an error and its strings. NULL is a no-op.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_error_free(error: *mut eiot_error) {
    // SAFETY: the caller hands over what one of our functions made, once.
    unsafe { crate::pointer::free(error) }
}
