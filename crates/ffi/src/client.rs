//! The client, for C.

use crate::config::eiot_config;
use crate::error::eiot_error;
use crate::guard::{free, handle, put, required, status};
use crate::reply::eiot_reply;
use crate::sigpipe;
use crate::status::*;
use crate::text::bytes;
use eiot_core::Client;
use std::ffi::c_char;
use std::ptr;

/// Refreshes the package usage of cloud eSIM cards of one account. Make one and keep it: it holds connections open
/// between calls. Any number of threads may use it at once. After `fork`, parent and child may both go on using it.
pub struct eiot_client {
    client: Client,
}

/// Makes a client. Checks all options and reads the files among them; nothing is sent yet.
///
/// `config` is copied. `*out_client` is yours to free with `eiot_client_free`; it is NULL on failure.
/// `EIOT_ERR_CONFIG` names the option that cannot be used.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_client_new(
    config: *const eiot_config,
    out_client: *mut *mut eiot_client,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all pointers.
    unsafe {
        put(out_client, ptr::null_mut());
        status(out_err, || {
            required("out_client", out_client)?;
            let client = Client::new(handle("config", config)?.config.clone())?;
            put(out_client, Box::into_raw(Box::new(eiot_client { client })));
            Ok(())
        })
    }
}

/// Asks the platform to refresh one card's package usage, and waits for its answer: for at most the client's
/// time-out. The work is done on the calling thread, which has SIGPIPE blocked meanwhile.
///
/// `eid` has `eid_len` bytes or ends with a NUL (`EIOT_NTS`); white space around it is ignored. `out_reply` and
/// `out_err` may each be NULL; what is put there is yours to free with `eiot_reply_free` and `eiot_error_free`,
/// and is NULL where it does not apply.
///
///     eiot_error *error;
///     if (eiot_client_refresh_usage(client, eid, EIOT_NTS, NULL, &error) != EIOT_OK) {
///         fprintf(stderr, "%s\n", eiot_error_message(error));
///         eiot_error_free(error);
///     }
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_client_refresh_usage(
    client: *const eiot_client,
    eid: *const c_char,
    eid_len: usize,
    out_reply: *mut *mut eiot_reply,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all pointers.
    unsafe {
        put(out_reply, ptr::null_mut());
        status(out_err, || {
            let client = &handle("client", client)?.client;
            let eid = bytes("eid", eid, eid_len)?;
            refresh(client, eid, out_reply)
        })
    }
}

/// Closes the client's connections and frees it. No call may be using it. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_client_free(client: *mut eiot_client) {
    let _blocked = sigpipe::Blocked::new();
    // SAFETY: the caller hands over what eiot_client_new made, once.
    unsafe { free(client) }
}

/// One call, with the host kept from SIGPIPE.
///
/// # Safety
/// `out_reply` is NULL or may be written.
pub(crate) unsafe fn refresh(
    client: &Client,
    eid: &[u8],
    out_reply: *mut *mut eiot_reply,
) -> Result<(), eiot_core::Error> {
    let reply = {
        let _blocked = sigpipe::Blocked::new();
        client.refresh_usage(eid)?
    };
    if !out_reply.is_null() {
        // SAFETY: the caller vouches for it.
        unsafe { put(out_reply, Box::into_raw(Box::new(eiot_reply::new(&reply)))) };
    }
    Ok(())
}
