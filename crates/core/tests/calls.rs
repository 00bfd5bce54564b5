//! Any signed call: accepted by a platform with independent signature checks, and retried only when it is safe.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{EID, config, http, read_request, serve};
use eiot::{Attempt, Call, Client, Delivered, ErrorKind, Observer};
use eiot_sim::{Fault, Faults, Options, Simulator};
use serde_json::{Value, json};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;

const GET: &str = "/api/v3/cloudesim/get";
const PURCHASE: &str = "/api/v3/cloudesim/purchase";

fn platform(faults: Faults) -> Simulator {
    Simulator::start(Options { faults, ..Options::unlimited() }).expect("a free port")
}

fn client(platform: &Simulator) -> Client {
    let mut config = config(platform.url());
    config.max_attempts = 3;
    Client::new(config).expect("valid")
}

fn purchase() -> Call {
    let parameters = json!({ "eid": EID, "outTradeNo": "T1", "packageCode": "p" });
    Call::new(PURCHASE, &parameters).expect("valid")
}

#[test]
fn call_of_every_vector_is_accepted_as_correctly_signed() {
    let platform = platform(Faults::default());
    let client = client(&platform);
    let file: Value = serde_json::from_str(include_str!("../../../tests/vectors/calls.json")).expect("JSON");
    for case in file["cases"].as_array().expect("a list") {
        let text = |field: &str| case[field].as_str().expect("text");
        let call = Call::from_json(text("path"), text("parameters")).expect("valid");
        let reply = client.call(&call).unwrap_or_else(|error| panic!("{case}: {error}"));
        assert_eq!((reply.code(), reply.delivered()), ("200", Delivered::Yes));
        assert_eq!(reply.eid(), call.eid().unwrap_or_default());
    }
    let reply = client.call(&Call::new(GET, &json!({ "eid": EID })).expect("valid")).expect("accepted");
    let data: Value = serde_json::from_str(reply.data_json().expect("a card")).expect("JSON");
    assert_eq!(data["eid"], EID);
}

/// Keeps what it reads.
struct Recording(TcpStream, Vec<u8>);

impl Read for Recording {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.0.read(buffer)?;
        self.1.extend_from_slice(&buffer[..count]);
        Ok(count)
    }
}

#[test]
fn call_sends_each_header_once_with_the_length_of_its_own_body() {
    let (sender, requests) = mpsc::channel();
    let url = serve(move |connection| {
        let mut connection = Recording(connection, Vec::new());
        while let Some(body) = read_request(&mut connection) {
            let received = String::from_utf8(std::mem::take(&mut connection.1)).expect("ASCII");
            sender.send((received, body.len())).expect("the test listens");
            let reply = http("200 OK", "", r#"{"code":"200"}"#);
            connection.0.write_all(reply.as_bytes()).expect("written");
        }
    });
    let host = url.replace("http://127.0.0.1", "localhost");
    let client = Client::new(config(&format!("http://{}/gateway/", host.to_uppercase()))).expect("valid");
    for eid in ["1", EID] {
        client.call(&Call::new(GET, &json!({ "eid": eid })).expect("valid")).expect("accepted");
        let (request, length) = requests.recv().expect("a request");
        let (head, _) = request.split_once("\r\n\r\n").expect("a head");
        let mut lines: Vec<String> = head.lines().map(str::to_owned).collect();
        lines[1..].sort_unstable();
        let expected = [
            format!("POST /gateway{GET} HTTP/1.1"),
            "accept: application/json".to_owned(),
            format!("content-length: {length}"),
            "content-type: application/json;charset=utf-8".to_owned(),
            format!("host: {host}"),
            format!("user-agent: eiot/{} (rust)", eiot::VERSION),
        ];
        assert_eq!(lines, expected);
    }
}

#[test]
fn call_of_refresh_usage_is_the_same_as_a_refresh() {
    let platform = platform(Faults::default());
    let refresh = Call::new("/api/v3/cloudesim/refreshUsage", &json!({ "eid": EID })).expect("valid");
    let reply = client(&platform).call(&refresh).expect("accepted");
    assert_eq!((reply.eid(), reply.message(), reply.data_json()), (EID, "success", None));
}

#[test]
fn call_whose_reply_is_lost_is_retried_only_if_idempotent() {
    for (call, placed) in [(purchase(), 1), (purchase().idempotent(true), 2)] {
        let platform = platform(Faults::in_order([Fault::Reset]));
        let result = client(&platform).call(&call);
        assert_eq!(platform.counters().orders["T1"], placed);
        match result {
            Ok(reply) => assert_eq!((placed, reply.attempts()), (2, 2)),
            Err(error) => {
                assert_eq!(
                    (error.kind(), error.delivered()),
                    (ErrorKind::ConnectionLost, Delivered::Unknown)
                );
                let text = error.to_string();
                assert!(
                    text.starts_with(&format!("{PURCHASE}, EID {EID}: ")) && text.contains("idempotent"),
                    "{text}"
                );
            }
        }
    }
}

#[test]
fn call_that_only_reads_is_retried_and_a_purchase_too_if_nothing_was_done() {
    let lost = platform(Faults::in_order([Fault::Close]));
    let reply =
        client(&lost).call(&Call::new(GET, &json!({ "eid": EID })).expect("valid")).expect("repeated");
    assert_eq!(reply.attempts(), 2);
    let busy = platform(Faults::in_order(["status=429,0".parse::<Fault>().expect("a fault")]));
    let reply = client(&busy).call(&purchase()).expect("repeated");
    assert_eq!((reply.attempts(), busy.counters().orders["T1"]), (2, 1));
}

#[test]
fn call_that_is_not_idempotent_is_not_retried_with_a_corrected_timestamp() {
    let options = Options { clock_offset_seconds: 3600, ..Options::unlimited() };
    let platform = Simulator::start(options).expect("a free port");
    let client = client(&platform);
    let error = client.call(&purchase()).expect_err("stale");
    assert_eq!((error.platform_code(), error.attempts()), (Some("sim.stale-timestamp"), 1));
    assert_eq!(client.call(&purchase()).expect("the clock is known now").attempts(), 1);
}

/// The log lines.
struct Lines(Vec<String>);

impl Observer for Lines {
    fn attempt(&mut self, attempt: &Attempt<'_>) {
        self.0.push(attempt.to_string());
    }
}

#[test]
fn call_log_names_the_path_and_the_card_and_no_parameters() {
    let platform = platform(Faults::default());
    let mut lines = Lines(Vec::new());
    client(&platform).call_observed(&purchase(), &mut lines).expect("accepted");
    let list = Call::new("/api/v3/cloudesim/list", &json!({ "pageNum": 1, "pageSize": 1 })).expect("valid");
    client(&platform).call_observed(&list, &mut lines).expect("accepted");
    assert!(lines.0[0].starts_with(&format!("path={PURCHASE} eid={EID} attempt=1 ")), "{:?}", lines.0);
    assert!(lines.0[1].starts_with("path=/api/v3/cloudesim/list attempt=1 "), "{:?}", lines.0);
    assert!(!lines.0[0].contains("T1"));
}

#[test]
fn call_other_than_a_refresh_has_no_cooldown() {
    let platform = platform(Faults::default());
    let mut config = config(platform.url());
    config.eid_cooldown = std::time::Duration::from_secs(300);
    let client = Client::new(config).expect("valid");
    client.refresh_usage(EID).expect("accepted");
    client.call(&Call::new(GET, &json!({ "eid": EID })).expect("valid")).expect("accepted");
    assert_eq!(client.refresh_usage(EID).expect_err("resting").kind(), ErrorKind::Cooldown);
}
