//! A client derived from another: different options per call, the same connections and the same rate.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{EID, answer, config, http, read_request, serve};
use eiot::{Client, CodeMeaning, Config, ErrorKind};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const SUCCESS: &str = r#"{"code":"200","message":"success"}"#;

fn with(client: &Client, change: impl FnOnce(&mut Config)) -> Client {
    let mut options = client.config().clone();
    change(&mut options);
    client.with_options(options).expect("an option of a call")
}

#[test]
fn with_options_reuses_the_open_connection() {
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = connections.clone();
    let url = serve(move |mut connection| {
        counted.fetch_add(1, Ordering::Relaxed);
        while read_request(&mut connection).is_some() {
            if connection.write_all(http("200 OK", "", SUCCESS).as_bytes()).is_err() {
                return;
            }
        }
    });
    let client = Client::new(config(&url)).expect("valid");
    let hasty = with(&client, |options| options.timeout = Duration::from_secs(3));
    for client in [&client, &hasty, &client, &hasty] {
        client.refresh_usage(EID).expect("refreshed");
    }
    drop(client);
    hasty.refresh_usage(EID).expect("refreshed");
    assert_eq!(connections.load(Ordering::Relaxed), 1);
}

#[test]
fn with_options_shares_the_rate_limit() {
    let mut options = config(&answer(http("200 OK", "", SUCCESS)));
    options.rate_limit = Some(0.1);
    let client = Client::new(options).expect("valid");
    let impatient = with(&client, |options| options.rate_wait = false);
    client.refresh_usage(EID).expect("the first permit");
    let error = impatient.refresh_usage(EID).expect_err("taken by the other");
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert!(error.to_string().contains("rate_wait"), "{error}");
}

#[test]
fn with_options_shares_cooldowns() {
    let mut options = config(&answer(http("200 OK", "", SUCCESS)));
    options.eid_cooldown = Duration::from_secs(300);
    let client = Client::new(options).expect("valid");
    client.refresh_usage(EID).expect("refreshed");
    let other = with(&client, |options| options.max_attempts = 2);
    assert_eq!(other.refresh_usage(EID).expect_err("resting").kind(), ErrorKind::Cooldown);
}

#[test]
fn with_options_does_not_change_the_original_client() {
    let silent = serve(|mut connection| while read_request(&mut connection).is_some() {});
    let client = Client::new(config(&silent)).expect("valid");
    let hasty = with(&client, |options| options.timeout = Duration::from_millis(100));
    let started = Instant::now();
    assert_eq!(hasty.refresh_usage(EID).expect_err("silent").kind(), ErrorKind::Timeout);
    assert!(started.elapsed() < client.config().timeout);
    assert_eq!(client.config().timeout, Duration::from_secs(30));

    let strict = with(&client, |options| options.strict_eid = true);
    assert_eq!(strict.refresh_usage(EID).expect_err("26 digits").kind(), ErrorKind::InvalidEid);

    let client = Client::new(config(&answer(http("200 OK", "", r#"{"code":"7"}"#)))).expect("valid");
    let taught = with(&client, |options| {
        options.error_codes.insert("7".to_owned(), CodeMeaning::Auth);
    });
    assert_eq!(taught.refresh_usage(EID).expect_err("refused").kind(), ErrorKind::Auth);
    assert_eq!(client.refresh_usage(EID).expect_err("refused").kind(), ErrorKind::Platform);

    let busy = serve(|mut connection| {
        while read_request(&mut connection).is_some() {
            if connection.write_all(http("503 Busy", "Retry-After: 0\r\n", "").as_bytes()).is_err() {
                return;
            }
        }
    });
    let client = Client::new(config(&busy)).expect("valid");
    let persistent = with(&client, |options| options.max_attempts = 3);
    assert_eq!(persistent.refresh_usage(EID).expect_err("busy").attempts(), 3);
    assert_eq!(client.refresh_usage(EID).expect_err("busy").attempts(), 1);
}

#[test]
fn with_options_accepts_per_call_options_and_names_all_others() {
    let mut config = Config::new("k", "s");
    config.rate_scope = eiot::RateScope::Process;
    let client = Client::new(config).expect("valid");
    for option in Config::OPTIONS {
        let value = match option {
            "timeout" | "connect_timeout" | "eid_cooldown" | "outage_timeout" => "2.5",
            "strict_eid" | "allow_rounded_eid" | "allow_http" => "on",
            "rate_wait" | "clock_skew" | "rate_limit" => "off",
            "max_attempts" | "max_auth_failures" => "7",
            "rate_scope" => "host",
            "rate_share" => "2/5",
            "error_codes" => "45109=cooldown",
            "sign_method" => "md5",
            "base_url" => "https://platform.example",
            "source_address" => "::1",
            _ => "x",
        };
        let mut options = client.config().clone();
        options.set(option, value).expect(option);
        let changed = client.with_options(options);
        if Config::TABLE.iter().any(|info| info.name == option && info.is_per_call) {
            changed.expect(option);
        } else {
            let error = changed.expect_err(option);
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(
                error.to_string().starts_with(&format!("{option}: cannot differ between clients")),
                "{error}"
            );
        }
    }
}

#[test]
fn with_options_rejects_invalid_values_like_client_new() {
    let client = Client::new(Config::new("k", "s")).expect("valid");
    let mut options = client.config().clone();
    options.timeout = Duration::ZERO;
    assert!(client.with_options(options).expect_err("zero").to_string().starts_with("timeout: "));
}
