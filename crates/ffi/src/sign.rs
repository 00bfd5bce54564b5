//! The signature by itself, for C.

use crate::error::eiot_error;
use crate::guard::status;
use crate::status::*;
use crate::text::{EIOT_NTS, array, utf8};
use eiot_core::{Error, Secret, SignMethod, sign};
use std::ffi::c_char;
use std::ptr;

/// Computes the platform's signature of flat parameters, for requests that you send yourself. To
/// make other signed calls, prefer `eiot_client_call`.
///
/// `names` and `values` are arrays of `count` NUL-terminated strings, in any order. Empty values
/// and a parameter named "sign" are skipped. `secret` is `secret_len` bytes long, or NUL-terminated
/// with `EIOT_NTS` as the length.
///
/// `out_sign` receives the signature in upper-case hex, NUL-terminated; `out_size` is its size, for
/// which `EIOT_SIGN_SIZE` is always enough. On failure `out_sign` is "".
///
/// Thread-safe. Does no I/O.
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
            let element = |list: &str, index: usize, text: &*const c_char| {
                utf8(&format!("{list}[{index}]"), *text, EIOT_NTS)
            };
            let names = array("names", names, count)?.iter().enumerate();
            let names = names.map(|(index, name)| element("names", index, name));
            let values = array("values", values, count)?.iter().enumerate();
            let values = values.map(|(index, value)| element("values", index, value));
            let params: Vec<(&str, &str)> =
                names.zip(values).map(|(name, value)| Ok((name?, value?))).collect::<Result<_, Error>>()?;
            let secret = Secret::new(utf8("secret", secret, secret_len)?);
            let signature = sign(&params, &secret, method_argument(method)?)?;
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

/// The argument `method` of a function.
pub(crate) fn method_argument(method: eiot_sign_method) -> Result<SignMethod, Error> {
    sign_method(method).map_err(|takes| Error::invalid_argument(format!("method {takes}")))
}

/// The hash of a constant, or what the constant must be.
pub(crate) fn sign_method(method: eiot_sign_method) -> Result<SignMethod, String> {
    match method {
        EIOT_SIGN_SHA1 => Ok(SignMethod::Sha1),
        EIOT_SIGN_MD5 => Ok(SignMethod::Md5),
        _ => Err(format!("must be EIOT_SIGN_SHA1 or EIOT_SIGN_MD5, not {method}")),
    }
}
