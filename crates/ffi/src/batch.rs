//! Batches, for C.

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

/// The concurrency if 0 is passed.
const DEFAULT_CONCURRENCY: usize = 32;

/// Refreshes many cards, with many calls in flight on the calling thread. Push EIDs while there is
/// room, take the next result, repeat. Memory use depends on the concurrency, not on the number of
/// cards. Prefer `eiot_client_refresh_many` if all EIDs are in an array.
///
/// Each card is handled like a single call, including retries and rate limit; its timeout starts
/// when the rate limiter admits it. Calls make progress only inside `eiot_batch_next`, so process
/// results quickly or hand them to another thread.
///
/// A batch that cannot succeed stops itself: after too many consecutive authentication failures
/// (`eiot_config_set_max_auth_failures`), or when the platform was unreachable for too long
/// (`eiot_config_set_outage_timeout_ms`). All remaining cards, including those pushed later, then
/// come back with the status of the cause (`EIOT_ERR_AUTH`, `EIOT_ERR_CONNECT` and so on), 0
/// attempts, `EIOT_DELIVERED_NO`, and a message that says why they were not sent. During an outage
/// a batch holds its cards back, probes with one of them at growing intervals (backoff), and
/// resumes when the platform responds; a card that failed during the outage is called again.
///
/// Requires exclusive access. May outlive its client, but neither its cancellation token nor the
/// client's log callback. Free it with `eiot_batch_free`.
pub struct eiot_batch {
    batch: Batch,
}

/// A callback that receives the result of one card: `reply` if the card was refreshed, otherwise
/// `error`; the other one is NULL. Both are freed when the callback returns. `eiot_reply_eid` and
/// `eiot_error_eid` return the card's EID.
///
/// Return 0 to continue; any other value stops sending. Called on the calling thread. Must return
/// normally: no exceptions, no longjmp.
pub type eiot_result_fn = Option<
    unsafe extern "C" fn(reply: *const eiot_reply, error: *const eiot_error, user_data: *mut c_void) -> i32,
>;

/// Creates a batch. Sends nothing. The batch keeps working after the client is freed.
///
/// `concurrency` is the maximum number of calls in flight, 1 to 1024; 0 is the default, 32.
/// `cancel` may be NULL; it cancels the batch and must outlive it. `*out_batch` is NULL on failure;
/// free it with `eiot_batch_free`.
///
/// Thread-safe.
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

/// Returns non-zero if the batch can take another EID now. You can push more, but they wait in
/// memory.
///
/// 0 after the caller stopped or cancelled the batch, so that you stop reading your input. Non-zero
/// after the batch stopped itself, so that every card of your input comes back with the reason. 0
/// for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_batch_has_room(batch: *const eiot_batch) -> i32 {
    // SAFETY: the caller vouches for the pointer.
    let batch = unsafe { batch.as_ref() };
    value(0, || batch.map(|batch| i32::from(batch.batch.has_room())))
}

/// Adds a card to the batch. Sends nothing yet.
///
/// A duplicate of one of the last 8,192 EIDs is counted and skipped. A malformed EID comes back
/// from `eiot_batch_next` as an error, and so does every card after the batch has stopped.
///
/// `eid` is `eid_len` bytes long, or NUL-terminated with `EIOT_NTS` as the length. It is copied.
///
/// Requires exclusive access. Does not block.
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

/// Waits for the next result, in order of completion.
///
/// - `EIOT_OK` and a reply: the card was refreshed.
/// - Another status: the card was not refreshed, and the error says why. Errors that do not concern
///   a card, such as a NULL batch, have no EID.
/// - `EIOT_OK` and `*out_reply` NULL: all cards that were pushed have come back.
///
/// `out_err` may be NULL. Free `*out_reply` with `eiot_reply_free` and `*out_err` with
/// `eiot_error_free`.
///
/// Requires exclusive access. Blocks as long as the rate limit requires plus the client's timeout,
/// and up to the outage timeout longer in an outage.
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

/// Stops sending. Cards that are waiting, and all that are pushed later, come back with
/// `EIOT_ERR_CANCELLED`, unsent; calls in flight complete. A card that failed in an outage and
/// waits to be called again comes back with that failure. NULL is a no-op.
///
/// Requires exclusive access. To stop a batch from another thread, pass a cancellation token to
/// `eiot_batch_new`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_batch_stop(batch: *mut eiot_batch) {
    // SAFETY: the caller vouches for the pointer.
    let batch = unsafe { batch.as_mut() };
    value((), || batch.map(|batch| batch.batch.stop()));
}

/// Returns how many EIDs were pushed, including duplicates and malformed ones; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_batch_submitted(batch: *const eiot_batch) -> u64 {
    // SAFETY: the caller vouches for the pointer.
    let batch = unsafe { batch.as_ref() };
    value(0, || batch.map(|batch| batch.batch.summary().submitted))
}

/// Returns how many duplicate EIDs were skipped; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_batch_duplicates(batch: *const eiot_batch) -> u64 {
    // SAFETY: the caller vouches for the pointer.
    let batch = unsafe { batch.as_ref() };
    value(0, || batch.map(|batch| batch.batch.summary().duplicates))
}

/// Returns how many cards have come back with this status, `EIOT_OK` for refreshed cards; 0 for
/// NULL and for an unknown status.
///
/// Once all cards have come back, the counts of all statuses plus the duplicates equal
/// `eiot_batch_submitted`.
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

/// Closes the batch's connections and frees it. Calls in flight are cancelled. NULL is a no-op.
///
/// Requires exclusive access.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_batch_free(batch: *mut eiot_batch) {
    let _blocked = sigpipe::Blocked::new();
    // SAFETY: the caller hands over what eiot_batch_new made, once.
    unsafe { free(batch) }
}

/// Refreshes all cards of an array and passes each result to `on_result` as it arrives. Runs a
/// batch with default concurrency. Prefer `eiot_batch` if the EIDs do not fit in memory.
///
/// `eids` holds `count` NUL-terminated strings; duplicates are skipped. `on_result` and `cancel`
/// may be NULL; `user_data` is passed to `on_result`.
///
/// `EIOT_OK` means that all cards have come back, refreshed or not. A batch that stops itself (see
/// `eiot_batch`) still reports every card, unsent ones with the reason. `EIOT_ERR_CANCELLED` means
/// that `on_result` or `cancel` stopped it; unsent cards are not reported.
///
/// Thread-safe. Blocks as long as the rate limit requires, and up to the outage timeout longer in
/// an outage.
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
            for (index, eid) in eids.iter().enumerate() {
                bytes(&format!("eids[{index}]"), *eid, EIOT_NTS)?;
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
                let unreported = cancelled && outcome.unsent;
                let goes_on = unreported || report(on_result, user_data, outcome);
                if !stopped && (cancelled || !goes_on) {
                    stopped = true;
                    batch.stop();
                }
            }
            // Cancelled in an outage, possibly no card comes back as cancelled: all may come back with their own failure.
            match stopped || eids.next().is_some() {
                true => {
                    Err(Error::cancelled("the run was stopped; cards that were not reported were not sent"))
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
        Ok(0) => DEFAULT_CONCURRENCY,
        Ok(concurrency) => concurrency,
        Err(_) => usize::MAX,
    };
    client.client().batch(concurrency, Box::new(Host { log: client.log(), cancel }))
}

/// # Safety
/// `batch` is NULL, or live and used exclusively.
unsafe fn batch_of<'a>(batch: *mut eiot_batch) -> Result<&'a mut eiot_batch, Error> {
    // SAFETY: the caller vouches for the pointer.
    unsafe { batch.as_mut() }.ok_or_else(|| Error::invalid_argument("batch is NULL"))
}

/// The next outcome, with the host kept from SIGPIPE.
fn next(batch: &mut Batch) -> Option<Outcome> {
    // What has come back already takes no I/O.
    let _blocked = (!batch.is_ready()).then(sigpipe::Blocked::new);
    loop {
        let outcome = batch.next()?;
        if !outcome.is_duplicate {
            return Some(outcome);
        }
    }
}

/// Calls the host's callback; whether to continue.
///
/// # Safety
/// The host vouches for its function and its data.
unsafe fn report(on_result: eiot_result_fn, user_data: *mut c_void, outcome: Outcome) -> bool {
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
