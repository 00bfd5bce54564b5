//! Webhooks, for C.

use crate::config::sign_method;
use crate::error::eiot_error;
use crate::guard::status;

use crate::status::*;
use crate::text::{bytes, utf8};
use eiot_core::{Secret, verify_webhook};
use std::ffi::c_char;
use std::time::Duration;

/// Checks that a webhook comes from somebody who knows the secret, and has not been changed on its way: `EIOT_OK`, or
/// `EIOT_ERR_SIGNATURE` with an error that says why. Blocks nothing and calls nobody; any number of threads may check at
/// once.
///
/// `payload` is the body of the webhook's HTTP request as it came, JSON text; `secret` signs it with `method`. Each has
/// as many bytes as said, or ends with a NUL (`EIOT_NTS`). The payload's appkey takes no part in its signature: do not rely
/// on it. With `max_age_ms` not 0, a webhook whose timestamp is further away from this machine's clock is refused, so
/// that old ones cannot be replayed for ever.
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
            verify_webhook(payload, &secret, sign_method(method)?, max_age)
        })
    }
}
