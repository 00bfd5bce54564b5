//! Webhooks, for C.

use crate::error::eiot_error;
use crate::guard::status;
use crate::sign::method_argument;

use crate::status::*;
use crate::text::{bytes, utf8};
use eiot_core::{Secret, verify_webhook};
use std::ffi::c_char;
use std::time::Duration;

/// Verifies the signature of a webhook that the platform sends to your server. Returns `EIOT_OK`,
/// or `EIOT_ERR_SIGNATURE` with an error that says why.
///
/// `payload` is the raw body of the HTTP request, JSON text. `secret` and `method` are those of the
/// account. `payload` and `secret` are as long as their lengths say, or NUL-terminated with
/// `EIOT_NTS` as the length.
///
/// A non-zero `max_age_ms` rejects webhooks whose timestamp is further than that from this
/// machine's clock, which limits replay attacks. The appkey in the payload is not covered by the
/// signature: do not rely on it.
///
/// Thread-safe. Does no I/O. The signature is compared in constant time.
///
///     if (eiot_webhook_verify(body, body_len, secret, EIOT_NTS, EIOT_SIGN_SHA1, 300000, NULL) != EIOT_OK) return 401;
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_webhook_verify(
    payload: *const c_char,
    payload_len: usize,
    secret: *const c_char,
    secret_len: usize,
    method: eiot_sign_method,
    max_age_ms: u64,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all pointers.
    unsafe {
        status(out_err, || {
            let payload = bytes("payload", payload, payload_len)?;
            let secret = Secret::new(utf8("secret", secret, secret_len)?);
            let max_age = (max_age_ms != 0).then(|| Duration::from_millis(max_age_ms));
            verify_webhook(payload, &secret, method_argument(method)?, max_age)
        })
    }
}
