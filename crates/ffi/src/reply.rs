//! The platform's answer, for C.

use crate::pointer::{free, value};
use crate::text::{or_null, owned};
use eiot_core::Reply;
use std::ffi::{CString, c_char};
use std::ptr;

/// A successful reply of the platform. A refresh triggers one usage sync with the carrier; new
/// figures may become visible a little later.
///
/// Thread-safe, since it is immutable. Free it with `eiot_reply_free`; its strings are UTF-8 and
/// live as long as it does.
pub struct eiot_reply {
    eid: CString,
    code: CString,
    message: CString,
    data_json: Option<CString>,
    attempts: u32,
}

impl eiot_reply {
    pub(crate) fn new(reply: &Reply) -> Self {
        Self {
            eid: owned(reply.eid()),
            code: owned(reply.code()),
            message: owned(reply.message()),
            data_json: reply.data_json().map(owned),
            attempts: reply.attempts(),
        }
    }
}

/// Reads a field of a reply; `absent` for NULL.
///
/// # Safety
/// `reply` is NULL or a live reply.
unsafe fn field<T>(reply: *const eiot_reply, absent: T, read: impl FnOnce(&eiot_reply) -> T) -> T {
    // SAFETY: the caller vouches for the pointer.
    let reply = unsafe { reply.as_ref() };
    value(absent, || reply.map(read))
}

/// Returns the EID that was refreshed, without surrounding whitespace. For other calls: their
/// parameter "eid", or "" if they have none. Never NULL; "" if `reply` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_reply_eid(reply: *const eiot_reply) -> *const c_char {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(reply, c"".as_ptr(), |reply| reply.eid.as_ptr()) }
}

/// Returns the platform's code, which is always "200": all other codes are errors. Never NULL; ""
/// if `reply` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_reply_code(reply: *const eiot_reply) -> *const c_char {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(reply, c"".as_ptr(), |reply| reply.code.as_ptr()) }
}

/// Returns the platform's message, verbatim. Its wording varies: show it, but do not compare it.
/// Never NULL; "" if `reply` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_reply_message(reply: *const eiot_reply) -> *const c_char {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(reply, c"".as_ptr(), |reply| reply.message.as_ptr()) }
}

/// Returns the reply's `data` as JSON text, verbatim; NULL if there is none. The platform documents
/// no fields for a refresh.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_reply_data_json(reply: *const eiot_reply) -> *const c_char {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(reply, ptr::null(), |reply| or_null(&reply.data_json)) }
}

/// Returns how many requests the call took; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_reply_attempts(reply: *const eiot_reply) -> u32 {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(reply, 0, |reply| reply.attempts) }
}

/// Frees a reply and its strings. NULL is a no-op.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_reply_free(reply: *mut eiot_reply) {
    // SAFETY: the caller hands over what one of our functions made, once.
    unsafe { free(reply) }
}
