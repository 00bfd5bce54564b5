//! Malformed, oversized, slow and missing replies: a typed error, in time, that says whether the platform may have
//! acted.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::tls::{Authority, Flaw, file, serve_tls};
use common::{EID, answer, config, http, read_request, serve};
use eiot::{Client, Config, Delivered, Error, ErrorKind, Observer};
use std::io::Write;
use std::net::TcpListener;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

const SUCCESS: &str = r#"{"code":"200","message":"success"}"#;

fn failure(url: &str) -> Error {
    Client::new(config(url)).expect("valid").refresh_usage(EID).expect_err("not a success")
}

#[test]
fn redirect_is_not_followed() {
    let elsewhere = answer(http("200 OK", "", SUCCESS));
    for status in ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let odd = [
            "http://[",
            "\u{1}",
            "mailto:x@example",
            "",
            "http://256.1.1.1/",
            "http://x:99999/",
            "http://a%b/",
        ];
        for to in [elsewhere.as_str(), "/elsewhere"].into_iter().chain(odd) {
            let error = failure(&answer(http(status, &format!("Location: {to}\r\n"), "")));
            assert_eq!(error.kind(), ErrorKind::Protocol, "{status} to {to:?}: {error}");
            let is_http = to != "\u{1}";
            let delivered = if is_http { Delivered::Yes } else { Delivered::Unknown };
            assert_eq!(error.delivered(), delivered, "{status} to {to:?}: {error}");
        }
    }
}

#[test]
fn reply_of_64_kib_is_read_and_one_byte_more_is_rejected() {
    let padded = |size: usize| {
        let frame = r#"{"code":"200","message":""}"#;
        frame.replace(r#""""#, &format!("\"{}\"", "x".repeat(size - frame.len())))
    };
    let most = 64 * 1024;
    let url = answer(http("200 OK", "", &padded(most)));
    assert!(Client::new(config(&url)).expect("valid").refresh_usage(EID).is_ok());
    let error = failure(&answer(http("200 OK", "", &padded(most + 1))));
    assert_eq!((error.kind(), error.delivered()), (ErrorKind::Protocol, Delivered::Yes), "{error}");
    assert_eq!((error.attempts(), error.eid()), (1, Some(EID)));
}

#[test]
fn reply_that_never_ends_is_rejected() {
    let url = serve(|mut connection| {
        read_request(&mut connection);
        let _ = connection.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        while connection.write_all(b"8\r\naaaaaaaa\r\n").is_ok() {}
    });
    assert_eq!(failure(&url).kind(), ErrorKind::Protocol);
}

#[test]
fn reply_that_is_compressed_is_not_decompressed() {
    let error = failure(&answer(http("200 OK", "Content-Encoding: gzip\r\n", "\u{1f}garbage")));
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
}

#[test]
fn reply_with_malformed_chunks_is_a_protocol_error_once() {
    for chunk in ["zz\r\nx\r\n", "5 5\r\nhello\r\n", "1\r\nxx", "fffffffffffffffff\r\nx"] {
        let url = serve(move |mut connection| {
            if read_request(&mut connection).is_some() {
                let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
                let _ = connection.write_all(format!("{head}{chunk}").as_bytes());
                let _ = read_request(&mut connection);
            }
        });
        let mut config = config(&url);
        config.max_attempts = 3;
        let error = Client::new(config).expect("valid").refresh_usage(EID).expect_err("no chunks");
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Protocol, 1), "{chunk:?}: {error}");
        assert_eq!(error.delivered(), Delivered::Yes, "its head has come: {error}");
    }
}

#[test]
fn reply_not_modified_is_not_a_redirect() {
    let error = failure(&answer("HTTP/1.1 304 Not Modified\r\n\r\n"));
    assert_eq!((error.kind(), error.http_status()), (ErrorKind::Protocol, Some(304)), "{error}");
    assert!(!error.to_string().contains("redirect"), "{error}");
}

const INTERIM: &str = "HTTP/1.1 102 Processing\r\n\r\n";

#[test]
fn reply_flood_of_interim_responses_does_not_outlast_the_deadline() {
    let authority = Authority::new();
    let url = serve_tls(authority.server(Flaw::None, None), move |stream| {
        read_request(stream);
        // Encrypted in advance, so that the server is faster than its client.
        stream.conn.set_buffer_limit(None);
        stream.conn.writer().write_all(INTERIM.repeat(500_000).as_bytes()).expect("buffered");
        while stream.conn.wants_write() && stream.conn.write_tls(&mut stream.sock).is_ok() {}
    });
    let mut config = config(&url);
    config.ca_file = Some(file(&authority.pem));
    // A debug build takes time to process a large read.
    let at_most = if cfg!(debug_assertions) { 5_000 } else { 500 };
    flooded(timed_call(config, Duration::from_millis(300), Duration::from_secs(5)), at_most);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "a debug build takes seconds to look at what it reads at once")]
fn a_flood_of_interim_replies_over_plain_http_outlasts_the_deadline_by_one_look_at_most() {
    let url = serve(move |mut connection| {
        read_request(&mut connection);
        let flood = INTERIM.repeat(20_000);
        while connection.write_all(flood.as_bytes()).is_ok() {}
    });
    flooded(timed(&url, Duration::from_millis(300), Duration::from_secs(5)), 1_300);
}

fn flooded((error, took): (Error, Duration), at_most: u128) {
    assert_eq!((error.kind(), error.delivered()), (ErrorKind::Timeout, Delivered::Unknown), "{error}");
    assert!(took.as_millis() < at_most, "{took:?}");
}

#[test]
fn peer_that_does_not_speak_http_is_a_protocol_error() {
    let error = failure(&answer("220 mail.example ESMTP\r\n"));
    assert_eq!((error.kind(), error.delivered()), (ErrorKind::Protocol, Delivered::Unknown), "{error}");
}

#[test]
fn connection_that_is_lost_leaves_the_outcome_unknown() {
    let cut = [
        &b""[..],
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 34\r\n\r\n{\"code\":",
    ];
    for start in cut {
        let url = serve(move |mut connection| {
            read_request(&mut connection);
            let _ = connection.write_all(start);
        });
        let error = failure(&url);
        assert_eq!(
            (error.kind(), error.delivered()),
            (ErrorKind::ConnectionLost, Delivered::Unknown),
            "{error}"
        );
        assert_eq!((error.attempts(), error.eid()), (1, Some(EID)));
    }
}

#[test]
fn peer_that_accepts_and_closes_is_a_lost_connection() {
    let error = failure(&serve(drop));
    assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error}");
}

#[test]
fn retry_after_is_passed_on() {
    let error = failure(&answer(http("429 Too Many Requests", "Retry-After: 7\r\n", "")));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    assert!(error.to_string().contains("wait 7 s"), "{error}");
    assert!(error.to_string().contains("wait 7 s"), "{error}");
    let error = failure(&answer(http("429 Too Many Requests", "Retry-After: 0\r\n", "")));
    assert_eq!(error.retry_after(), Some(Duration::ZERO));
    assert!(!error.to_string().contains("wait"), "{error}");
    let error = failure(&answer(http("503 Service Unavailable", "Retry-After: soon\r\n", "")));
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Http, None));
}

/// Real time, because real sockets must time out.
fn timed(url: &str, timeout: Duration, connect_timeout: Duration) -> (Error, Duration) {
    timed_call(config(url), timeout, connect_timeout)
}

fn timed_call(mut config: Config, timeout: Duration, connect_timeout: Duration) -> (Error, Duration) {
    (config.timeout, config.connect_timeout) = (timeout, connect_timeout);
    let client = Client::new(config).expect("valid");
    let started = Instant::now();
    let error = client.refresh_usage(EID).expect_err("no answer");
    (error, started.elapsed())
}

#[test]
fn peer_that_never_answers_times_out_at_the_deadline() {
    let url = serve(|mut connection| while read_request(&mut connection).is_some() {});
    let (error, took) = timed(&url, Duration::from_millis(300), Duration::from_secs(5));
    assert_eq!((error.kind(), error.delivered()), (ErrorKind::Timeout, Delivered::Unknown), "{error}");
    assert!((300..2_000).contains(&took.as_millis()), "{took:?}");
}

#[test]
fn reply_that_drips_times_out_at_the_deadline() {
    let url = serve(|mut connection| {
        read_request(&mut connection);
        for byte in http("200 OK", "", SUCCESS).bytes() {
            std::thread::sleep(Duration::from_millis(50));
            if connection.write_all(&[byte]).is_err() {
                return;
            }
        }
    });
    let (error, took) = timed(&url, Duration::from_millis(300), Duration::from_secs(5));
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    // The whole reply takes more than three seconds, and each byte arrives within 300 ms of the last.
    assert!((300..2_000).contains(&took.as_millis()), "{took:?}");
}

#[test]
fn handshake_that_stalls_ends_after_connect_timeout_and_nothing_was_sent() {
    // The system completes the connection, but it is never accepted, so the TLS handshake gets no answer.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("https://{}", listener.local_addr().expect("an address"));
    let (error, took) = timed(&url, Duration::from_secs(5), Duration::from_millis(300));
    assert_eq!((error.kind(), error.delivered()), (ErrorKind::Timeout, Delivered::No), "{error}");
    assert!(error.to_string().contains("connect_timeout"), "{error}");
    assert!((300..2_500).contains(&took.as_millis()), "{took:?}");
}

/// An address that drops packets: the listen queue is full.
fn black_hole() -> (String, Vec<socket2::Socket>) {
    use socket2::{Domain, Socket, Type};
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    listener.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("bound");
    listener.listen(0).expect("listening");
    let address = listener.local_addr().expect("an address");
    let mut sockets = vec![listener];
    for _ in 0..4 {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.set_nonblocking(true).expect("set");
        let _ = socket.connect(&address);
        sockets.push(socket);
    }
    (format!("http://{}", address.as_socket().expect("an address")), sockets)
}

#[test]
fn connect_timeout_is_named_if_packets_are_dropped() {
    let (url, _sockets) = black_hole();
    let mut config = config(&url);
    config.connect_timeout = Duration::from_millis(50);
    let client = Client::new(config).expect("valid");
    for _ in 0..20 {
        let error = client.refresh_usage(EID).expect_err("no answer");
        assert_eq!((error.kind(), error.delivered()), (ErrorKind::Timeout, Delivered::No), "{error}");
        assert!(
            error.to_string().contains("connect_timeout") && error.to_string().contains("50ms"),
            "{error}"
        );
    }
}

#[test]
fn source_address_is_used_for_connections() {
    let (told, seen) = std::sync::mpsc::channel();
    let url = serve(move |mut connection| {
        let _ = told.send(connection.peer_addr().expect("an address").ip());
        read_request(&mut connection);
        let _ = connection.write_all(http("200 OK", "", SUCCESS).as_bytes());
    });
    let mut config = config(&url);
    // All of 127.0.0.0/8 is this machine.
    config.source_address = Some([127, 0, 0, 42].into());
    Client::new(config.clone()).expect("valid").refresh_usage(EID).expect("refreshed");
    assert_eq!(seen.recv().expect("a connection"), std::net::IpAddr::from([127, 0, 0, 42]));

    // TEST-NET-1, which no machine has.
    config.source_address = Some([192, 0, 2, 1].into());
    let error =
        Client::new(config).expect("valid").refresh_usage(EID).expect_err("not an address of this machine");
    assert_eq!((error.kind(), error.delivered()), (ErrorKind::Connect, Delivered::No), "{error}");
    assert!(error.to_string().contains("source_address"), "{error}");
}

#[test]
fn peer_that_does_not_speak_tls_is_a_tls_error() {
    let url = serve(|mut connection| {
        let _ = connection.write_all(http("400 Bad Request", "", "").as_bytes());
        read_request(&mut connection);
    });
    let error = failure(&url.replace("http://", "https://"));
    assert_eq!((error.kind(), error.delivered()), (ErrorKind::Tls, Delivered::No), "{error}");
}

#[test]
fn cancellation_takes_effect_within_100_ms() {
    let url = serve(|mut connection| while read_request(&mut connection).is_some() {});
    let client = Client::new(config(&url)).expect("valid");
    /// Cancels after being asked this many times.
    struct Asked(u32);
    impl Observer for Asked {
        fn keep_going(&mut self) -> ControlFlow<()> {
            self.0 -= 1;
            if self.0 == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    }
    // It is asked before the call, and then every 50 ms. The fastest of ten, because the machine may be busy during the
    // others.
    let quickest = (0..10)
        .map(|_| {
            let started = Instant::now();
            let error = client.refresh_usage_observed(EID, &mut Asked(3)).expect_err("stopped");
            assert_eq!(
                (error.kind(), error.delivered()),
                (ErrorKind::Cancelled, Delivered::Unknown),
                "{error}"
            );
            started.elapsed().as_millis()
        })
        .min();
    assert!(quickest.is_some_and(|took| (100..200).contains(&took)), "{quickest:?} ms");

    let error = client.refresh_usage_observed(EID, &mut Asked(1)).expect_err("stopped before it began");
    assert_eq!((error.kind(), error.delivered()), (ErrorKind::Cancelled, Delivered::No), "{error}");
    assert_eq!(error.attempts(), 0);
}

#[test]
fn cancellation_closes_the_connection() {
    let (closed, seen) = std::sync::mpsc::channel();
    let url = serve(move |mut connection| {
        while read_request(&mut connection).is_some() {}
        let _ = closed.send(());
    });
    let (_, _) = timed(&url, Duration::from_millis(100), Duration::from_secs(1));
    seen.recv_timeout(Duration::from_secs(5)).expect("the server sees the end of the connection");
}

#[test]
fn connection_that_was_closed_while_idle_is_not_reused() {
    let url = serve(|mut connection| {
        // Real time, and short: the server keeps the connection for 10 ms after its answer, then closes it.
        connection.set_read_timeout(Some(Duration::from_millis(10))).expect("a timeout");
        while read_request(&mut connection).is_some() {
            let _ = connection.write_all(http("200 OK", "", SUCCESS).as_bytes());
        }
    });
    let client = Client::new(config(&url)).expect("valid");
    let failed = (0..30)
        .filter(|_| {
            std::thread::sleep(Duration::from_millis(25));
            client.refresh_usage(EID).inspect_err(|error| eprintln!("{error}")).is_err()
        })
        .count();
    assert_eq!(failed, 0, "of 30 calls");
}

#[test]
fn call_inside_an_asynchronous_program_works() {
    let url = answer(http("200 OK", "", SUCCESS));
    let client = Client::new(config(&url)).expect("valid");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        assert!(client.refresh_usage(EID).is_ok());
        drop(client);
    });
}
