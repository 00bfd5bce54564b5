//! Checking an EID, for C.

use crate::error::eiot_error;
use crate::guard::status;
use crate::status::eiot_status;
use crate::text::bytes;
use eiot_core::{Eid, EidRules};
use std::ffi::c_char;

/// Validates an EID without sending anything. Returns `EIOT_OK`, or `EIOT_ERR_INVALID_EID` with an
/// error that says what is wrong.
///
/// `eid` is `eid_len` bytes long, or NUL-terminated with `EIOT_NTS` as the length. Non-zero
/// `strict` requires a GSMA EID: 32 digits with a valid checksum. An EID that a spreadsheet or a
/// JSON number has rounded is invalid.
///
/// Thread-safe. Does no I/O.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_eid_validate(
    eid: *const c_char,
    eid_len: usize,
    strict: i32,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for both pointers.
    unsafe {
        status(out_err, || {
            let eid = bytes("eid", eid, eid_len)?;
            Eid::parse_as(eid, EidRules { strict: strict != 0, ..EidRules::default() }).map(drop)
        })
    }
}
