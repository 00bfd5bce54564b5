//! The one-line entry points, configured by the environment.

use crate::client::{Host, refresh};
use crate::config::defaults;
use crate::error::eiot_error;
use crate::guard::status;
use crate::status::eiot_status;
use crate::text::{EIOT_NTS, bytes};
use eiot_core::{Client, Error};
use std::ffi::c_char;
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
    unsafe { refresh_by_environment(eid, EIOT_NTS, out_err) }
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
    unsafe { refresh_by_environment(eid, eid_len, out_err) }
}

/// # Safety
/// `eid` as `text::bytes` asks; `out_err` is NULL or may be written.
unsafe fn refresh_by_environment(
    eid: *const c_char,
    eid_len: usize,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for both pointers.
    unsafe {
        status(out_err, || {
            refresh(client()?, bytes("eid", eid, eid_len)?, &mut Host::default(), ptr::null_mut())
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
