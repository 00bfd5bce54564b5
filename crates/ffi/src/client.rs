//! The client, for C.

use crate::callbacks::{Callbacks, Host};
use crate::cancel::eiot_cancel;
use crate::config::eiot_config;
use crate::error::eiot_error;
use crate::field::write_text;
use crate::guard::status;
use crate::pointer::{free, handle, put, required, value};
use crate::reply::eiot_reply;
use crate::sigpipe;
use crate::status::*;
use crate::text::{bytes, utf8};
use eiot_core::{Call, Client, Error, Reply};
use std::ffi::c_char;
use std::ptr;

/// A client of one account. It keeps a connection pool and the state of the rate limiter, so create
/// one and reuse it.
///
/// Thread-safe. After `fork`, both parent and child may continue to use it. Free it with
/// `eiot_client_free`.
pub struct eiot_client {
    client: Client,
    callbacks: Callbacks,
}

impl eiot_client {
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn callbacks(&self) -> Callbacks {
        self.callbacks
    }
}

/// Creates a client. Validates all options and reads the files they name. Sends nothing.
///
/// `config` is copied. `*out_client` is NULL on failure; free it with `eiot_client_free`.
/// `EIOT_ERR_CONFIG` names the option that is invalid.
///
/// Thread-safe.
///
///     eiot_config *config = NULL;
///     eiot_client *client = NULL;
///     eiot_error *error = NULL;
///     if (eiot_config_new(&config, &error) != EIOT_OK
///         || eiot_config_set_appkey(config, "my-appkey", EIOT_NTS, &error) != EIOT_OK
///         || eiot_config_set_secret_file(config, "/etc/my-secret", EIOT_NTS, &error) != EIOT_OK
///         || eiot_client_new(config, &client, &error) != EIOT_OK) {
///         fprintf(stderr, "%s\n", eiot_error_message(error));
///         eiot_error_free(error);
///     }
///     eiot_config_free(config);
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
            let eiot_config { config, callbacks } = handle("config", config)?;
            let (client, callbacks) = (Client::new(config.clone())?, *callbacks);
            put(out_client, Box::into_raw(Box::new(eiot_client { client, callbacks })));
            Ok(())
        })
    }
}

/// Creates a copy of a client's options, its log and its event callback, without the secret. Change
/// what one call or a group of calls needs, and pass it to `eiot_client_with_options`.
///
/// `*out_config` is NULL on failure; free it with `eiot_config_free`.
///
/// Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_config_from_client(
    client: *const eiot_client,
    out_config: *mut *mut eiot_config,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all pointers.
    unsafe {
        put(out_config, ptr::null_mut());
        status(out_err, || {
            required("out_config", out_config)?;
            let client = handle("client", client)?;
            put(out_config, eiot_config::boxed(client.client.config().clone(), client.callbacks));
            Ok(())
        })
    }
}

/// Creates a client with different options per call, such as another timeout. It shares connections,
/// rate limiter, cooldowns and counters with `client`, and may outlive it. It is cheap enough to
/// create for a single call.
///
/// Start from `eiot_config_from_client`: only timeout, max_attempts, rate_wait, error_codes,
/// max_auth_failures, outage_timeout, strict_eid, allow_rounded_eid, the log and the event callback
/// can differ. `EIOT_ERR_CONFIG` names any other option that does.
///
/// `config` is copied. `*out_client` is NULL on failure; free it with `eiot_client_free`.
///
/// Thread-safe.
///
///     eiot_config *options = NULL;
///     eiot_client *hasty = NULL;
///     if (eiot_config_from_client(client, &options, &error) == EIOT_OK
///         && eiot_config_set_timeout_ms(options, 3000, &error) == EIOT_OK
///         && eiot_client_with_options(client, options, &hasty, &error) == EIOT_OK)
///         eiot_client_refresh_usage(hasty, eid, EIOT_NTS, NULL, &error);
///     eiot_client_free(hasty);
///     eiot_config_free(options);
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_client_with_options(
    client: *const eiot_client,
    config: *const eiot_config,
    out_client: *mut *mut eiot_client,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all pointers.
    unsafe {
        put(out_client, ptr::null_mut());
        status(out_err, || {
            required("out_client", out_client)?;
            let client = handle("client", client)?;
            let eiot_config { config, callbacks } = handle("config", config)?;
            let (client, callbacks) = (client.client.with_options(config.clone())?, *callbacks);
            put(out_client, Box::into_raw(Box::new(eiot_client { client, callbacks })));
            Ok(())
        })
    }
}

/// Refreshes the package usage of one card and waits for the platform's reply. For many cards,
/// prefer `eiot_client_refresh_many` or a batch, which keep many calls in flight on one thread.
///
/// `eid` is `eid_len` bytes long, or NUL-terminated with `EIOT_NTS` as the length; surrounding
/// whitespace is ignored. `out_reply` and `out_err` may be NULL. Free `*out_reply` with
/// `eiot_reply_free` and `*out_err` with `eiot_error_free`; the one that does not apply is NULL.
///
/// May return any status. `EIOT_ERR_CONFIG` is possible if the shared rate file becomes unusable
/// after the client was created.
///
/// Thread-safe. Blocks for at most the client's timeout. All I/O runs on the calling thread, with
/// SIGPIPE blocked.
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
    unsafe { eiot_client_refresh_usage_with_cancel(client, eid, eid_len, ptr::null(), out_reply, out_err) }
}

/// Like `eiot_client_refresh_usage`, but another thread or a signal handler can cancel the call
/// with `eiot_cancel_trigger`. `cancel` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_client_refresh_usage_with_cancel(
    client: *const eiot_client,
    eid: *const c_char,
    eid_len: usize,
    cancel: *const eiot_cancel,
    out_reply: *mut *mut eiot_reply,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all pointers.
    unsafe {
        put(out_reply, ptr::null_mut());
        status(out_err, || {
            let eiot_client { client, callbacks } = handle("client", client)?;
            let eid = bytes("eid", eid, eid_len)?;
            refresh(client, eid, &mut Host::new(*callbacks, cancel), out_reply)
        })
    }
}

/// Makes any other signed call of the platform's API and waits for the reply. Rate limit, retries
/// and errors are those of a refresh.
///
/// `path` is, for example, "/api/v3/cloudesim/get", and `parameters_json` the text of a JSON
/// object, for example {"eid": "8904..."}. Each is as long as its length says, or NUL-terminated
/// with `EIOT_NTS` as the length. The client adds appkey, timestamp, nonce and sign, which must not
/// be among the parameters. Values are sent as they are signed: numbers verbatim, the members of
/// nested objects in their original order.
///
/// If the reply is lost, the call is retried only when it is idempotent. Read-only calls and
/// refreshUsage are; for other calls pass a non-zero `idempotent`.
///
/// `cancel`, `out_reply` and `out_err` may be NULL. Free `*out_reply` with `eiot_reply_free` and
/// `*out_err` with `eiot_error_free`. May return any status.
///
/// Thread-safe. Blocks for at most the client's timeout.
///
///     eiot_reply *reply;
///     if (eiot_client_call(client, "/api/v3/cloudesim/get", EIOT_NTS, "{\"eid\": \"89044011112233441122334411223321\"}",
///                          EIOT_NTS, 0, NULL, &reply, NULL) == EIOT_OK)
///         puts(eiot_reply_message(reply));
///     eiot_reply_free(reply);
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_client_call(
    client: *const eiot_client,
    path: *const c_char,
    path_len: usize,
    parameters_json: *const c_char,
    parameters_json_len: usize,
    idempotent: i32,
    cancel: *const eiot_cancel,
    out_reply: *mut *mut eiot_reply,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all pointers.
    unsafe {
        put(out_reply, ptr::null_mut());
        status(out_err, || {
            let eiot_client { client, callbacks } = handle("client", client)?;
            let path = utf8("path", path, path_len)?;
            let parameters = utf8("parameters_json", parameters_json, parameters_json_len)?;
            let mut call = Call::from_json(path, parameters)?;
            if idempotent != 0 {
                call = call.idempotent(true);
            }
            let mut host = Host::new(*callbacks, cancel);
            answered(out_reply, || client.call_observed(&call, &mut host))
        })
    }
}

/// Writes the client's counters into `buffer` as one line of JSON: calls, attempts and their
/// outcomes, retries, waits for the rate limiter. docs/statistics.md describes each field. Clients
/// made by `eiot_client_with_options` share them; a forked child starts at zero.
///
/// `buffer` holds `size` bytes, and gets at most `size - 1` and a NUL. Returns the length of the
/// whole text without the NUL, as snprintf does; it is longer than the buffer if the text was
/// truncated. 4,096 bytes are enough. If `buffer` is NULL, only returns the length. 0 for a NULL
/// client.
///
/// Thread-safe. Does no I/O.
///
///     char json[4096];
///     if (eiot_client_stats_json(client, json, sizeof json) < sizeof json) puts(json);
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_client_stats_json(
    client: *const eiot_client,
    buffer: *mut c_char,
    size: usize,
) -> usize {
    // SAFETY: the caller vouches for the client.
    let client = unsafe { client.as_ref() };
    let json = value(String::new(), || client.map(|client| client.client.stats_json()));
    // SAFETY: the caller vouches for `size` bytes.
    unsafe { write_text(&json, buffer, size) }
}

/// Closes the client's connections and frees it. No call may still be using it. Batches created
/// from it keep working. NULL is a no-op.
///
/// Requires exclusive access.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_client_free(client: *mut eiot_client) {
    let _blocked = sigpipe::Blocked::new();
    // SAFETY: the caller hands over what eiot_client_new made, once.
    unsafe { free(client) }
}

/// One refresh.
///
/// # Safety
/// As [`answered`].
pub(crate) unsafe fn refresh(
    client: &Client,
    eid: &[u8],
    host: &mut Host,
    out_reply: *mut *mut eiot_reply,
) -> Result<(), Error> {
    // SAFETY: passed on.
    unsafe { answered(out_reply, || client.refresh_usage_observed(eid, host)) }
}

/// One call, with the host kept from SIGPIPE, and its answer handed out.
///
/// # Safety
/// `out_reply` is NULL or may be written.
unsafe fn answered(
    out_reply: *mut *mut eiot_reply,
    call: impl FnOnce() -> Result<Reply, Error>,
) -> Result<(), Error> {
    let reply = {
        let _blocked = sigpipe::Blocked::new();
        call()?
    };
    if !out_reply.is_null() {
        // SAFETY: the caller vouches for it.
        unsafe { put(out_reply, Box::into_raw(Box::new(eiot_reply::new(&reply)))) };
    }
    Ok(())
}
