//! Options, for C.

use crate::error::eiot_error;
use crate::guard::status;
use crate::log::{Log, eiot_log_fn};
use crate::pointer::{free, put, required};
use crate::status::*;
use crate::text::utf8;
use eiot_core::{Config, Error, RateScope, SignMethod};
use std::ffi::{c_char, c_void};
use std::ptr;
use std::time::Duration;

/// The options of a client. One thread at a time. A client copies them, so one set can make many clients, and can
/// be freed as soon as they are made.
pub struct eiot_config {
    pub(crate) config: Config,
    pub(crate) log: Option<Log>,
}

impl eiot_config {
    fn boxed(config: Config) -> *mut Self {
        Box::into_raw(Box::new(Self { config, log: None }))
    }
}

/// The defaults of a client in C.
pub(crate) fn defaults() -> Config {
    let mut config = Config::default();
    config.user_agent_suffix = "(c)".to_owned();
    config
}

/// Makes a set of options with their defaults. `appkey` and a secret are still to be set. The environment is not
/// read; `eiot_config_from_env` does that.
///
/// `*out_config` is yours to free with `eiot_config_free`; it is NULL on failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_config_new(
    out_config: *mut *mut eiot_config,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for both outputs.
    unsafe {
        put(out_config, ptr::null_mut());
        status(out_err, || {
            required("out_config", out_config)?;
            put(out_config, eiot_config::boxed(defaults()));
            Ok(())
        })
    }
}

/// Makes a set of options from the environment: `EIOT_APPKEY`, `EIOT_SECRET` and so on, each option in upper case
/// behind `EIOT_`; what is not set or empty has its default. The environment must not be changed by another thread
/// at the same time.
///
/// `*out_config` is yours to free with `eiot_config_free`; it is NULL on failure. `EIOT_ERR_CONFIG` names the
/// variable that cannot be used.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_config_from_env(
    out_config: *mut *mut eiot_config,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for both outputs.
    unsafe {
        put(out_config, ptr::null_mut());
        status(out_err, || {
            required("out_config", out_config)?;
            let mut config = defaults();
            config.read_env(&[])?;
            put(out_config, eiot_config::boxed(config));
            Ok(())
        })
    }
}

/// Frees the options and wipes the secret in them. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_config_free(config: *mut eiot_config) {
    // SAFETY: the caller hands over what eiot_config_new or eiot_config_from_env made, once.
    unsafe { free(config) }
}

/// Changes an option; a value that cannot be used is refused at once, and leaves the old one.
///
/// # Safety
/// `config` is NULL or live and used by nobody else; `out_err` is NULL or may be written.
unsafe fn set(
    config: *mut eiot_config,
    out_err: *mut *mut eiot_error,
    change: impl FnOnce(&mut Config) -> Result<(), Error>,
) -> eiot_status {
    // SAFETY: the caller vouches for both pointers.
    unsafe {
        status(out_err, || {
            let Some(eiot_config { config, .. }) = config.as_mut() else {
                return Err(Error::invalid_argument("config is NULL"));
            };
            let before = config.clone();
            change(config).and_then(|()| config.check()).inspect_err(|_| *config = before)
        })
    }
}

/// Changes an option that is text.
///
/// # Safety
/// As [`set`], and `value` as `text::bytes` asks.
unsafe fn set_text(
    config: *mut eiot_config,
    option: &str,
    value: *const c_char,
    value_len: usize,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all three pointers.
    unsafe { set(config, out_err, |config| config.set(option, utf8(option, value, value_len)?)) }
}

/// Sets any option by its name, from text as the environment has it: "timeout" is seconds ("2.5"), switches are "on" and
/// "off", "rate_share" is "1/4", "error_codes" is "CODE=KIND,CODE=KIND". For programs and languages that take options by name;
/// the functions below say what each is. `EIOT_ERR_CONFIG` names an option that there is not, or whose value cannot be used.
///
/// `name` and `value` are UTF-8, of `name_len` and `value_len` bytes or ended by a NUL (`EIOT_NTS`), and are copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_config_set_option(
    config: *mut eiot_config,
    name: *const c_char,
    name_len: usize,
    value: *const c_char,
    value_len: usize,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all pointers.
    unsafe {
        set(config, out_err, |config| {
            config.set(utf8("name", name, name_len)?, utf8("value", value, value_len)?)
        })
    }
}

/// Identifies the account's application. Required.
///
/// `value` is UTF-8, of `value_len` bytes or ended by a NUL (`EIOT_NTS`), and is copied. That holds for every text
/// option below.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_config_set_appkey(
    config: *mut eiot_config,
    value: *const c_char,
    value_len: usize,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all pointers.
    unsafe { set_text(config, "appkey", value, value_len, out_err) }
}

/// The secret that signs each request; it is never sent, and the copy is wiped when it is freed. Required, here or
/// by `eiot_config_set_secret_file`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_config_set_secret(
    config: *mut eiot_config,
    value: *const c_char,
    value_len: usize,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all pointers.
    unsafe { set_text(config, "secret", value, value_len, out_err) }
}

/// A file that holds the secret and nothing else (a line end after it is ignored). It is read when a client is
/// made.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_config_set_secret_file(
    config: *mut eiot_config,
    value: *const c_char,
    value_len: usize,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all pointers.
    unsafe { set_text(config, "secret_file", value, value_len, out_err) }
}

/// Where the platform is: https, or http to a loopback address. Default "https://oapi.eiotclub.com".
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_config_set_base_url(
    config: *mut eiot_config,
    value: *const c_char,
    value_len: usize,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all pointers.
    unsafe { set_text(config, "base_url", value, value_len, out_err) }
}

/// Not 0: allow plain http to any address; appkey and signature can then be read on the way. Default 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_config_set_allow_http(
    config: *mut eiot_config,
    allow: i32,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all pointers.
    unsafe {
        set(config, out_err, |config| {
            config.allow_http = allow != 0;
            Ok(())
        })
    }
}

/// The deadline of a whole call, all attempts and waits included, in milliseconds. Default 30000.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_config_set_timeout_ms(
    config: *mut eiot_config,
    timeout_ms: u64,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all pointers.
    unsafe {
        set(config, out_err, |config| {
            config.timeout = Duration::from_millis(timeout_ms);
            Ok(())
        })
    }
}

/// How long making a connection may take, name look-up and TLS handshake included, in milliseconds. Default 5000.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_config_set_connect_timeout_ms(
    config: *mut eiot_config,
    connect_timeout_ms: u64,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all pointers.
    unsafe {
        set(config, out_err, |config| {
            config.connect_timeout = Duration::from_millis(connect_timeout_ms);
            Ok(())
        })
    }
}

/// How many requests a call may make: the first, and retries of what may pass. Default 3.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_config_set_max_attempts(
    config: *mut eiot_config,
    max_attempts: u32,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all pointers.
    unsafe {
        set(config, out_err, |config| {
            config.max_attempts = max_attempts;
            Ok(())
        })
    }
}

/// Calls a second that the account may make, 0 for any number. 95 % of the limit is used, evenly spaced, so that no
/// closed second holds more. Default 10.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_config_set_rate_limit(
    config: *mut eiot_config,
    calls_per_second: f64,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all pointers.
    unsafe {
        set(config, out_err, |config| {
            config.rate_limit = (calls_per_second != 0.0).then_some(calls_per_second);
            Ok(())
        })
    }
}

/// Who shares that rate. Default `EIOT_RATE_SCOPE_AUTO`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_config_set_rate_scope(
    config: *mut eiot_config,
    scope: eiot_rate_scope,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all pointers.
    unsafe {
        set(config, out_err, |config| {
            config.rate_scope = match scope {
                EIOT_RATE_SCOPE_AUTO => RateScope::Auto,
                EIOT_RATE_SCOPE_PROCESS => RateScope::Process,
                EIOT_RATE_SCOPE_HOST => RateScope::Host,
                _ => {
                    let takes =
                        "must be EIOT_RATE_SCOPE_AUTO, EIOT_RATE_SCOPE_PROCESS or EIOT_RATE_SCOPE_HOST";
                    return Err(Error::config("rate_scope", format!("{takes}, is {scope}")));
                }
            };
            Ok(())
        })
    }
}

/// Which part of that rate is this client's, for fleets of machines: `which` from 1 to `of`. Default 1 of 1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_config_set_rate_share(
    config: *mut eiot_config,
    which: u32,
    of: u32,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all pointers.
    unsafe {
        set(config, out_err, |config| {
            config.rate_share = (which, of);
            Ok(())
        })
    }
}

/// Not 0: wait for a free slot, as long as the time-out allows; 0: fail at once with `EIOT_ERR_RATE_LIMITED`. Default 1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_config_set_rate_wait(
    config: *mut eiot_config,
    wait: i32,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all pointers.
    unsafe {
        set(config, out_err, |config| {
            config.rate_wait = wait != 0;
            Ok(())
        })
    }
}

/// Refuse to refresh a card again before so many milliseconds, with `EIOT_ERR_COOLDOWN`; 0, the default, is off. The
/// vendor says 300000 for the twin call by ICCID; for EIDs that is inferred.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_config_set_eid_cooldown_ms(
    config: *mut eiot_config,
    eid_cooldown_ms: u64,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all pointers.
    unsafe {
        set(config, out_err, |config| {
            config.eid_cooldown = Duration::from_millis(eid_cooldown_ms);
            Ok(())
        })
    }
}

/// Not 0: learn from the platform's replies how far this machine's clock is off, and date requests accordingly.
/// Default 1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_config_set_clock_skew(
    config: *mut eiot_config,
    correct: i32,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all pointers.
    unsafe {
        set(config, out_err, |config| {
            config.clock_skew = correct != 0;
            Ok(())
        })
    }
}

/// What error codes of the platform mean: "CODE=KIND,CODE=KIND". Takes precedence over the published codes. The kinds are
/// auth, rate_limited, cooldown, unavailable and platform, for `EIOT_ERR_AUTH` and so on, and for `EIOT_ERR_PLATFORM` also
/// final, the same call would fail again, and retry, which is retried as an HTTP 503 is. Default empty.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_config_set_error_codes(
    config: *mut eiot_config,
    value: *const c_char,
    value_len: usize,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all pointers.
    unsafe { set_text(config, "error_codes", value, value_len, out_err) }
}

/// A batch stops after this many calls in a row were refused for the account (`EIOT_ERR_AUTH`) and none succeeded in between:
/// all remaining cards come back unsent. Single calls are not affected. 0 is off. Default 20.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_config_set_max_auth_failures(
    config: *mut eiot_config,
    max_auth_failures: u32,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all pointers.
    unsafe {
        set(config, out_err, |config| {
            config.max_auth_failures = max_auth_failures;
            Ok(())
        })
    }
}

/// How long a batch holds its cards back while the platform cannot be reached, in milliseconds, before it gives up and all
/// remaining cards come back unsent. Single calls are not affected. 0: a batch does not hold its cards back, and each fails as
/// in a single call. Default 900000.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_config_set_outage_timeout_ms(
    config: *mut eiot_config,
    outage_timeout_ms: u64,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all pointers.
    unsafe {
        set(config, out_err, |config| {
            config.outage_timeout = Duration::from_millis(outage_timeout_ms);
            Ok(())
        })
    }
}

/// Not 0: ask for GSMA EIDs, 32 digits that pass the check. Default 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_config_set_strict_eid(
    config: *mut eiot_config,
    strict: i32,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all pointers.
    unsafe {
        set(config, out_err, |config| {
            config.strict_eid = strict != 0;
            Ok(())
        })
    }
}

/// The hash behind the signature. Default `EIOT_SIGN_SHA1`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_config_set_sign_method(
    config: *mut eiot_config,
    method: eiot_sign_method,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all pointers.
    unsafe {
        set(config, out_err, |config| {
            config.sign_method = sign_method(method)?;
            Ok(())
        })
    }
}

/// A PEM file of certificate authorities to trust instead of the system's. It is read when a client is made.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_config_set_ca_file(
    config: *mut eiot_config,
    value: *const c_char,
    value_len: usize,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all pointers.
    unsafe { set_text(config, "ca_file", value, value_len, out_err) }
}

/// A PEM file with the certificate that the client presents to the server (mutual TLS), followed by its chain. For gateways that
/// require a client certificate. Requires `eiot_config_set_client_key_file`. It is read when a client is made. Default none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_config_set_client_cert_file(
    config: *mut eiot_config,
    value: *const c_char,
    value_len: usize,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all pointers.
    unsafe { set_text(config, "client_cert_file", value, value_len, out_err) }
}

/// The PEM file with the private key of that certificate, without a passphrase. It is read when a client is made. Default none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_config_set_client_key_file(
    config: *mut eiot_config,
    value: *const c_char,
    value_len: usize,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all pointers.
    unsafe { set_text(config, "client_key_file", value, value_len, out_err) }
}

/// A proxy, "http://[user:password@]host:port". The scheme can also be https, socks5 (host names are resolved locally) or socks5h
/// (the proxy resolves them). "env" reads HTTPS_PROXY, ALL_PROXY and NO_PROXY (http_proxy for plain http) when a client is made.
/// Default none; without "env" these variables are not read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_config_set_proxy(
    config: *mut eiot_config,
    value: *const c_char,
    value_len: usize,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all pointers.
    unsafe { set_text(config, "proxy", value, value_len, out_err) }
}

/// The directory of the file through which processes share the account's rate, where that of the user cannot be used: for several
/// users or containers. A directory that cannot be used is refused when the client is made.
///
/// A Redis that shares the rate between machines is set by `eiot_config_set_option`: "rate_scope" takes "redis://host:port/db".
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_config_set_rate_dir(
    config: *mut eiot_config,
    value: *const c_char,
    value_len: usize,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all pointers.
    unsafe { set_text(config, "rate_dir", value, value_len, out_err) }
}

/// The local IP address that connections are made from, such as "192.0.2.7". The platform allow-lists addresses, and a host can
/// have several. "0.0.0.0" means any IPv4 address, "::" any IPv6 address. Default: the system chooses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_config_set_source_address(
    config: *mut eiot_config,
    value: *const c_char,
    value_len: usize,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all pointers.
    unsafe { set_text(config, "source_address", value, value_len, out_err) }
}

/// Names the calling program to the platform: the user agent is "eiot/VERSION" followed by this text, for example
/// "billing/2.3". At most 200 printable ASCII characters. Default "(c)".
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_config_set_user_agent_suffix(
    config: *mut eiot_config,
    value: *const c_char,
    value_len: usize,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all pointers.
    unsafe { set_text(config, "user_agent_suffix", value, value_len, out_err) }
}

/// A function that is told of each attempt, and of what a batch does by itself, with `user_data` passed on to it; NULL, the default, is none. Both must
/// live as long as the clients made with these options.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_config_set_log(
    config: *mut eiot_config,
    log: eiot_log_fn,
    user_data: *mut c_void,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all pointers.
    unsafe {
        status(out_err, || {
            let config = config.as_mut().ok_or_else(|| Error::invalid_argument("config is NULL"))?;
            config.log = Log::new(log, user_data);
            Ok(())
        })
    }
}

/// The method behind a number.
pub(crate) fn sign_method(method: eiot_sign_method) -> Result<SignMethod, Error> {
    match method {
        EIOT_SIGN_SHA1 => Ok(SignMethod::Sha1),
        EIOT_SIGN_MD5 => Ok(SignMethod::Md5),
        _ => {
            Err(Error::config("sign_method", format!("must be EIOT_SIGN_SHA1 or EIOT_SIGN_MD5, is {method}")))
        }
    }
}
