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

/// Refreshes the package usage of cloud eSIM cards of one account. Make one and keep it: it holds connections open
/// between calls. Any number of threads may use it at once. After `fork`, parent and child may both go on using it.
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

/// Makes a client. Checks all options and reads the files among them; nothing is sent yet.
///
/// `config` is copied. `*out_client` is yours to free with `eiot_client_free`; it is NULL on failure.
/// `EIOT_ERR_CONFIG` names the option that cannot be used.
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

/// Asks the platform to refresh one card's package usage, and waits for its answer: for at most the client's
/// time-out. The work is done on the calling thread, which has SIGPIPE blocked meanwhile.
///
/// `eid` has `eid_len` bytes or ends with a NUL (`EIOT_NTS`); white space around it is ignored. `out_reply` and
/// `out_err` may each be NULL; what is put there is yours to free with `eiot_reply_free` and `eiot_error_free`,
/// and is NULL where it does not apply. Any status may come back, `EIOT_ERR_CONFIG` aside.
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

/// As `eiot_client_refresh_usage`, for a call that another thread, or a signal handler, can break off with
/// `eiot_cancel_trigger`. `cancel` may be NULL.
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

/// Makes any other signed call of the platform's family, and waits for its answer: the same way as a refresh, with the same
/// rate, retries and errors.
///
/// `path` is such as "/api/v3/cloudesim/get", and `parameters_json` the text of a JSON object such as {"eid": "8904..."};
/// each has as many bytes as said, or ends with a NUL (`EIOT_NTS`). appkey, timestamp, nonce and sign are added, and must not
/// be among the parameters. Values are sent as they are signed: numbers as they are written, inner names in their own order.
///
/// A call whose reply is lost is repeated only where that is known to be harmless: so it is of calls that only read and of the
/// refresh; of others, `idempotent` not 0 says so.
///
/// `cancel`, `out_reply` and `out_err` may each be NULL. What is put into the outputs is yours to free.
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

/// Closes the client's connections and frees it. No call may be using it. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_client_free(client: *mut eiot_client) {
    let _blocked = sigpipe::Blocked::new();
    // SAFETY: the caller hands over what eiot_client_new made, once.
    unsafe { free(client) }
}

/// What the host wants to know and to say while a call is under way.
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
