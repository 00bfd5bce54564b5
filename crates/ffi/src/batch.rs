//! Batches, for C.

use crate::callbacks::Host;
use crate::cancel::eiot_cancel;
use crate::client::eiot_client;
use crate::error::eiot_error;
use crate::guard::status;
use crate::pointer::{free, handle, handle_mut, put, required, value};
use crate::result::eiot_result;
use crate::sigpipe;
use crate::status::*;
use crate::text::{EIOT_NTS, array, bytes};
use eiot_core::{Batch, Error, ErrorKind, Outcome};
use std::ffi::{c_char, c_void};
use std::ptr;
use std::time::Duration;

/// The concurrency if 0 is passed.
const DEFAULT_CONCURRENCY: usize = 32;

/// Refreshes many cards, with many calls in flight on the calling thread. Push EIDs while there is
/// room, take the next result, repeat. Memory use depends on the concurrency, not on the number of
/// cards. Prefer `eiot_client_refresh_many` if all EIDs are in an array.
///
/// Every card that is pushed comes back exactly once, with the tag it was pushed with: refreshed,
/// failed, as a duplicate, or unsent because the batch had stopped.
///
/// Each card is handled like a single call, including retries and rate limit; its timeout starts
/// when the rate limiter admits it. Calls make progress only inside `eiot_batch_next`, so process
/// results quickly or hand them to another thread. A batch always waits for the rate limiter, even
/// if rate_wait is off. Create a batch per job: a card that comes back is not called again in the
/// same batch, but is a duplicate.
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

/// A callback that receives the result of one card. It is freed when the callback returns.
///
/// Return 0 to continue; any other value stops sending. Called on the calling thread. Must return
/// normally: no exceptions, no longjmp.
pub type eiot_result_fn =
    Option<unsafe extern "C" fn(result: *const eiot_result, user_data: *mut c_void) -> i32>;

/// Creates a batch. Sends nothing. The batch keeps working after the client is freed.
///
/// `concurrency` is the maximum number of calls in flight, 1 to 1024; 0 is the default, 32.
/// `cancel` may be NULL; it cancels the batch and must outlive it. `*out_batch` is NULL on failure;
/// free it with `eiot_batch_free`.
///
/// Thread-safe.
///
///     eiot_batch *batch;
///     eiot_result *result;
///     if (eiot_batch_new(client, 0, NULL, &batch, NULL) != EIOT_OK) return 1;
///     for (;;) {
///         while (eiot_batch_has_room(batch) && next_record(&record))
///             eiot_batch_push(batch, record.eid, EIOT_NTS, record.id, NULL);
///         if (eiot_batch_next(batch, -1, &result, NULL) != EIOT_OK || result == NULL) break;
///         record_outcome(eiot_result_tag(result), eiot_result_status(result));
///         eiot_result_free(result);
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
/// `tag` is a number of your choice, such as an index, a record number, or a pointer cast to
/// `uintptr_t`; `eiot_result_tag` returns it with the card's result. Tags need not be unique.
///
/// A duplicate of a card that is in the batch, or of one of the last 8,192 that came back within
/// the last 15 minutes, comes back with the result of the first, marked, and nothing is sent for it. A malformed EID comes back
/// with `EIOT_ERR_INVALID_EID`, and every card after the batch has stopped as unsent. If this
/// function fails, which is possible for NULL and impossible lengths only, nothing was pushed.
///
/// `eid` is `eid_len` bytes long, or NUL-terminated with `EIOT_NTS` as the length. It is copied.
///
/// Requires exclusive access. Does not block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_batch_push(
    batch: *mut eiot_batch,
    eid: *const c_char,
    eid_len: usize,
    tag: u64,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all pointers.
    unsafe {
        status(out_err, || {
            let eiot_batch { batch } = handle_mut("batch", batch)?;
            batch.push_tagged(bytes("eid", eid, eid_len)?, tag);
            Ok(())
        })
    }
}

/// Waits for the next result, in order of completion, and stores it in `*out_result`; free it with
/// `eiot_result_free`.
///
/// `timeout_ms` limits the wait: -1 waits as long as needed, and 0 polls: it sends and receives what
/// is possible at once, and does not wait. `EIOT_OK` and NULL: with a limit, nothing has come back
/// within it, or all cards have come back, and `eiot_batch_pending` tells which; with -1, all cards
/// have come back. The status of the card is in the result; this function fails only for invalid
/// arguments, and for a bug in the library (`EIOT_ERR_INTERNAL`).
///
/// Beside an event loop, call it with 0 whenever the loop wakes up, and let the loop wake up every
/// 10 ms while calls are in flight. A pause of up to a second between two calls counts towards the
/// timeout of the cards.
///
/// Requires exclusive access. With -1, blocks as long as the rate limit requires plus the client's
/// timeout, and up to the outage timeout longer in an outage.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_batch_next(
    batch: *mut eiot_batch,
    timeout_ms: i64,
    out_result: *mut *mut eiot_result,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all pointers.
    unsafe {
        put(out_result, ptr::null_mut());
        status(out_err, || {
            required("out_result", out_result)?;
            if let Some(outcome) = next(&mut handle_mut("batch", batch)?.batch, timeout_ms) {
                put(out_result, Box::into_raw(Box::new(eiot_result::new(&outcome))));
            }
            Ok(())
        })
    }
}

/// Returns how many cards were pushed and have not come back from `eiot_batch_next`, including
/// duplicates; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_batch_pending(batch: *const eiot_batch) -> u64 {
    // SAFETY: the caller vouches for the pointer.
    let batch = unsafe { batch.as_ref() };
    value(0, || batch.and_then(|batch| u64::try_from(batch.batch.pending()).ok()))
}

/// Returns how many calls are in flight: sent and not answered, or waiting for a retry; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_batch_in_flight(batch: *const eiot_batch) -> u64 {
    // SAFETY: the caller vouches for the pointer.
    let batch = unsafe { batch.as_ref() };
    value(0, || batch.and_then(|batch| u64::try_from(batch.batch.in_flight()).ok()))
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

/// Returns how many duplicates have come back; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_batch_duplicates(batch: *const eiot_batch) -> u64 {
    // SAFETY: the caller vouches for the pointer.
    let batch = unsafe { batch.as_ref() };
    value(0, || batch.map(|batch| batch.batch.summary().duplicates))
}

/// Returns how many cards have come back with this status, `EIOT_OK` for refreshed cards, not
/// counting duplicates; 0 for NULL and for an unknown status.
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
/// `eids` holds `count` NUL-terminated strings. Each has exactly one result, whose tag is its index;
/// duplicates get that of the first. `on_result` and `cancel` may be NULL; `user_data` is passed to
/// `on_result`.
///
/// `EIOT_OK` means that all cards have come back, refreshed or not. `EIOT_ERR_CANCELLED` means that
/// `on_result` or `cancel` stopped it: the remaining cards come back as `EIOT_ERR_CANCELLED`, unsent
/// (`eiot_result_was_sent`). If a batch stops itself (see `eiot_batch`), they come back with the
/// reason. Other errors mean that nothing was sent.
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
            let mut eids = (0..).zip(eids);
            let mut stopped = false;
            loop {
                // After a stop, each card that is pushed comes back at once.
                while stopped && !batch.is_ready() || batch.has_room() {
                    let Some((tag, eid)) = eids.next() else { break };
                    batch.push_tagged(bytes("eids", *eid, EIOT_NTS)?, tag);
                }
                let Some(outcome) = next(&mut batch, -1) else { break };
                let cancelled =
                    outcome.result.as_ref().is_err_and(|error| error.kind() == ErrorKind::Cancelled);
                let goes_on = report(on_result, user_data, &outcome);
                if !stopped && (cancelled || !goes_on || !batch.has_room() && batch.pending() == 0) {
                    stopped = true;
                    batch.stop();
                }
            }
            match stopped {
                true => Err(Error::cancelled(
                    "stopped by the caller; the cards that were not sent have come back unsent",
                )),
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
    // SAFETY: the caller vouches for `cancel`.
    let host = unsafe { Host::new(client.callbacks(), cancel) };
    client.client().batch(concurrency, Box::new(host))
}

/// The next outcome, with the host kept from SIGPIPE. A negative limit is none.
fn next(batch: &mut Batch, timeout_ms: i64) -> Option<Outcome> {
    // What has come back already takes no I/O.
    let _blocked = (!batch.is_ready()).then(sigpipe::Blocked::new);
    match u64::try_from(timeout_ms) {
        Ok(timeout_ms) => batch.next_timeout(Duration::from_millis(timeout_ms)),
        Err(_) => batch.next(),
    }
}

/// Calls the host's callback; whether to continue.
///
/// # Safety
/// The host vouches for its function and its data.
unsafe fn report(on_result: eiot_result_fn, user_data: *mut c_void, outcome: &Outcome) -> bool {
    // SAFETY: passed on; the result lives until the function has returned.
    on_result.is_none_or(|on_result| unsafe { on_result(&eiot_result::new(outcome), user_data) } == 0)
}
