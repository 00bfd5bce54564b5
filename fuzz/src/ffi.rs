//! Properties that must hold for any bytes that C passes by pointer and length. `fuzz/` calls these functions with
//! generated inputs under AddressSanitizer, and the test below with every input that is checked in there. Compiled for
//! fuzzing and for tests only.
#![allow(clippy::panic, clippy::expect_used, clippy::indexing_slicing, missing_docs)]

use crate::batch::*;
use crate::client::*;
use crate::config::*;
use crate::eid::eiot_eid_validate;
use crate::environment::{eiot_refresh_usage_n, eiot_refresh_usage_to_buffer};
use crate::error::*;
use crate::result::*;
use crate::sign::*;
use crate::status::*;
use std::ffi::{CStr, CString, c_char};
use std::ptr;
use std::sync::OnceLock;

type TextSetter =
    unsafe extern "C" fn(*mut eiot_config, *const c_char, usize, *mut *mut eiot_error) -> eiot_status;

const TEXT_SETTERS: [TextSetter; 12] = [
    eiot_config_set_appkey,
    eiot_config_set_secret,
    eiot_config_set_secret_file,
    eiot_config_set_base_url,
    eiot_config_set_error_codes,
    eiot_config_set_ca_file,
    eiot_config_set_proxy,
    eiot_config_set_client_cert_file,
    eiot_config_set_client_key_file,
    eiot_config_set_source_address,
    eiot_config_set_rate_dir,
    eiot_config_set_user_agent_suffix,
];

/// A client whose connections are refused immediately.
struct Refused(*const eiot_client);

// SAFETY: a client may be used by any thread.
unsafe impl Send for Refused {}
// SAFETY: as above.
unsafe impl Sync for Refused {}

fn refused() -> *const eiot_client {
    static CLIENT: OnceLock<Refused> = OnceLock::new();
    let make = || {
        let (mut config, mut client) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: all pointers are live, and all texts end with a NUL.
        unsafe {
            assert_eq!(eiot_config_new(&mut config, ptr::null_mut()), EIOT_OK);
            for (set, value) in [
                (eiot_config_set_appkey as TextSetter, c"k"),
                (eiot_config_set_secret, c"s"),
                (eiot_config_set_base_url, c"http://127.0.0.1:1"),
            ] {
                assert_eq!(set(config, value.as_ptr(), usize::MAX, ptr::null_mut()), EIOT_OK);
            }
            eiot_config_set_max_attempts(config, 1, ptr::null_mut());
            eiot_config_set_rate_limit(config, 0.0, ptr::null_mut());
            assert_eq!(eiot_client_new(config, &mut client, ptr::null_mut()), EIOT_OK);
            eiot_config_free(config);
        }
        Refused(client)
    };
    CLIENT.get_or_init(make).0
}

/// A status and its error are consistent: both or neither, and the error has a message.
fn told(status: eiot_status, error: *mut eiot_error) -> eiot_status {
    assert_eq!(status == EIOT_OK, error.is_null(), "status {status}");
    if !error.is_null() {
        // SAFETY: the error is live, and freed once.
        unsafe {
            assert_eq!(eiot_error_status(error), status);
            let message = CStr::from_ptr(eiot_error_message(error));
            assert!(!message.to_str().expect("UTF-8").is_empty());
            eiot_error_free(error);
        }
    }
    status
}

/// A card of a batch comes back once, with its tag, and like a single call.
///
/// # Safety
/// As `text::bytes` asks.
unsafe fn batch(client: *const eiot_client, text: *const c_char, length: usize, status: eiot_status) {
    let (mut batch, mut result, none) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
    // SAFETY: all pointers are live, and each object is freed once.
    unsafe {
        assert_eq!(eiot_batch_new(client, 1, ptr::null(), &mut batch, none), EIOT_OK);
        assert_eq!(eiot_batch_push(batch, text, length, 7, none), EIOT_OK);
        assert_eq!(eiot_batch_next(batch, -1, &mut result, none), EIOT_OK);
        assert_eq!((eiot_result_tag(result), eiot_result_status(result)), (7, status));
        CStr::from_ptr(eiot_result_input(result)).to_str().expect("UTF-8");
        eiot_result_free(result);
        assert_eq!((eiot_batch_next(batch, -1, &mut result, none), result.is_null()), (EIOT_OK, true));
        eiot_batch_free(batch);
    }
}

/// The first byte selects the function, the rest is its input. The input is allocated at its exact size, so that a
/// sanitizer detects reads past the end.
pub fn c_entry(data: &[u8]) {
    let Some((choice, bytes)) = data.split_first() else { return };
    let bytes: Box<[u8]> = bytes.into();
    let (text, length) = (bytes.as_ptr().cast::<c_char>(), bytes.len());
    let mut error = ptr::null_mut();
    // SAFETY: `text` has `length` bytes, and all other pointers are live.
    unsafe {
        match choice % 5 {
            0 => {
                let strict = i32::from(choice / 5 % 2 == 1);
                let status = told(eiot_eid_validate(text, length, strict, &mut error), error);
                assert!(matches!(status, EIOT_OK | EIOT_ERR_INVALID_EID), "{status}");
            }
            1 => {
                let client = refused();
                let status = eiot_client_refresh_usage(client, text, length, ptr::null_mut(), &mut error);
                let status = told(status, error);
                assert!(matches!(status, EIOT_ERR_CONNECT | EIOT_ERR_INVALID_EID), "{status}");
                batch(client, text, length, status);
            }
            2 => {
                // The environment of a fuzzer or a test has no configuration.
                let status = told(eiot_refresh_usage_n(text, length, &mut error), error);
                assert_eq!(status, EIOT_ERR_CONFIG);
                let mut message: Box<[c_char]> = vec![1; usize::from(*choice)].into();
                let (to, room) = (message.as_mut_ptr(), message.len());
                let status =
                    eiot_refresh_usage_to_buffer(text, length, to, room, ptr::null_mut(), ptr::null_mut());
                assert!(status == EIOT_ERR_CONFIG && (room == 0 || message.contains(&0)), "{status}");
            }
            3 => {
                let mut config = ptr::null_mut();
                assert_eq!(eiot_config_new(&mut config, ptr::null_mut()), EIOT_OK);
                let setter = TEXT_SETTERS[usize::from(choice / 5) % TEXT_SETTERS.len()];
                let status = told(setter(config, text, length, &mut error), error);
                assert!(matches!(status, EIOT_OK | EIOT_ERR_INVALID_ARGUMENT | EIOT_ERR_CONFIG), "{status}");
                eiot_config_free(config);
            }
            _ => sign(&bytes, usize::from(choice / 5)),
        }
    }
}

/// Signs the bytes, cut at their NULs into names and values, into a buffer of exactly `room` bytes.
fn sign(bytes: &[u8], room: usize) {
    let texts: Vec<CString> =
        bytes.split(|byte| *byte == 0).map(|text| CString::new(text).expect("no NUL is left")).collect();
    let pointers: Vec<_> = texts.iter().map(|text| text.as_ptr()).collect();
    let (names, values) = pointers.split_at(pointers.len() / 2);
    let mut out: Box<[c_char]> = vec![1; room].into();
    let mut error = ptr::null_mut();
    // SAFETY: there are as many values as names or one more, all end with a NUL, and `out` has `room` bytes.
    let status = unsafe {
        eiot_sign(
            names.as_ptr(),
            values.as_ptr(),
            names.len(),
            c"secret".as_ptr(),
            usize::MAX,
            EIOT_SIGN_SHA1,
            out.as_mut_ptr(),
            room,
            &mut error,
        )
    };
    match told(status, error) {
        // Forty hex digits and the NUL.
        EIOT_OK => assert!(room > 40 && out[40] == 0 && out[..40].iter().all(|digit| *digit != 0)),
        status => {
            assert_eq!(status, EIOT_ERR_INVALID_ARGUMENT);
            assert!(out.first().is_none_or(|first| *first == 0), "a failure leaves an empty text");
        }
    }
}

#[cfg(test)]
#[path = "corpus.rs"]
mod corpus;

#[cfg(test)]
mod tests {
    use super::corpus;

    #[test]
    fn corpus_of_c_inputs_gets_consistent_statuses_and_errors() {
        corpus::replay(include_str!("../corpus/c_entry.txt"), super::c_entry);
    }
}
