//! The outcome of one card of a batch, for C.

use crate::error::eiot_error;
use crate::pointer::{free, value};
use crate::reply::eiot_reply;
use crate::status::*;
use crate::text::owned;
use eiot_core::{Delivered, Outcome};
use std::ffi::{CString, c_char};
use std::ptr;

/// The outcome of one card of a batch: which card it was, and the platform's reply or the error.
/// Every card that was pushed has exactly one.
///
/// Thread-safe, since it is immutable. Free it with `eiot_result_free`; its strings, its reply and
/// its error are borrowed and live as long as it does.
pub struct eiot_result {
    tag: u64,
    status: eiot_status,
    input: CString,
    eid: CString,
    is_duplicate: bool,
    was_sent: bool,
    reply: Option<eiot_reply>,
    error: Option<eiot_error>,
}

impl eiot_result {
    pub(crate) fn new(outcome: &Outcome) -> Self {
        let (reply, error) = match &outcome.result {
            Ok(reply) => (Some(reply), None),
            Err(error) => (None, Some(error)),
        };
        let is_sent = error.is_none_or(|error| error.attempts() > 0 || error.delivered() != Delivered::No);
        Self {
            tag: outcome.tag,
            status: error.map_or(EIOT_OK, |error| error.kind().status()),
            input: owned(&outcome.given),
            eid: owned(&outcome.eid),
            is_duplicate: outcome.is_duplicate,
            was_sent: is_sent && !outcome.is_duplicate,
            reply: reply.map(eiot_reply::new),
            error: error.map(eiot_error::new),
        }
    }
}

/// Reads a field of a result; `absent` for NULL.
///
/// # Safety
/// `result` is NULL or a live result.
unsafe fn field<T>(result: *const eiot_result, absent: T, read: impl FnOnce(&eiot_result) -> T) -> T {
    // SAFETY: the caller vouches for the pointer.
    let result = unsafe { result.as_ref() };
    value(absent, || result.map(read))
}

/// Returns the tag that the card was pushed with, which leads back to your record; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_result_tag(result: *const eiot_result) -> u64 {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(result, 0, |result| result.tag) }
}

/// Returns `EIOT_OK` if the card was refreshed, otherwise the status of the error; `EIOT_OK` for
/// NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_result_status(result: *const eiot_result) -> eiot_status {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(result, EIOT_OK, |result| result.status) }
}

/// Returns the EID as it was pushed; NUL bytes and bytes that are not UTF-8 are replaced. Never
/// NULL; "" if `result` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_result_input(result: *const eiot_result) -> *const c_char {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(result, c"".as_ptr(), |result| result.input.as_ptr()) }
}

/// Returns the EID without surrounding whitespace; if it is malformed, the same as
/// `eiot_result_input`. Never NULL; "" if `result` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_result_eid(result: *const eiot_result) -> *const c_char {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(result, c"".as_ptr(), |result| result.eid.as_ptr()) }
}

/// Returns non-zero if the card repeats one that is in the batch, or one of the last 8,192 that
/// came back within the last 15 minutes. Nothing was sent for it: status, reply and error are those
/// of the first, but without the reply's data, and without the error's body and headers. 0 for
/// NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_result_is_duplicate(result: *const eiot_result) -> i32 {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(result, 0, |result| i32::from(result.is_duplicate)) }
}

/// Returns non-zero if a request was sent or started for this card. 0: the batch had stopped or was
/// cancelled before, the EID is malformed, the card was in its cooldown, the rate limiter had no
/// permit, or the card is a duplicate. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_result_was_sent(result: *const eiot_result) -> i32 {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(result, 0, |result| i32::from(result.was_sent)) }
}

/// Returns the platform's reply, borrowed: do not free it. NULL if the card was not refreshed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_result_reply(result: *const eiot_result) -> *const eiot_reply {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(result, ptr::null(), |result| result.reply.as_ref().map_or(ptr::null(), ptr::from_ref)) }
}

/// Returns why the card was not refreshed, borrowed: do not free it. NULL if it was.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_result_error(result: *const eiot_result) -> *const eiot_error {
    // SAFETY: the caller vouches for the pointer.
    unsafe { field(result, ptr::null(), |result| result.error.as_ref().map_or(ptr::null(), ptr::from_ref)) }
}

/// Frees a result with its reply, its error and its strings. NULL is a no-op.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_result_free(result: *mut eiot_result) {
    // SAFETY: the caller hands over what one of our functions made, once.
    unsafe { free(result) }
}
