//! The faults that delay or lose a reply, as a client's socket sees them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod caller;

use caller::{Heard, ask, call, connect, header, listen, reply, start, with};
use eiot_sim::{Fault, Faults, Options, Simulator};
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a connection must be silent. Real time: it is the socket's own timeout.
const SILENCE: Duration = Duration::from_millis(150);

/// Makes the first call to a simulator with this fault, and reads until the end or for `time`.
fn hear(fault: &str, time: Duration) -> (Heard, TcpStream, Simulator) {
    let simulator = with(&[fault]);
    let mut stream = connect(&simulator);
    stream.set_read_timeout(Some(time)).expect("a timeout");
    stream.write_all(&call("1")).expect("sent");
    (listen(&mut stream), stream, simulator)
}

/// Head and body of the reply without a fault.
fn whole() -> (String, String) {
    ask(&mut connect(&with(&[])), "1")
}

/// The part of the head that does not depend on the time, and the length of the whole head.
fn is_part_of_head(heard: &Heard) -> bool {
    let (head, _) = whole();
    heard.bytes.len() == head.len() / 2 && head.as_bytes().starts_with(&heard.bytes[..20])
}

fn is_head_and_part_of_body(heard: &Heard) -> bool {
    let (head, body) = whole();
    let text = heard.text();
    let (_, part) = text.split_once("\r\n\r\n").expect("the head");
    heard.bytes.len() == head.len() + body.len() / 2 && body.starts_with(part)
}

fn is_whole(heard: &Heard) -> bool {
    let (head, body) = whole();
    heard.bytes.len() == head.len() + body.len() && heard.text().ends_with(&body)
}

#[test]
fn fault_delay_sends_the_whole_reply_later() {
    let simulator = with(&["delay=100"]);
    let started = Instant::now();
    let (_, body) = ask(&mut connect(&simulator), "1");
    assert!(started.elapsed() >= Duration::from_millis(100));
    assert_eq!(body, r#"{"code":"200","message":"success"}"#);
}

#[test]
fn fault_drip_sends_many_pieces() {
    let simulator = with(&["drip=2"]);
    let mut stream = connect(&simulator);
    stream.write_all(&call("1")).expect("sent");
    let started = Instant::now();
    let mut first = [0; 512];
    assert!(stream.read(&mut first).expect("the first piece") < 20);
    let (_, body) = reply(&mut stream);
    assert_eq!(body, br#"{"code":"200","message":"success"}"#);
    assert!(started.elapsed() >= Duration::from_millis(100));
    assert!(ask(&mut stream, "2").1.contains("success"), "the connection is kept");
}

#[test]
fn fault_stall_stops_at_its_place_and_keeps_the_connection_open() {
    let (heard, ..) = hear("stall", SILENCE);
    assert!(heard.is_silence() && heard.bytes.is_empty(), "{heard:?}");
    let (heard, ..) = hear("stall-headers", SILENCE);
    assert!(heard.is_silence() && is_part_of_head(&heard), "{heard:?}");
    let (heard, ..) = hear("stall-body", SILENCE);
    assert!(heard.is_silence() && is_head_and_part_of_body(&heard), "{heard:?}");
}

#[test]
fn fault_stall_outlasts_the_idle_timeout() {
    let faults = Faults::always(Fault::Stall);
    let idle_timeout = Some(Duration::from_millis(10));
    let simulator = Simulator::start(Options { faults, idle_timeout, ..Options::default() }).unwrap();
    let mut stream = connect(&simulator);
    stream.set_read_timeout(Some(SILENCE)).unwrap();
    stream.write_all(&call("1")).unwrap();
    assert!(listen(&mut stream).is_silence());
}

#[test]
fn fault_close_closes_in_an_orderly_way_without_a_reply() {
    let (heard, ..) = hear("close", caller::FAR);
    assert!(heard.bytes.is_empty() && heard.error.is_none(), "{heard:?}");
}

#[test]
fn fault_reset_resets_at_its_place() {
    let reset = |fault| {
        let (heard, ..) = hear(fault, caller::FAR);
        assert_eq!(heard.error, Some(ErrorKind::ConnectionReset), "{fault}: {heard:?}");
        heard
    };
    assert!(reset("reset").bytes.is_empty());
    assert!(is_part_of_head(&reset("reset-headers")));
    assert!(is_head_and_part_of_body(&reset("reset-body")));
    assert!(is_whole(&reset("reset-after")));
}

#[test]
fn fault_reset_after_makes_the_next_write_fail() {
    let (heard, mut stream, _simulator) = hear("reset-after", caller::FAR);
    assert_eq!(heard.error, Some(ErrorKind::ConnectionReset));
    let error = stream.write_all(&call("2")).expect_err("dead");
    assert!(matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset), "{error:?}");
}

#[test]
fn fault_close_after_closes_a_connection_that_was_to_be_kept_alive() {
    let (heard, ..) = hear("close-after", caller::FAR);
    assert!(heard.error.is_none() && is_whole(&heard), "{heard:?}");
    assert_eq!(header(&heard.text(), "Connection"), None);
}

#[test]
fn refresh_whose_reply_is_lost_has_taken_effect() {
    let lost = ["close", "reset", "reset-headers", "reset-body", "stall", "stall-headers", "stall-body"];
    for fault in lost {
        let (heard, _open, simulator) = hear(fault, SILENCE);
        assert!(!is_whole(&heard), "{fault}");
        let (_, body) = ask(&mut connect(&simulator), "1");
        assert!(body.contains("sim.cooldown"), "{fault}: {body}");
        let counters = simulator.counters();
        assert_eq!((counters.calls, counters.accepted, &counters.faults[fault]), (2, 1, &1), "{fault}");
    }
}

#[test]
fn fault_plan_numbers_calls_over_all_connections() {
    let simulator = with(&["none", "status=418", "none", "status=500"]);
    let statuses = [1, 2, 3, 4, 5].map(|eid| {
        let (head, _) = ask(&mut connect(&simulator), &eid.to_string());
        head[9..12].to_owned()
    });
    assert_eq!(statuses, ["200", "418", "200", "500", "200"]);
    assert_eq!(simulator.counters().faults["status"], 2);
}

#[test]
fn fault_plan_ignores_counters_and_unknown_paths() {
    let simulator = with(&["status=418"]);
    let mut stream = connect(&simulator);
    for (request, status) in [("GET /sim/counters", "200"), ("POST /", "404")] {
        stream.write_all(format!("{request} HTTP/1.1\r\n\r\n").as_bytes()).expect("sent");
        assert_eq!(&reply(&mut stream).0[9..12], status);
    }
    assert_eq!(&ask(&mut stream, "1").0[9..12], "418");
    stream.write_all(b"GET /sim/counters HTTP/1.1\r\n\r\n").expect("sent");
    let counters: serde_json::Value = serde_json::from_slice(&reply(&mut stream).1).expect("JSON");
    assert_eq!((&counters["faults"], &counters["calls"]), (&serde_json::json!({"status": 1}), &2.into()));
}

#[test]
fn random_faults_are_reproducible_by_their_seed() {
    let faults = || {
        let among = vec!["status=418".parse().unwrap(), Fault::Html];
        let simulator = start(Faults { among, ..Faults::by_chance(0.5, 7) });
        let mut stream = connect(&simulator);
        (0..40).map(|eid| ask(&mut stream, &eid.to_string()).0[9..17].to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(faults(), faults());
}

#[test]
fn stop_ends_stalls_drips_and_delays_at_once() {
    for fault in ["stall", "stall-body", "drip=60000", "delay=60000", "endless"] {
        let simulator = with(&[fault]);
        let mut stream = connect(&simulator);
        stream.write_all(&call("1")).expect("sent");
        let started = Instant::now();
        while simulator.counters().faults.is_empty() {
            assert!(started.elapsed() < caller::FAR, "{fault}");
            std::thread::yield_now();
        }
        let started = Instant::now();
        drop(simulator);
        listen(&mut stream);
        assert!(started.elapsed() < Duration::from_secs(5), "{fault}");
    }
}

/// The first call over TLS to a simulator with this fault.
fn hear_over_tls(fault: Fault) -> Heard {
    let options = Options { tls: true, faults: Faults::always(fault), ..Options::default() };
    let simulator = Simulator::start(options).expect("a free port");
    let mut roots = RootCertStore::empty();
    let pem = simulator.ca_pem().expect("an authority").as_bytes();
    roots.add(CertificateDer::from_pem_slice(pem).expect("PEM")).expect("a certificate");
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("127.0.0.1").expect("a name");
    let session = ClientConnection::new(Arc::new(config), name).expect("a session");
    let mut stream = StreamOwned::new(session, connect(&simulator));
    stream.write_all(&call("1")).expect("sent");
    listen(&mut stream)
}

#[test]
fn fault_close_sends_close_notify_over_tls_and_reset_does_not() {
    // Without close_notify, the first would be an unexpected end.
    let heard = hear_over_tls(Fault::Close);
    assert!(heard.bytes.is_empty() && heard.error.is_none(), "{heard:?}");
    let heard = hear_over_tls(Fault::CloseAfter);
    assert!(is_whole(&heard) && heard.error.is_none(), "{heard:?}");
    for fault in [Fault::Reset, Fault::ResetHeaders, Fault::ResetBody, Fault::ResetAfter] {
        let heard = hear_over_tls(fault.clone());
        assert_eq!(heard.error, Some(ErrorKind::ConnectionReset), "{fault}: {heard:?}");
        let right = match fault {
            Fault::ResetHeaders => is_part_of_head(&heard),
            Fault::ResetBody => is_head_and_part_of_body(&heard),
            Fault::ResetAfter => is_whole(&heard),
            _ => heard.bytes.is_empty(),
        };
        assert!(right, "{fault}: {heard:?}");
    }
}
