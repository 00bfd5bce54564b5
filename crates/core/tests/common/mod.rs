//! What several tests need; above all a server that answers each request with given bytes, for replies that no real platform would
//! send.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

pub mod distance;
pub mod redis;
pub mod tls;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The owner's example EID.
pub const EID: &str = "11111111111111111111111111";

/// Options for a loopback server: one attempt, no rate limit, and a batch that holds no cards.
pub fn config(url: &str) -> eiot::Config {
    let mut config = eiot::Config::new("demo-appkey", "demo-secret");
    config.base_url = url.to_owned();
    config.max_attempts = 1;
    config.rate_limit = None;
    config.rate_scope = eiot::RateScope::Process;
    config.outage_timeout = Duration::ZERO;
    config
}

/// Listens, and serves each connection on its own thread; the threads end with the test.
pub fn serve(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for connection in listener.incoming() {
            let serve = serve.clone();
            thread::spawn(move || serve(connection.expect("a connection")));
        }
    });
    url
}

/// Answers every request with `reply`, any number of times per connection.
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

/// An HTTP reply with this status line, these additional headers, and this body.
pub fn http(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n{body}", body.len())
}

/// Tests that measure real time run one after another: on a busy machine they would measure each other.
pub fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// For promises about time: a busy machine breaks them once or twice, a bug breaks them always.
pub fn best_of_three(check: impl Fn() -> Result<(), String>) {
    let missed: Vec<String> = (0..3).map_while(|_| check().err()).collect();
    assert!(missed.len() < 3, "{missed:?}");
}

/// Like [`best_of_three`], for a test that panics when it fails.
pub fn in_three_tries(test: impl Fn()) {
    let attempt = || std::panic::catch_unwind(std::panic::AssertUnwindSafe(&test));
    best_of_three(|| attempt().map_err(|_| "see the panic above".to_owned()));
}

/// Stops a process with SIGSTOP, by the shell's own command: a minimal Debian has no kill(1).
pub fn suspend(process: u32) {
    let stop = std::process::Command::new("sh").args(["-c", &format!("kill -STOP {process}")]).status();
    assert!(stop.expect("sh").success());
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

/// Next to a batch of 1,024 cards that were all sent once and now wait for permits to retry: 99 of 100 single calls
/// wait for at most two permits and their answer. `scope` is a value of `rate_scope`.
pub fn single_call_goes_out_within_two_permits_beside_a_full_batch(
    scope: &str,
    rate_dir: Option<&std::path::Path>,
) {
    const CARDS: u64 = 1024;
    const LIMIT: f64 = 200.0;
    let busy = || "status=503".parse::<eiot_sim::Fault>().expect("a fault");
    let faults = eiot_sim::Faults::in_order((0..CARDS).map(|_| busy()));
    let options =
        eiot_sim::Options { cooldown: None, rate_limit: None, faults, ..eiot_sim::Options::default() };
    let platform = eiot_sim::Simulator::start(options).expect("a free port");
    let mut config = config(platform.url());
    config.set("rate_scope", scope).expect("valid");
    (config.rate_limit, config.rate_dir) = (Some(LIMIT), rate_dir.map(Into::into));
    (config.max_attempts, config.timeout) = (3, Duration::from_secs(120));
    let client = eiot::Client::new(config).expect("valid");
    let mut batch = client.batch(1024, Box::new(())).expect("a batch");
    let stop = Arc::new(AtomicBool::new(false));
    batch.stop_when(stop.clone());
    let mut waits: Vec<Duration> = thread::scope(|scope| {
        let singles = scope.spawn(|| {
            while platform.counters().calls < CARDS {
                thread::sleep(Duration::from_millis(10));
            }
            let call = |card| {
                let started = Instant::now();
                client.refresh_usage(format!("2{card}")).expect("accepted");
                started.elapsed()
            };
            let waits = (0..200).map(call).collect();
            stop.store(true, Ordering::Relaxed);
            waits
        });
        let mut cards = 0..;
        loop {
            while batch.has_room() && !stop.load(Ordering::Relaxed) {
                batch.push(format!("1{}", cards.next().expect("endless")));
            }
            if batch.next().is_none() && stop.load(Ordering::Relaxed) {
                break;
            }
        }
        singles.join().expect("no panic")
    });
    waits.sort_unstable();
    let (median, p99) = (waits[100], waits[197]);
    println!("{scope}: half within {median:?}, 99 of 100 within {p99:?}, all within {:?}", waits[199]);
    // The cards of the batch wait for 1,024 permits: 5 s.
    let two_permits = Duration::from_secs_f64(2.0 / (LIMIT * 0.95));
    assert!(p99 < two_permits + Duration::from_millis(150), "{p99:?}");
}
