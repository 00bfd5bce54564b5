//! The client, for C.

use crate::cancel::eiot_cancel;
use crate::config::eiot_config;
use crate::error::eiot_error;
use crate::guard::status;
use crate::log::Log;
use crate::pointer::{free, handle, put, required};
use crate::reply::eiot_reply;
use crate::sigpipe;
use crate::status::*;
use crate::text::{bytes, utf8};
use eiot_core::{Attempt, Call, Client, Error, Observer, Reply};
use std::ffi::c_char;
use std::ops::ControlFlow;
use std::ptr;

/// A client of one account. It keeps a connection pool and the state of the rate limiter, so create
/// one and reuse it.
///
/// Thread-safe. After `fork`, both parent and child may continue to use it. Free it with
/// `eiot_client_free`.
pub struct eiot_client {
    client: Client,
    log: Option<Log>,
}

impl eiot_client {
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn log(&self) -> Option<Log> {
        self.log
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
            let eiot_config { config, log } = handle("config", config)?;
            let client = Client::new(config.clone())?;
            put(out_client, Box::into_raw(Box::new(eiot_client { client, log: *log })));
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
            let eiot_client { client, log } = handle("client", client)?;
            let eid = bytes("eid", eid, eid_len)?;
            refresh(client, eid, &mut Host { log: *log, cancel: cancel.as_ref() }, out_reply)
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
            let eiot_client { client, log } = handle("client", client)?;
            let path = utf8("path", path, path_len)?;
            let parameters = utf8("parameters_json", parameters_json, parameters_json_len)?;
            let mut call = Call::from_json(path, parameters)?;
            if idempotent != 0 {
                call = call.idempotent(true);
            }
            let mut host = Host { log: *log, cancel: cancel.as_ref() };
            answered(out_reply, || client.call_observed(&call, &mut host))
        })
    }
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

/// The host's log callback and cancellation token of a call in flight.
#[derive(Default)]
pub(crate) struct Host<'a> {
    log: Option<Log>,
    cancel: Option<&'a eiot_cancel>,
}

impl Observer for Host<'_> {
    fn keep_going(&mut self) -> ControlFlow<()> {
        match self.cancel {
            Some(cancel) if cancel.is_triggered() => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }

    fn attempt(&mut self, attempt: &Attempt<'_>) {
        if let Some(log) = &self.log {
            log.tell(attempt);
        }
    }
}

/// One refresh.
///
/// # Safety
/// As [`answered`].
pub(crate) unsafe fn refresh(
    client: &Client,
    eid: &[u8],
    host: &mut Host<'_>,
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
