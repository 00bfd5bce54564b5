//! Status numbers.

use std::ffi::{CStr, c_char};

/// The result of a call: `EIOT_OK` or one of the EIOT_ERR_ constants. The numbers never change.
/// Later versions may add new ones, so treat an unknown status as a failure.
pub type eiot_status = i32;

/// The call succeeded. For a refresh: the platform accepted it.
pub const EIOT_OK: eiot_status = 0;
/// An argument other than the EID is invalid, for example a required pointer is NULL.
pub const EIOT_ERR_INVALID_ARGUMENT: eiot_status = 1;
/// The EID is malformed: not 1 to 32 decimal digits or, in strict mode, not a GSMA EID.
pub const EIOT_ERR_INVALID_EID: eiot_status = 2;
/// An option is missing or invalid.
pub const EIOT_ERR_CONFIG: eiot_status = 3;
/// Connecting failed: DNS lookup, connection refused, host unreachable, proxy.
pub const EIOT_ERR_CONNECT: eiot_status = 20;
/// The TLS handshake failed, usually because the certificate is not signed by a trusted CA.
pub const EIOT_ERR_TLS: eiot_status = 21;
/// The call's deadline passed.
pub const EIOT_ERR_TIMEOUT: eiot_status = 22;
/// The connection was lost before the complete response arrived.
pub const EIOT_ERR_IO: eiot_status = 23;
/// The caller cancelled the call.
pub const EIOT_ERR_CANCELLED: eiot_status = 24;
/// Authentication or authorization failed: credentials, their permissions, or the source IP address
/// (HTTP 401 or 403, the platform's codes 403 and 502).
pub const EIOT_ERR_AUTH: eiot_status = 40;
/// Rate limit exceeded: the platform's (HTTP 429, its code 501), or the client's own rate limiter
/// has no permit before the deadline.
pub const EIOT_ERR_RATE_LIMITED: eiot_status = 41;
/// The card was refreshed too recently.
pub const EIOT_ERR_COOLDOWN: eiot_status = 42;
/// The platform rejected the call with a code that has no more specific status.
/// `eiot_error_is_final` tells whether the same call would fail again.
pub const EIOT_ERR_PLATFORM: eiot_status = 43;
/// Unexpected HTTP status.
pub const EIOT_ERR_HTTP: eiot_status = 44;
/// The response could not be parsed: not the documented JSON, too large, or a redirect.
pub const EIOT_ERR_PROTOCOL: eiot_status = 45;
/// The platform reports that it is temporarily unavailable (its code 500).
pub const EIOT_ERR_UNAVAILABLE: eiot_status = 46;
/// The signature of a webhook is invalid: it was signed with another secret, modified, or is too
/// old.
pub const EIOT_ERR_SIGNATURE: eiot_status = 60;
/// A bug in this library. Please report it.
pub const EIOT_ERR_INTERNAL: eiot_status = 99;

/// Whether the platform received the request: one of the EIOT_DELIVERED_ constants.
pub type eiot_delivered = i32;

/// It did not: nothing was sent, or no connection was made. Repeating the call is safe.
pub const EIOT_DELIVERED_NO: eiot_delivered = 0;
/// It did, and responded.
pub const EIOT_DELIVERED_YES: eiot_delivered = 1;
/// It may have: the request was at least partly sent, and no response arrived.
pub const EIOT_DELIVERED_UNKNOWN: eiot_delivered = 2;

/// The hash function of the signature: one of the EIOT_SIGN_ constants.
pub type eiot_sign_method = i32;

/// SHA-1, which the platform documents.
pub const EIOT_SIGN_SHA1: eiot_sign_method = 1;
/// MD5, for gateways that require it.
pub const EIOT_SIGN_MD5: eiot_sign_method = 2;

/// Which clients share the account's rate limit: one of the EIOT_RATE_SCOPE_ constants.
pub type eiot_rate_scope = i32;

/// `EIOT_RATE_SCOPE_HOST` if its directory is usable, otherwise `EIOT_RATE_SCOPE_PROCESS`.
pub const EIOT_RATE_SCOPE_AUTO: eiot_rate_scope = 0;
/// All clients of the account in this process.
pub const EIOT_RATE_SCOPE_PROCESS: eiot_rate_scope = 1;
/// All processes of this user on this machine, through a small locked file in a private directory
/// or in "rate_dir".
pub const EIOT_RATE_SCOPE_HOST: eiot_rate_scope = 2;

/// Buffer size in bytes that is large enough for any signature, including the terminating NUL.
pub const EIOT_SIGN_SIZE: usize = 41;

/// Returns the name of a status, such as "EIOT_ERR_TIMEOUT", or "EIOT_ERR_UNKNOWN" for an unknown
/// status.
///
/// The string is static and never NULL. Thread-safe.
#[unsafe(no_mangle)]
pub extern "C" fn eiot_status_name(status: eiot_status) -> *const c_char {
    row(status).0.as_ptr()
}

/// Returns a short English description of a status. For the error of a specific call, prefer
/// `eiot_error_message`, which says what happened and what to do.
///
/// The string is static and never NULL. Thread-safe.
#[unsafe(no_mangle)]
pub extern "C" fn eiot_status_message(status: eiot_status) -> *const c_char {
    row(status).1.as_ptr()
}

/// Returns the error kind of a status, such as "timeout" or "connection_lost"; "ok" for `EIOT_OK`
/// and "unknown" for an unknown status. All language bindings and the JSON output of the command
/// use the same names.
///
/// The string is static and never NULL. Thread-safe.
#[unsafe(no_mangle)]
pub extern "C" fn eiot_status_kind(status: eiot_status) -> *const c_char {
    row(status).2.as_ptr()
}

/// Returns an EIOT_DELIVERED_ constant as a word: "no", "yes" or "unknown". Any other number is
/// "unknown".
///
/// The string is static and never NULL. Thread-safe.
#[unsafe(no_mangle)]
pub extern "C" fn eiot_delivered_name(delivered: eiot_delivered) -> *const c_char {
    let name = match delivered {
        EIOT_DELIVERED_NO => c"no",
        EIOT_DELIVERED_YES => c"yes",
        _ => c"unknown",
    };
    name.as_ptr()
}

/// Name, sentence and kind, as C wants them: with a NUL at the end. A test holds them to the core's table.
#[rustfmt::skip]
fn row(status: eiot_status) -> (&'static CStr, &'static CStr, &'static CStr) {
    match status {
        EIOT_OK                   => (c"EIOT_OK", c"no error", c"ok"),
        EIOT_ERR_INVALID_ARGUMENT => (c"EIOT_ERR_INVALID_ARGUMENT", c"an argument is invalid", c"invalid_argument"),
        EIOT_ERR_INVALID_EID      => (c"EIOT_ERR_INVALID_EID", c"the EID is malformed", c"invalid_eid"),
        EIOT_ERR_CONFIG           => (c"EIOT_ERR_CONFIG", c"an option is missing or invalid", c"config"),
        EIOT_ERR_CONNECT          => (c"EIOT_ERR_CONNECT", c"connecting failed", c"connect"),
        EIOT_ERR_TLS              => (c"EIOT_ERR_TLS", c"the TLS handshake failed", c"tls"),
        EIOT_ERR_TIMEOUT          => (c"EIOT_ERR_TIMEOUT", c"the deadline passed", c"timeout"),
        EIOT_ERR_IO               => (c"EIOT_ERR_IO", c"the connection was lost before the reply arrived", c"connection_lost"),
        EIOT_ERR_CANCELLED        => (c"EIOT_ERR_CANCELLED", c"the caller cancelled the call", c"cancelled"),
        EIOT_ERR_AUTH             => (c"EIOT_ERR_AUTH", c"authentication failed: credentials, permissions or source address", c"auth"),
        EIOT_ERR_RATE_LIMITED     => (c"EIOT_ERR_RATE_LIMITED", c"too many requests", c"rate_limited"),
        EIOT_ERR_COOLDOWN         => (c"EIOT_ERR_COOLDOWN", c"the card was refreshed too recently", c"cooldown"),
        EIOT_ERR_PLATFORM         => (c"EIOT_ERR_PLATFORM", c"the platform rejected the call", c"platform"),
        EIOT_ERR_HTTP             => (c"EIOT_ERR_HTTP", c"unexpected HTTP status", c"http"),
        EIOT_ERR_PROTOCOL         => (c"EIOT_ERR_PROTOCOL", c"the response could not be parsed", c"protocol"),
        EIOT_ERR_UNAVAILABLE      => (c"EIOT_ERR_UNAVAILABLE", c"the platform is temporarily unavailable", c"unavailable"),
        EIOT_ERR_SIGNATURE      => (c"EIOT_ERR_SIGNATURE", c"the webhook's signature is invalid, or it is too old", c"invalid_signature"),
        EIOT_ERR_INTERNAL         => (c"EIOT_ERR_INTERNAL", c"a bug in the eiot library", c"internal"),
        _                         => (c"EIOT_ERR_UNKNOWN", c"not a status of this version of libeiot", c"unknown"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eiot_core::{Delivered, ErrorKind};

    #[test]
    fn delivered_has_the_cores_words() {
        // SAFETY: static strings.
        let name = |delivered| unsafe { CStr::from_ptr(eiot_delivered_name(delivered)) }.to_str();
        for (delivered, word) in [
            (EIOT_DELIVERED_NO, Delivered::No),
            (EIOT_DELIVERED_YES, Delivered::Yes),
            (EIOT_DELIVERED_UNKNOWN, Delivered::Unknown),
        ] {
            assert_eq!(name(delivered), Ok(word.name()));
        }
        assert_eq!(name(-1), Ok("unknown"));
    }

    #[test]
    fn every_kind_of_the_core_has_its_constant_name_and_sentence() {
        let header = include_str!("../../../include/eiot.h");
        for kind in ErrorKind::ALL {
            let (name, sentence, kind_name) = row(kind.status());
            assert_eq!(kind_name.to_str(), Ok(kind.name()));
            assert_eq!(sentence.to_str(), Ok(kind.description()));
            let define = format!("#define {} {}\n", name.to_str().expect("ASCII"), kind.status());
            assert!(header.contains(&define), "the header lacks {define}");
        }
    }
}
