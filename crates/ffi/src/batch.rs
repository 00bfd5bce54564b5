//! Many cards, for C.

use crate::cancel::eiot_cancel;
use crate::client::eiot_client;
use crate::error::eiot_error;
use crate::guard::status;
use crate::log::Log;
use crate::pointer::{free, handle, put, required, value};
use crate::reply::eiot_reply;
use crate::sigpipe;
use crate::status::*;
use crate::text::{EIOT_NTS, array, bytes};
use eiot_core::{Attempt, Batch, Error, ErrorKind, Notice, Observer, Outcome};
use std::ffi::{c_char, c_void};
use std::ops::ControlFlow;
use std::ptr;

/// How many calls are under way at once where 0 is given.
const USUAL_CONCURRENCY: usize = 32;

/// Refreshes many cards, with many calls under way at once on the calling thread. Push EIDs while there is room, take what
/// comes back, and again; its memory depends on how many calls may be under way, not on how many cards there are. Each card
/// goes the way of a single call, retries and account rate included; its time-out begins when its turn has come. Calls make
/// progress while `eiot_batch_next` runs, so deal with a result quickly, or hand it on. One thread at a time.
///
/// A batch that cannot succeed stops by itself: when the account was refused too often in a row
/// (`eiot_config_set_max_auth_failures`), or the platform could not be reached for too long
/// (`eiot_config_set_outage_timeout_ms`). All remaining cards, and all that are pushed later, then come back with an error of
/// the cause's status (`EIOT_ERR_AUTH`, `EIOT_ERR_CONNECT` and so on), attempts 0, delivered no, and a message that says why
/// they were not sent. In an outage it holds its cards back, probes with one of them at growing intervals, and goes on when
/// the platform answers; a card that failed in the outage is called again.
pub struct eiot_batch {
    batch: Batch,
}

/// Is told of each card that came back: `reply` where it was refreshed, `error` where not, and NULL for the other. Both are
/// freed when it returns; `eiot_reply_eid` and `eiot_error_eid` tell the card. What it returns decides: 0 goes on, anything
/// else sends no more. It runs on the calling thread. It must return: no exception, no longjmp.
pub type eiot_result_fn = Option<
    unsafe extern "C" fn(reply: *const eiot_reply, error: *const eiot_error, user_data: *mut c_void) -> i32,
>;

/// Starts a batch; nothing is sent yet. It goes on when the client is freed.
///
/// At most `concurrency` calls are under way at once, 1 to 1024; 0 is the usual number, 32. `cancel` may be NULL; it breaks
/// the batch off, and must live as long as the batch. `*out_batch` is yours to free with `eiot_batch_free`; it is NULL on
/// failure.
///
///     eiot_batch *batch;
///     if (eiot_batch_new(client, 0, NULL, &batch, NULL) != EIOT_OK) return 1;
///     for (;;) {
///         eiot_reply *reply;
///         eiot_error *error;
///         while (eiot_batch_has_room(batch) && next_eid(eid)) eiot_batch_push(batch, eid, EIOT_NTS, NULL);
///         if (eiot_batch_next(batch, &reply, &error) == EIOT_OK && reply == NULL) break;
///         if (error != NULL) fprintf(stderr, "%s\n", eiot_error_message(error));
///         eiot_reply_free(reply);
///         eiot_error_free(error);
///     }
///     eiot_batch_free(batch);
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_batch_new(
    client: *const eiot_client,
    concurrency: u32,
    cancel: *const eiot_cancel,
    out_batch: *mut *mut eiot_batch,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all pointers.
    unsafe {
        put(out_batch, ptr::null_mut());
        status(out_err, || {
            required("out_batch", out_batch)?;
            let batch = start(handle("client", client)?, concurrency, cancel)?;
            put(out_batch, Box::into_raw(Box::new(eiot_batch { batch })));
            Ok(())
        })
    }
}

/// Not 0: there is room for another EID. More can be pushed all the same, and wait in memory. 0 once the batch was stopped or
/// broken off by the caller, so that the input is not read any further; not 0 once it has stopped by itself, so that each card
/// of the input comes back with the reason. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_batch_has_room(batch: *const eiot_batch) -> i32 {
    // SAFETY: the caller vouches for the pointer.
    let batch = unsafe { batch.as_ref() };
    value(0, || batch.map(|batch| i32::from(batch.batch.has_room())))
}

/// Takes a card; nothing is sent yet. One that came among the last 8,192 is left out and only counted; a malformed EID
/// comes back from `eiot_batch_next` as an error, and so does every card once the batch has stopped.
///
/// `eid` has `eid_len` bytes or ends with a NUL (`EIOT_NTS`).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_batch_push(
    batch: *mut eiot_batch,
    eid: *const c_char,
    eid_len: usize,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all pointers.
    unsafe {
        status(out_err, || {
            let eiot_batch { batch } = batch_of(batch)?;
            batch.push(bytes("eid", eid, eid_len)?);
            Ok(())
        })
    }
}

/// Waits until one card comes back, whichever is first: for as long as the account's rate asks for, plus the client's
/// timeout, and in an outage for up to the outage timeout longer.
///
/// `EIOT_OK` with a reply: that card was refreshed. Another status: that card was not, and the error says why; what is no
/// call of a card, such as a NULL for `batch`, has no EID. `EIOT_OK` with `*out_reply` NULL: all cards that were pushed have
/// come back. `out_err` may be NULL. What is put there is yours to free with `eiot_reply_free` and `eiot_error_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_batch_next(
    batch: *mut eiot_batch,
    out_reply: *mut *mut eiot_reply,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all pointers.
    unsafe {
        put(out_reply, ptr::null_mut());
        status(out_err, || {
            required("out_reply", out_reply)?;
            let Some(outcome) = next(&mut batch_of(batch)?.batch) else { return Ok(()) };
            put(out_reply, Box::into_raw(Box::new(eiot_reply::new(&outcome.result?))));
            Ok(())
        })
    }
}

/// Sends no more: cards that wait for their turn, and all that are pushed later, come back with `EIOT_ERR_CANCELLED`, nothing
/// sent; calls that are under way end as they end. A card that has failed in an outage and waits to be called again comes back
/// as it failed. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_batch_stop(batch: *mut eiot_batch) {
    // SAFETY: the caller vouches for the pointer.
    let batch = unsafe { batch.as_mut() };
    value((), || batch.map(|batch| batch.batch.stop()));
}

/// How many EIDs were pushed, repeated and malformed ones included; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_batch_submitted(batch: *const eiot_batch) -> u64 {
    // SAFETY: the caller vouches for the pointer.
    let batch = unsafe { batch.as_ref() };
    value(0, || batch.map(|batch| batch.batch.summary().submitted))
}

/// How many EIDs came again soon after, and were left out; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_batch_duplicates(batch: *const eiot_batch) -> u64 {
    // SAFETY: the caller vouches for the pointer.
    let batch = unsafe { batch.as_ref() };
    value(0, || batch.map(|batch| batch.batch.summary().duplicates))
}

/// How many cards have come back with a status, `EIOT_OK` being those refreshed; 0 for NULL and for a status that is none.
/// Over all statuses and with the duplicates they add up to those given, once all have come back.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_batch_count(batch: *const eiot_batch, status: eiot_status) -> u64 {
    // SAFETY: the caller vouches for the pointer.
    let batch = unsafe { batch.as_ref() };
    value(0, || {
        let summary = batch?.batch.summary();
        match status {
            EIOT_OK => Some(summary.refreshed),
            _ => {
                summary.failures.iter().find_map(|(kind, count)| (kind.status() == status).then_some(*count))
            }
        }
    })
}

/// Closes the batch's connections and frees it; calls that are under way are broken off. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_batch_free(batch: *mut eiot_batch) {
    let _blocked = sigpipe::Blocked::new();
    // SAFETY: the caller hands over what eiot_batch_new made, once.
    unsafe { free(batch) }
}

/// Refreshes all cards of an array, and tells `on_result` of each as it comes back: a batch with the usual number of calls
/// under way, for programs that have all EIDs at hand.
///
/// `eids` has `count` strings, each ended by a NUL; one that comes again soon after is left out. `on_result` may be NULL, and
/// `user_data` is passed on to it. `cancel` may be NULL. `EIOT_OK`: all cards have come back, whatever became of them.
/// A run that stops by itself, see `eiot_batch`, tells of each card too, those that were not sent with the reason.
/// `EIOT_ERR_CANCELLED`: `on_result` or `cancel` stopped it; cards that were not sent are not told of. Blocks for as long as
/// the account's rate asks for, and in an outage for up to the outage timeout longer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_client_refresh_many(
    client: *const eiot_client,
    eids: *const *const c_char,
    count: usize,
    cancel: *const eiot_cancel,
    on_result: eiot_result_fn,
    user_data: *mut c_void,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all pointers.
    unsafe {
        status(out_err, || {
            let client = handle("client", client)?;
            let eids = array("eids", eids, count)?;
            // Before anything is sent.
            for eid in eids {
                bytes("eids", *eid, EIOT_NTS)?;
            }
            let mut batch = start(client, 0, cancel)?;
            let mut eids = eids.iter();
            let mut stopped = false;
            loop {
                while !stopped && batch.has_room() {
                    let Some(eid) = eids.next() else { break };
                    batch.push(bytes("eids", *eid, EIOT_NTS)?);
                }
                let Some(outcome) = next(&mut batch) else { break };
                let cancelled =
                    outcome.result.as_ref().is_err_and(|error| error.kind() == ErrorKind::Cancelled);
                let untold = cancelled && outcome.unsent;
                let goes_on = untold || tell(on_result, user_data, outcome);
                if !stopped && (cancelled || !goes_on) {
                    stopped = true;
                    batch.stop();
                }
            }
            // Broken off in an outage, no card need come back as cancelled: all may come back as they failed.
            match stopped || eids.next().is_some() {
                true => {
                    Err(Error::cancelled("the run was stopped; cards that were not told of were not sent"))
                }
                false => Ok(()),
            }
        })
    }
}

/// # Safety
/// `cancel` is NULL, or lives as long as the batch.
unsafe fn start(client: &eiot_client, concurrency: u32, cancel: *const eiot_cancel) -> Result<Batch, Error> {
    let concurrency = match usize::try_from(concurrency) {
        Ok(0) => USUAL_CONCURRENCY,
        Ok(concurrency) => concurrency,
        Err(_) => usize::MAX,
    };
    client.client().batch(concurrency, Box::new(Host { log: client.log(), cancel }))
}

/// # Safety
/// `batch` is NULL, or live and used by nobody else.
unsafe fn batch_of<'a>(batch: *mut eiot_batch) -> Result<&'a mut eiot_batch, Error> {
    // SAFETY: the caller vouches for the pointer.
    unsafe { batch.as_mut() }.ok_or_else(|| Error::invalid_argument("batch is NULL"))
}

/// The next outcome, with the host kept from SIGPIPE.
fn next(batch: &mut Batch) -> Option<Outcome> {
    // What has come back already takes no I/O.
    let _blocked = (!batch.is_ready()).then(sigpipe::Blocked::new);
    batch.next()
}

/// Tells the host; whether to go on.
///
/// # Safety
/// The host vouches for its function and its data.
unsafe fn tell(on_result: eiot_result_fn, user_data: *mut c_void, outcome: Outcome) -> bool {
    let Some(on_result) = on_result else { return true };
    let returned = match &outcome.result {
        // SAFETY: passed on; the reply lives until the function has returned.
        Ok(reply) => unsafe { on_result(&eiot_reply::new(reply), ptr::null(), user_data) },
        // SAFETY: as above.
        Err(error) => unsafe { on_result(ptr::null(), &eiot_error::new(error), user_data) },
    };
    returned == 0
}

/// What the host wants to know and to say while a batch runs.
struct Host {
    log: Option<Log>,
    cancel: *const eiot_cancel,
}

// SAFETY: a cancellation may be used by any thread, and the host keeps it alive as long as the batch.
unsafe impl Send for Host {}

impl Observer for Host {
    fn keep_going(&mut self) -> ControlFlow<()> {
        // SAFETY: the host keeps it alive as long as the batch.
        match unsafe { self.cancel.as_ref() } {
            Some(cancel) if cancel.is_triggered() => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }

    fn attempt(&mut self, attempt: &Attempt<'_>) {
        if let Some(log) = &self.log {
            log.tell(attempt);
        }
    }

    fn notice(&mut self, notice: &Notice<'_>) {
        if let Some(log) = &self.log {
            log.tell(format_args!("batch: {notice}"));
        }
    }
}
