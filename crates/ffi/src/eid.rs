//! Checking an EID, for C.

use crate::error::eiot_error;
use crate::guard::status;
use crate::status::eiot_status;
use crate::text::bytes;
use eiot_core::Eid;
use std::ffi::c_char;

/// Checks an EID without calling anybody: `EIOT_OK`, or `EIOT_ERR_INVALID_EID` with an error that says what is
/// wrong. When `strict` is not 0, it must be a GSMA EID: 32 digits that pass the check.
///
/// `eid` has `eid_len` bytes or ends with a NUL (`EIOT_NTS`).
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
            if strict != 0 { Eid::parse_strict(eid) } else { Eid::parse(eid) }.map(drop)
        })
    }
}
