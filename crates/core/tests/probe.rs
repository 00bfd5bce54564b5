//! The probe: each step has a result, and nothing is refreshed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{config, http, serve};
use eiot::{Client, Config, ErrorKind, Probe};
use eiot_sim::{Options, Simulator};
use std::io::{Read, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

fn probe(config: Config) -> Probe {
    Client::new(config).expect("valid").probe().expect("an event loop")
}

fn impatient(url: &str, connect_timeout: f64, timeout: f64) -> Config {
    let mut config = config(url);
    config.connect_timeout = Duration::from_secs_f64(connect_timeout);
    config.timeout = Duration::from_secs_f64(timeout);
    config
}

/// The kind of failure of the last step, if the connection was established.
fn after_the_connection(probe: &Probe) -> ErrorKind {
    assert!(matches!(probe.connection, Some(Ok(()))), "{probe:?}");
    probe.answer.as_ref().expect("taken").as_ref().expect_err("failed").kind()
}

/// The kind of failure of the connection.
fn at_the_connection(probe: &Probe) -> ErrorKind {
    assert!(probe.answer.is_none(), "{probe:?}");
    probe.connection.as_ref().expect("taken").as_ref().expect_err("failed").kind()
}

#[test]
fn probe_reaches_a_healthy_platform_whatever_its_status() {
    for (tls, name) in [(false, "127.0.0.1"), (false, "localhost"), (true, "127.0.0.1")] {
        let platform = Simulator::start(Options { tls, ..Options::default() }).expect("a free port");
        let mut config = config(&platform.url().replace("127.0.0.1", name));
        let ca_file = std::env::temp_dir().join(format!("eiot-probe-{}.pem", std::process::id()));
        if let Some(pem) = platform.ca_pem() {
            std::fs::write(&ca_file, pem).expect("a file");
            config.ca_file = Some(ca_file.clone());
        }
        let probe = probe(config);
        let answer = probe.answer.as_ref().expect("taken").as_ref().expect("answered");
        assert_eq!(answer.http_status, 404);
        assert!(answer.clock_offset_milliseconds.expect("a date").abs() < 1_000, "{answer:?}");
        assert!(matches!(probe.connection, Some(Ok(()))));
        assert_eq!(probe.addresses.is_some(), name == "localhost", "an address needs no lookup");
        assert_eq!(platform.counters().accepted, 0, "nothing is refreshed");
        let _ = std::fs::remove_file(ca_file);
    }
}

#[test]
fn probe_measures_clock_skew_in_both_directions() {
    for seconds in [-3600, 3600] {
        let options = Options { clock_offset_seconds: seconds, ..Options::default() };
        let platform = Simulator::start(options).expect("a free port");
        let answer = probe(config(platform.url())).answer.expect("taken").expect("answered");
        let offset = answer.clock_offset_milliseconds.expect("a date");
        assert!((offset - seconds * 1000).abs() < 1_000, "{offset}");
    }
}

#[test]
fn probe_sends_nothing_about_the_account() {
    let heads = Arc::new(Mutex::new(String::new()));
    let seen = heads.clone();
    let url = serve(move |mut connection| {
        let mut buffer = [0; 4096];
        let length = connection.read(&mut buffer).expect("a request");
        seen.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..length]));
        let _ = connection.write_all(http("200 OK", "", "").as_bytes());
    });
    let probe = probe(config(&format!("{url}/gateway")));
    assert!(probe.answer.expect("taken").is_ok());
    let head = heads.lock().unwrap();
    assert!(head.starts_with("GET /gateway HTTP/1.1\r\n") && head.ends_with("\r\n\r\n"), "{head}");
    for word in ["demo-appkey", "demo-secret", "sign", "content-length"] {
        assert!(!head.to_lowercase().contains(word), "{head}");
    }
}

#[test]
fn probe_reports_refused_connections_and_untrusted_certificates_at_the_connection() {
    assert_eq!(at_the_connection(&probe(config("http://127.0.0.1:1"))), ErrorKind::Connect);
    let platform = Simulator::start(Options { tls: true, ..Options::default() }).expect("a free port");
    assert_eq!(at_the_connection(&probe(config(platform.url()))), ErrorKind::Tls);
}

#[test]
fn probe_ends_at_an_unknown_host() {
    let probe = probe(config("https://eiot.invalid"));
    let error = probe.addresses.expect("taken").expect_err("no such name");
    assert!(error.to_string().contains("DNS lookup of eiot.invalid failed"), "{error}");
    assert!(probe.connection.is_none() && probe.answer.is_none());
}

#[test]
fn probe_reports_later_failures_at_the_answer() {
    let silent = serve(|_connection| std::thread::sleep(Duration::from_secs(60)));
    let closing = serve(|mut connection| {
        let _ = connection.read(&mut [0; 64]);
    });
    for (url, kind) in [(silent, ErrorKind::Timeout), (closing, ErrorKind::ConnectionLost)] {
        let started = Instant::now();
        assert_eq!(after_the_connection(&probe(impatient(&url, 0.2, 0.5))), kind);
        assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    }
    let probe = probe(config(&serve(|mut connection| {
        let _ = connection.read(&mut [0; 4096]);
        let _ = connection.write_all(b"220 smtp.example ESMTP\r\n");
    })));
    assert_eq!(after_the_connection(&probe), ErrorKind::Protocol);
}

#[test]
fn probe_errors_do_not_mention_a_refresh() {
    let url = serve(|mut connection| {
        let _ = connection.read(&mut [0; 64]);
    });
    let error = probe(config(&url)).answer.expect("taken").expect_err("closed");
    assert!(!error.to_string().contains("refresh"), "{error}");
}

#[test]
fn probe_distinguishes_a_silent_connection_however_short_the_timeout() {
    let url = serve(|_connection| std::thread::sleep(Duration::from_secs(2)));
    assert_eq!(after_the_connection(&probe(impatient(&url, 5.0, 0.2))), ErrorKind::Timeout);
}

#[test]
fn probe_uses_the_proxy_which_resolves_the_name() {
    let proxy = serve(|mut connection| {
        let _ = connection.read(&mut [0; 4096]);
        let _ = connection.write_all(http("200 OK", "", "").as_bytes());
    });
    let mut through = config("http://localhost:1");
    through.proxy = Some(proxy.replace("http://", "http://user:swordfish@"));
    let probe = probe(through);
    assert_eq!(probe.proxy, Some(proxy));
    assert!(probe.addresses.is_none());
    assert_eq!(probe.answer.expect("taken").expect("answered").http_status, 200);
}
