//! Options, for C.

use crate::callbacks::Callbacks;
use crate::error::eiot_error;
use crate::event::{Events, eiot_event_fn};
use crate::guard::status;
use crate::log::{Log, eiot_log_fn};
use crate::pointer::{free, handle_mut, put, required};
use crate::sign::sign_method;
use crate::status::*;
use crate::text::utf8;
use eiot_core::{Config, Error, RateScope};
use std::ffi::{c_char, c_void};
use std::ptr;
use std::time::Duration;

/// The options of a client. Options that depend on others are validated when a client is created.
///
/// Requires exclusive access. A client copies its options: you can create several clients from one
/// `eiot_config`, and free it as soon as they exist.
pub struct eiot_config {
    pub(crate) config: Config,
    pub(crate) callbacks: Callbacks,
}

impl eiot_config {
    pub(crate) fn boxed(config: Config, callbacks: Callbacks) -> *mut Self {
        Box::into_raw(Box::new(Self { config, callbacks }))
    }
}

/// The defaults of a client in C.
pub(crate) fn defaults() -> Config {
    let mut config = Config::default();
    config.user_agent_suffix = "(c)".to_owned();
    config
}

/// Creates options with default values. Set `appkey` and a secret before you create a client. Does
/// not read the environment; `eiot_config_from_env` does.
///
/// `*out_config` is NULL on failure; free it with `eiot_config_free`.
///
/// Thread-safe.
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
            put(out_config, eiot_config::boxed(defaults(), Callbacks::default()));
            Ok(())
        })
    }
}

/// Creates options from the environment: `EIOT_APPKEY`, `EIOT_SECRET` and so on, `EIOT_` followed
/// by the option's name in upper case. Options whose variable is unset or empty keep their
/// defaults.
///
/// `*out_config` is NULL on failure; free it with `eiot_config_free`. `EIOT_ERR_CONFIG` names the
/// variable that is invalid.
///
/// Thread-safe, provided that no other thread changes the environment at the same time.
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
            put(out_config, eiot_config::boxed(config, Callbacks::default()));
            Ok(())
        })
    }
}

/// Frees options and wipes the secret from memory. Clients created from them are not affected. NULL
/// is a no-op.
///
/// Requires exclusive access.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_config_free(config: *mut eiot_config) {
    // SAFETY: the caller hands over what one of our functions made, once.
    unsafe { free(config) }
}

/// Changes an option; a value that cannot be used is refused at once, and leaves the old one.
///
/// # Safety
/// `config` is NULL or live and used exclusively; `out_err` is NULL or may be written.
unsafe fn set(
    config: *mut eiot_config,
    out_err: *mut *mut eiot_error,
    change: impl FnOnce(&mut Config) -> Result<(), Error>,
) -> eiot_status {
    // SAFETY: the caller vouches for both pointers.
    unsafe {
        status(out_err, || {
            let eiot_config { config, .. } = handle_mut("config", config)?;
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

/// Sets an option by name, from text in the same format as the environment: "timeout" is in seconds
/// ("2.5"), switches are "on" and "off", "rate_share" is "1/4", "error_codes" is
/// "CODE=KIND,CODE=KIND". For programs and bindings that look up options by name. From C, prefer
/// the typed functions below, which also document each option.
///
/// `name` and `value` are UTF-8, `name_len` and `value_len` bytes long, or NUL-terminated with
/// `EIOT_NTS` as the length. They are copied. `EIOT_ERR_CONFIG` if the option is unknown or its
/// value cannot be parsed.
///
/// Requires exclusive access, like all functions that set options.
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

/// Sets the appkey, which identifies the account's application. Required.
///
/// `value` is UTF-8, `value_len` bytes long, or NUL-terminated with `EIOT_NTS` as the length. It is
/// copied. The same applies to all text options below.
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

/// Sets the secret that signs each request. It is never sent, and the copy is wiped when the
/// options are freed. Required, unless you use `eiot_config_set_secret_file`.
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

/// Sets the path of a file that contains the secret and nothing else; a trailing newline is
/// ignored. The file is read when a client is created.
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

/// Sets the base URL of the platform: https, or http to a loopback address. Default
/// "https://oapi.eiotclub.com".
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

/// Non-zero allows plain http to any address. Appkey and signature are then sent unencrypted.
/// Default 0.
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

/// Sets the timeout of a whole call, including all attempts and waits, in milliseconds. Default
/// 30000.
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

/// Sets the timeout of establishing a connection, including DNS lookup and TLS handshake, in
/// milliseconds. Default 5000.
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

/// Sets the maximum number of requests per call: the first one, and retries of transient failures.
/// 1 disables retries. Default 3.
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

/// Sets the rate limit of the account in calls per second; 0 is unlimited. The rate limiter spaces
/// calls evenly and uses 95 % of the limit, so that no one-second window exceeds it. Default 10.
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

/// Sets which clients share the rate limit. Default `EIOT_RATE_SCOPE_AUTO`.
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
                    return Err(Error::config("rate_scope", format!("{takes}, not {scope}")));
                }
            };
            Ok(())
        })
    }
}

/// Sets this client's share of the rate limit, for fleets of machines: part `which`, from 1 to
/// `of`, of `of` equal parts. Default 1 of 1.
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

/// Non-zero waits for the rate limiter, within the call's timeout; 0 fails immediately with
/// `EIOT_ERR_RATE_LIMITED`. Default 1.
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

/// Sets the cooldown per card in milliseconds: refreshing a card again sooner fails with
/// `EIOT_ERR_COOLDOWN`. 0, the default, disables it. The vendor documents 300000 for the
/// corresponding call by ICCID; for EIDs that is inferred.
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

/// Non-zero measures the offset of this machine's clock from the platform's replies and corrects
/// the timestamps of requests by it. Default 1.
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

/// Sets the meaning of platform error codes: "CODE=KIND,CODE=KIND". Takes precedence over the
/// published codes. Default empty.
///
/// The kinds auth, rate_limited, cooldown, unavailable and platform map to `EIOT_ERR_AUTH` and so
/// on. Two more kinds map to `EIOT_ERR_PLATFORM`: final, if the same call would fail again, and
/// retry, for a transient failure that is retried like an HTTP 503.
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

/// Sets how many consecutive authentication failures (`EIOT_ERR_AUTH`) without a success in between
/// stop a batch: all remaining cards come back unsent. 0 disables this. Does not affect single
/// calls. Default 20.
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

/// Sets how long a batch holds its cards back while the platform is unreachable, in milliseconds,
/// before it gives up and all remaining cards come back unsent. 0 disables holding: each card fails
/// like a single call. Does not affect single calls. Default 900000.
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

/// Non-zero accepts only GSMA EIDs: 32 digits with a valid checksum. Default 0.
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

/// Non-zero accepts EIDs that a spreadsheet or a JSON number seems to have rounded: those of 28 or
/// more digits whose last digits are lost. Default 0: they are malformed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_config_set_allow_rounded_eid(
    config: *mut eiot_config,
    allow: i32,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all pointers.
    unsafe {
        set(config, out_err, |config| {
            config.allow_rounded_eid = allow != 0;
            Ok(())
        })
    }
}

/// Sets the hash function of the signature. Default `EIOT_SIGN_SHA1`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_config_set_sign_method(
    config: *mut eiot_config,
    method: eiot_sign_method,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all pointers.
    unsafe {
        set(config, out_err, |config| {
            config.sign_method = sign_method(method).map_err(|takes| Error::config("sign_method", takes))?;
            Ok(())
        })
    }
}

/// Sets a PEM file of CA certificates to trust instead of the system's. It is read when a client is
/// created.
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

/// Sets a PEM file with the client certificate, followed by its chain, for gateways that require
/// mutual TLS. Requires `eiot_config_set_client_key_file`. It is read when a client is created.
/// Default none.
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

/// Sets the PEM file with the private key of the client certificate, without a passphrase. It is
/// read when a client is created. Default none.
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

/// Sets a proxy: "http://[user:password@]host:port". The scheme can also be https, socks5 (host
/// names are resolved locally) or socks5h (the proxy resolves them). "env" reads HTTPS_PROXY,
/// ALL_PROXY and NO_PROXY (http_proxy for plain http) when a client is created. Default none:
/// without "env" these variables are ignored.
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

/// Sets the directory of the file through which processes share the rate limit. Set it if several
/// users or containers share an account. The directory must be usable when a client is created.
///
/// To share the rate limit between machines, use Redis: pass "rate_scope" and
/// "redis://host:port/db" to `eiot_config_set_option`.
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

/// Sets the local IP address to connect from, such as "192.0.2.7". The platform allow-lists
/// addresses, and a host can have several. "0.0.0.0" means any IPv4 address, "::" any IPv6 address.
/// Default: the system chooses.
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

/// Sets the suffix of the User-Agent header, which names your program to the platform:
/// "eiot/VERSION" followed by this text, for example "billing/2.3". At most 200 printable ASCII
/// characters. Default "(c)".
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

/// Sets a log callback, to which `user_data` is passed. NULL, the default, disables logging.
///
/// Both must outlive all clients and batches created from these options, and must be safe to use
/// from all threads that make calls.
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
            handle_mut("config", config)?.callbacks.log = Log::new(log, user_data);
            Ok(())
        })
    }
}

/// Sets a callback that receives each attempt, and each call that is refused before anything is
/// sent, as an `eiot_event`: for metrics and structured logs. `user_data` is passed to it. NULL, the
/// default, disables it.
///
/// Both must outlive all clients and batches created from these options, and must be safe to use
/// from all threads that make calls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eiot_config_set_event_callback(
    config: *mut eiot_config,
    on_event: eiot_event_fn,
    user_data: *mut c_void,
    out_err: *mut *mut eiot_error,
) -> eiot_status {
    // SAFETY: the caller vouches for all pointers.
    unsafe {
        status(out_err, || {
            handle_mut("config", config)?.callbacks.events = Events::new(on_event, user_data);
            Ok(())
        })
    }
}
