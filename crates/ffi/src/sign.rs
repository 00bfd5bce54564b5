//! The signature by itself, for C.

use crate::config::sign_method;
use crate::error::eiot_error;
use crate::guard::status;
use crate::status::*;
use crate::text::{EIOT_NTS, array, utf8};
use eiot_core::{Error, Secret, sign};
use std::ffi::c_char;
use std::ptr;

/// Signs flat parameters as the platform does, for other calls than the one this library makes. Blocks nothing and
/// sends nothing.
///
/// `names` and `values` are arrays of `count` strings, each ended by a NUL, in any order; empty values and a
/// parameter named "sign" are left out. `secret` has `secret_len` bytes or ends with a NUL (`EIOT_NTS`). The
/// signature, upper-case hex, is written to `out_sign` with a NUL after it; `out_size` is the room there,
/// `EIOT_SIGN_SIZE` is always enough. On failure `out_sign` holds "".
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_sign(
    names: *const *const c_char,
    values: *const *const c_char,
    count: usize,
    secret: *const c_char,
    secret_len: usize,
    method: eiot_sign_method,
    out_sign: *mut c_char,
    out_size: usize,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all pointers.
    unsafe {
        if !out_sign.is_null() && out_size > 0 {
            out_sign.write(0);
        }
        status(out_err, || {
            if out_sign.is_null() {
                return Err(Error::invalid_argument("out_sign is NULL"));
            }
            let names = array("names", names, count)?.iter().map(|name| utf8("names", *name, EIOT_NTS));
            let values = array("values", values, count)?.iter().map(|value| utf8("values", *value, EIOT_NTS));
            let params: Vec<(&str, &str)> =
                names.zip(values).map(|(name, value)| Ok((name?, value?))).collect::<Result<_, Error>>()?;
            let secret = Secret::new(utf8("secret", secret, secret_len)?);
            let signature = sign(&params, &secret, sign_method(method)?)?;
            if out_size <= signature.len() {
                let text =
                    format!("out_size is {out_size}; EIOT_SIGN_SIZE, {EIOT_SIGN_SIZE}, is always enough");
                return Err(Error::invalid_argument(text));
            }
            ptr::copy_nonoverlapping(signature.as_ptr().cast(), out_sign, signature.len());
            out_sign.add(signature.len()).write(0);
            Ok(())
        })
    }
}
