//! The one-line entry points, configured by the environment.

use crate::callbacks::{Callbacks, Host};
use crate::client::refresh;
use crate::config::defaults;
use crate::error::*;
use crate::field::write_text;
use crate::guard::status;
use crate::reply::{eiot_reply, eiot_reply_free, eiot_reply_message};
use crate::status::*;
use crate::text::{EIOT_NTS, bytes};
use eiot_core::{Client, Error};
use std::ffi::{CStr, c_char};
use std::ptr;
use std::sync::OnceLock;

/// Refreshes the package usage of one card, with a client that is configured by the environment.
/// This is the simplest entry point. Prefer `eiot_client_refresh_usage` if your program has its own
/// configuration, needs the reply, or cancels calls.
///
/// The first call with a valid configuration (`EIOT_APPKEY`, `EIOT_SECRET` and so on, see
/// `eiot_config_from_env`) creates one client for the whole process. Later changes to the
/// environment have no effect.
///
/// `eid` is NUL-terminated. `out_err` may be NULL; free `*out_err` with `eiot_error_free`. May
/// return any status.
///
/// Thread-safe. Blocks for at most `EIOT_TIMEOUT` seconds.
///
///     eiot_error *error;
///     if (eiot_refresh_usage("89044011112233441122334411223321", &error) != EIOT_OK) {
///         fprintf(stderr, "%s\n", eiot_error_message(error));
///         eiot_error_free(error);
///     }
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_refresh_usage(
    eid: *const c_char,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for both pointers.
    unsafe { refresh_by_environment(eid, EIOT_NTS, ptr::null_mut(), out_err) }
}

/// Like `eiot_refresh_usage`, but takes the length of the EID. Prefer this for fixed-width record
/// and database fields, which have no terminating NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_refresh_usage_n(
    eid: *const c_char,
    eid_len: usize,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for both pointers.
    unsafe { refresh_by_environment(eid, eid_len, ptr::null_mut(), out_err) }
}

/// Like `eiot_refresh_usage_n`, for hosts that cannot hold pointers to objects, such as COBOL, Visual
/// Basic, Delphi and spreadsheets: nothing has to be freed.
///
/// `text` holds `text_size` bytes. It gets the platform's message on success, and the error's
/// message on failure, NUL-terminated and truncated at a character boundary. `*out_delivered` is
/// whether the platform received the request, and `*out_is_retryable` is what
/// `eiot_error_is_retryable` says, 0 on success. Each of the three may be NULL.
///
/// May return any status. Thread-safe. Blocks for at most `EIOT_TIMEOUT` seconds.
///
///     char text[256];
///     if (eiot_refresh_usage_to_buffer(eid, EIOT_NTS, text, sizeof text, NULL, NULL) != EIOT_OK) puts(text);
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_refresh_usage_to_buffer(
    eid: *const c_char,
    eid_len: usize,
    text: *mut c_char,
    text_size: usize,
    out_delivered: *mut eiot_delivered,
    out_is_retryable: *mut i32,
) -> eiot_status {
    let (mut reply, mut error) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: the caller vouches for its pointers; the reply and the error are ours, and freed once.
    unsafe {
        let status = refresh_by_environment(eid, eid_len, &mut reply, &mut error);
        let message = if status == EIOT_OK { eiot_reply_message(reply) } else { eiot_error_message(error) };
        write_text(&CStr::from_ptr(message).to_string_lossy(), text, text_size);
        if !out_delivered.is_null() {
            out_delivered.write(if status == EIOT_OK {
                EIOT_DELIVERED_YES
            } else {
                eiot_error_delivered(error)
            });
        }
        if !out_is_retryable.is_null() {
            out_is_retryable.write(eiot_error_is_retryable(error));
        }
        eiot_reply_free(reply);
        eiot_error_free(error);
        status
    }
}

/// # Safety
/// `eid` as `text::bytes` asks; `out_reply` and `out_err` are NULL or may be written.
unsafe fn refresh_by_environment(
    eid: *const c_char,
    eid_len: usize,
    out_reply: *mut *mut eiot_reply,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all pointers.
    unsafe {
        status(out_err, || {
            let mut host = Host::new(Callbacks::default(), ptr::null());
            refresh(client()?, bytes("eid", eid, eid_len)?, &mut host, out_reply)
        })
    }
}

/// The process's client. An invalid configuration is not remembered, so that it can be fixed.
fn client() -> Result<&'static Client, Error> {
    static CLIENT: OnceLock<Client> = OnceLock::new();
    if let Some(client) = CLIENT.get() {
        return Ok(client);
    }
    let mut config = defaults();
    config.read_env(&[])?;
    // Made outside of the cell: a failure is an answer, and a fork meanwhile must not leave it locked. When two
    // threads are first at once, one of the two clients is dropped unused.
    let client = Client::new(config)?;
    Ok(CLIENT.get_or_init(|| client))
}
