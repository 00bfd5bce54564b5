//! The platform's answer, for C.

use crate::pointer::{free, value};
use crate::text::{or_null, owned};
use eiot_core::Reply;
use std::ffi::{CString, c_char};
use std::ptr;

/// The platform has accepted a call. A refresh starts one synchronisation of the card's usage with the carrier; new
/// figures may become visible a little later. Yours to free with `eiot_reply_free`. It never changes, so any
/// thread may read it. Its strings are UTF-8 and live as long as it does.
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

/// The EID that was refreshed, without the white space it may have come with; of another call its parameter "eid", and ""
/// where there is none. Never NULL; "" for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_reply_eid(reply: *const eiot_reply) -> *const c_char {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(reply, c"".as_ptr(), |reply| reply.eid.as_ptr()) }
}

/// The platform's code, always "200": every other one is an error. Never NULL; "" for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_reply_code(reply: *const eiot_reply) -> *const c_char {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(reply, c"".as_ptr(), |reply| reply.code.as_ptr()) }
}

/// The platform's message, exactly as it came. Its wording varies: show it, never compare it. Never NULL; "" for
/// NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_reply_message(reply: *const eiot_reply) -> *const c_char {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(reply, c"".as_ptr(), |reply| reply.message.as_ptr()) }
}

/// The reply's `data` as JSON text, exactly as it came; NULL when there is none. Of a refresh its fields are not documented.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_reply_data_json(reply: *const eiot_reply) -> *const c_char {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(reply, ptr::null(), |reply| or_null(&reply.data_json)) }
}

/// How many requests it took; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_reply_attempts(reply: *const eiot_reply) -> u32 {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(reply, 0, |reply| reply.attempts) }
}

/// Frees a reply and its strings. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_reply_free(reply: *mut eiot_reply) {
    // SAFETY: the caller hands over what one of our functions made, once.
    unsafe { free(reply) }
}
