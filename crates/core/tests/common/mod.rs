//! A server that answers each request with given bytes, for replies that no real platform would send.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

pub mod tls;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// The owner's example EID.
pub const EID: &str = "11111111111111111111111111";

/// Options for a server on loopback: one attempt, as many calls per second as may be, and a batch that holds nothing back.
pub fn config(url: &str) -> eiot::Config {
    let mut config = eiot::Config::new("demo-appkey", "demo-secret");
    config.base_url = url.to_owned();
    config.max_attempts = 1;
    config.rate_limit = None;
    config.rate_scope = eiot::RateScope::Process;
    config.outage_timeout = std::time::Duration::ZERO;
    config
}

/// Listens, and hands each connection to `serve` on a thread of its own; the threads end with the test.
pub fn serve(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let serve = std::sync::Arc::new(serve);
    thread::spawn(move || {
        for connection in listener.incoming() {
            let serve = serve.clone();
            thread::spawn(move || serve(connection.expect("a connection")));
        }
    });
    url
}

/// Answers every request with `reply`, as often as asked on one connection.
pub fn answer(reply: impl Into<Vec<u8>>) -> String {
    let reply = reply.into();
    serve(move |mut connection| {
        while read_request(&mut connection).is_some() {
            if connection.write_all(&reply).is_err() {
                return;
            }
        }
    })
}

/// An HTTP reply with this status line, these further header lines, and this body.
pub fn http(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n{body}", body.len())
}

/// For promises about time: what a busy machine breaks once or twice, a mistake breaks always.
pub fn best_of_three(check: impl Fn() -> Result<(), String>) {
    let missed: Vec<String> = (0..3).map_while(|_| check().err()).collect();
    assert!(missed.len() < 3, "{missed:?}");
}

/// One request's body; `None` at the end of the connection.
pub fn read_request(connection: &mut impl Read) -> Option<Vec<u8>> {
    let mut data = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some(end) = data.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&data[..end]).to_ascii_lowercase();
            let length: usize = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(0, |length| length.parse().expect("a number"));
            if data.len() >= end + 4 + length {
                return Some(data[end + 4..].to_vec());
            }
        }
        match connection.read(&mut buffer) {
            Ok(0) | Err(_) => return None,
            Ok(count) => data.extend_from_slice(&buffer[..count]),
        }
    }
}
