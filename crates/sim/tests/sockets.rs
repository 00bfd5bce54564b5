//! The simulator over real sockets, without the client.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use eiot_sim::{Options, Simulator};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

fn start(options: Options) -> Simulator {
    Simulator::start(options).expect("a free port")
}

fn connect(simulator: &Simulator) -> TcpStream {
    let address = simulator.url().trim_start_matches("http://");
    let stream = TcpStream::connect(address).expect("the simulator listens");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    stream
}

/// Sends some bytes, and reads until the simulator closes the connection.
fn ask(simulator: &Simulator, text: &str) -> String {
    let mut stream = connect(simulator);
    stream.write_all(text.as_bytes()).expect("sent");
    let mut reply = String::new();
    let _ = stream.read_to_string(&mut reply);
    reply
}

fn post(body: &str) -> String {
    format!(
        "POST /api/v3/cloudesim/refreshUsage HTTP/1.1\r\nContent-Type: application/json\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[test]
fn refusal_is_http_200_with_a_code_or_http_4xx_as_configured() {
    let reply = ask(&start(Options::default()), &post("{}"));
    assert!(reply.starts_with("HTTP/1.1 200 OK\r\nDate: "), "{reply}");
    assert!(reply.ends_with(r#"{"code":"sim.bad-field","message":"appkey is missing"}"#), "{reply}");
    let reply = ask(&start(Options { http_refusals: true, ..Options::default() }), &post("{}"));
    assert!(reply.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{reply}");
}

#[test]
fn simulator_listens_on_the_given_address_and_names_one_that_clients_reach() {
    let every = start(Options { bind: [0, 0, 0, 0].into(), ..Options::default() });
    assert!(every.url().starts_with("http://127.0.0.1:"), "{}", every.url());
    assert!(ask(&every, &post("{}")).contains("sim.bad-field"));
    // All of 127.0.0.0/8 is this machine, on Linux.
    let port = every.url().rsplit(':').next().unwrap().parse::<u16>().unwrap();
    assert_eq!(TcpStream::connect(("127.0.0.2", port)).is_ok(), cfg!(target_os = "linux"));
    let one = start(Options::default());
    let port = one.url().rsplit(':').next().unwrap().parse::<u16>().unwrap();
    assert!(TcpStream::connect(("127.0.0.2", port)).is_err(), "only 127.0.0.1 by default");
}

#[test]
fn health_check_tells_a_simulator_that_answers_from_none() {
    for tls in [false, true] {
        let simulator = start(Options { tls, ..Options::default() });
        let port = simulator.url().rsplit(':').next().unwrap().to_owned();
        let check = || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_eiot-sim"));
            command.args(["--health-check", "--port", &port]).output().expect("it runs")
        };
        assert!(check().status.success(), "{:?}", check());
        drop(simulator);
        let told = String::from_utf8(check().stderr).unwrap();
        assert!(!check().status.success() && told.starts_with("eiot-sim: no answer: "), "{told}");
    }
}

#[test]
fn unknown_path_or_method_is_not_found() {
    let simulator = start(Options::default());
    for line in ["GET /api/v3/cloudesim/refreshUsage", "POST /", "DELETE /api/v3/cloudesim/refreshUsage"] {
        let reply = ask(&simulator, &format!("{line} HTTP/1.1\r\nConnection: close\r\n\r\n"));
        assert!(reply.starts_with("HTTP/1.1 404 Not Found") && reply.contains("sim.no-such-call"), "{reply}");
    }
}

#[test]
fn garbage_is_refused_and_counted_and_the_next_client_is_served() {
    let simulator = start(Options::default());
    assert!(ask(&simulator, "\u{16}\u{3}\u{1} hello\r\n\r\n").starts_with("HTTP/1.1 400"));
    drop(connect(&simulator));
    assert!(ask(&simulator, &post("{}")).contains("sim.bad-field"));
    assert_eq!(simulator.counters().malformed, 1);
}

#[test]
fn connection_that_is_idle_is_closed() {
    // Real time: the timeout is the socket's own.
    let simulator = start(Options { idle_timeout: Some(Duration::from_millis(20)), ..Options::default() });
    let started = Instant::now();
    assert_eq!(connect(&simulator).read(&mut [0]).expect("the end"), 0);
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn date_is_that_of_the_simulators_clock() {
    let simulator = start(Options { clock_offset_seconds: -3600 * 24 * 365 * 30, ..Options::default() });
    let reply = ask(&simulator, &post("{}"));
    let year: u32 = reply.split("Date: ").nth(1).expect("a date")[12..16].parse().expect("a year");
    assert!(year < 2010, "{reply}");
}

#[test]
fn counters_are_available_over_http() {
    let simulator = start(Options::default());
    ask(&simulator, &post("{}"));
    let reply = ask(&simulator, "GET /sim/counters HTTP/1.1\r\nConnection: close\r\n\r\n");
    let (_, body) = reply.split_once("\r\n\r\n").expect("a body");
    let counters: serde_json::Value = serde_json::from_str(body).expect("JSON");
    assert_eq!((&counters["calls"], &counters["refused"]["sim.bad-field"]), (&1.into(), &1.into()));
}

#[test]
fn simulator_closes_its_connections_and_port_when_dropped() {
    let closes = || {
        let simulator = start(Options::default());
        let address = simulator.url().trim_start_matches("http://").to_owned();
        let mut open = connect(&simulator);
        // An answer proves that the connection was accepted.
        open.write_all(b"GET /sim/counters HTTP/1.1\r\n\r\n").expect("sent");
        assert!(open.read(&mut [0; 64]).expect("an answer") > 0);
        drop(simulator);
        let mut rest = Vec::new();
        let _ = open.read_to_end(&mut rest);
        TcpStream::connect(address).is_err()
    };
    // The simulator of another test may have got the port in the meantime.
    assert!((0..3).any(|_| closes()));
}
