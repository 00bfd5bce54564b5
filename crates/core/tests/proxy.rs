//! Proxies: a tunnel for TLS, authentication, and the error if there is no connection.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::tls::{Authority, Flaw, TlsStream, file, serve_tls};
use common::{EID, config, http, read_request, serve};
use eiot::{Client, Delivered, Error, ErrorKind};
use eiot_sim::{Options, Simulator};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Reads up to the end of the head.
fn read_head(connection: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && connection.read(&mut byte).expect("readable") == 1 {
        head.push(byte[0]);
    }
    String::from_utf8(head).expect("ASCII")
}

/// A proxy that accepts only `user` with `swordfish`.
fn proxy() -> String {
    serve(|mut client| {
        let head = read_head(&mut client);
        let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
        // "user:swordfish" in base64.
        if !head.starts_with("CONNECT ") || !head.contains("Basic dXNlcjpzd29yZGZpc2g=") {
            let _ = client.write_all(http("407 Proxy Authentication Required", "", "").as_bytes());
            return;
        }
        let server = TcpStream::connect(target).expect("the target listens");
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").expect("written");
        pass_on(client, server);
    })
}

/// Forwards bytes in both directions until both have ended.
fn pass_on(mut client: TcpStream, mut server: TcpStream) {
    let (mut from_client, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    std::thread::spawn(move || {
        let _ = io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    });
    let _ = io::copy(&mut server, &mut client);
}

/// A TLS server that answers each call, and the CA to trust.
fn platform(answer: &'static str, clients: Option<&Authority>) -> (String, Authority) {
    let authority = Authority::new();
    let url = serve_tls(authority.server(Flaw::None, clients), move |stream: &mut TlsStream| {
        while read_request(stream).is_some() {
            let _ = stream.write_all(http("200 OK", "", answer).as_bytes());
        }
    });
    (url, authority)
}

/// A proxy that answers every request with this, and a counter of requests.
fn refusing(answer: String) -> (String, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let url = serve(move |mut client| {
        while read_request(&mut client).is_some() {
            count.fetch_add(1, Ordering::SeqCst);
            let _ = client.write_all(answer.as_bytes());
        }
    });
    (url, asked)
}

fn failure(base_url: &str, proxy: &str) -> Error {
    let mut config = config(base_url);
    (config.proxy, config.max_attempts) = (Some(proxy.to_owned()), 3);
    Client::new(config).expect("valid").refresh_usage(EID).expect_err("refused by the proxy")
}

#[test]
fn proxy_that_does_not_connect_is_reported_with_its_name_and_status() {
    for (answer, attempts, advice) in [
        ("403 Forbidden", 1, "allows"),
        ("302 Found", 1, "login"),
        ("502 Bad Gateway", 3, "cannot reach"),
        ("504 Gateway Timeout", 3, "cannot reach"),
    ] {
        let (proxy, _) = refusing(http(answer, "", "<html>sorry</html>"));
        let error = failure("https://oapi.example", &proxy.replace("http://", "http://user:swordfish@"));
        let status: u16 = answer[..3].parse().unwrap();
        assert_eq!(
            (error.kind(), error.delivered(), error.http_status(), error.attempts()),
            (ErrorKind::Connect, Delivered::No, Some(status), attempts),
            "{error}"
        );
        let text = error.to_string();
        for part in [proxy.as_str(), "oapi.example", &answer[..3], advice] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("swordfish"), "{text}");
    }
}

#[test]
fn proxy_that_requires_a_password_is_asked_once() {
    // Directories lock accounts after repeated attempts with a wrong password.
    for base_url in ["https://oapi.example", "http://127.0.0.1:1"] {
        let (proxy, asked) = refusing(http("407 Proxy Authentication Required", "", ""));
        let error = failure(base_url, &proxy);
        assert_eq!(
            (error.kind(), error.delivered(), error.http_status(), error.attempts()),
            (ErrorKind::Connect, Delivered::No, Some(407), 1),
            "{error}"
        );
        assert!(error.to_string().contains(&proxy) && error.to_string().contains("password"), "{error}");
        assert_eq!(asked.load(Ordering::SeqCst), 1, "{base_url}");
    }
}

#[test]
fn proxy_may_answer_over_plain_http_itself() {
    for answer in ["302 Found", "403 Forbidden", "502 Bad Gateway"] {
        let (proxy, _) = refusing(http(answer, "", "<html>sorry</html>"));
        let error = failure("http://127.0.0.1:1", &proxy);
        assert_eq!(error.delivered(), Delivered::Unknown, "{error}");
        assert!(error.to_string().contains(&format!("response of the proxy {proxy}")), "{error}");
    }
    let (proxy, _) = refusing(http("403 Forbidden", "", r#"{"code":"403","message":"no rights"}"#));
    let error = failure("http://127.0.0.1:1", &proxy);
    assert_eq!((error.kind(), error.delivered()), (ErrorKind::Auth, Delivered::Yes), "{error}");
    assert!(!error.to_string().contains("proxy"), "{error}");
}

#[test]
fn proxy_that_requires_a_password_stops_a_batch_at_once() {
    let (proxy, asked) = refusing(http("407 Proxy Authentication Required", "", ""));
    let mut config = config("https://oapi.example");
    config.proxy = Some(proxy);
    let mut batch = Client::new(config).expect("valid").batch(2, Box::new(())).expect("valid");
    (0..100).for_each(|card| batch.push(format!("{card}")));
    let outcomes: Vec<_> = std::iter::from_fn(|| batch.next()).collect();
    assert!(asked.load(Ordering::SeqCst) <= 2, "{asked:?}");
    assert_eq!(outcomes.len(), 100);
    for outcome in outcomes {
        let error = outcome.result.expect_err("not let through");
        assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
        assert!(error.to_string().contains("HTTP 407"), "{error}");
    }
}

#[test]
fn proxy_retry_after_is_reported() {
    let (proxy, _) = refusing(http("503 Service Unavailable", "Retry-After: 200\r\n", ""));
    let error = failure("https://oapi.example", &proxy);
    assert_eq!(
        (error.retry_after(), error.http_status(), error.attempts()),
        (Some(Duration::from_secs(200)), Some(503), 1),
        "{error}"
    );
    assert!(error.to_string().contains("wait 200 s"), "{error}");
}

#[test]
fn proxy_that_is_unreachable_is_named() {
    for base_url in ["https://oapi.example", "http://127.0.0.1:1"] {
        for proxy in ["http://127.0.0.1:9", "socks5://127.0.0.1:9"] {
            let error = failure(base_url, proxy);
            assert_eq!((error.kind(), error.delivered()), (ErrorKind::Connect, Delivered::No), "{error}");
            assert!(error.to_string().contains(&format!("through the proxy {proxy}")), "{error}");
        }
    }
}

fn take(client: &mut TcpStream, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    client.read_exact(&mut bytes).expect("more");
    bytes
}

/// A SOCKS5 proxy for `user` with `swordfish`, and its connect request; it always connects to `target`.
fn socks_proxy(target: String) -> (String, Arc<AtomicUsize>) {
    let by_name = Arc::new(AtomicUsize::new(0));
    let names = by_name.clone();
    let url = serve(move |mut client| {
        let methods = take(&mut client, 2)[1];
        take(&mut client, methods.into());
        client.write_all(&[5, 2]).expect("written");
        let length = take(&mut client, 2)[1];
        let user = take(&mut client, length.into());
        let length = take(&mut client, 1)[0];
        let password = take(&mut client, length.into());
        let granted = user == b"user" && password == b"swordfish";
        client.write_all(&[1, u8::from(!granted)]).expect("written");
        if !granted {
            return;
        }
        if take(&mut client, 4)[3] == 3 {
            names.fetch_add(1, Ordering::SeqCst);
            let length = take(&mut client, 1)[0];
            take(&mut client, length.into());
        } else {
            take(&mut client, 4);
        }
        take(&mut client, 2);
        client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).expect("written");
        pass_on(client, TcpStream::connect(&target).expect("the target listens"));
    });
    (url.replace("http://", ""), by_name)
}

#[test]
fn proxy_with_socks_works_with_local_and_remote_dns() {
    let (url, authority) = platform(r#"{"code":"200","message":"behind socks"}"#, None);
    let target = url.replace("https://", "");
    let (proxy, by_name) = socks_proxy(target.clone());
    let mut config = config(&url);
    config.ca_file = Some(file(&authority.pem));
    config.proxy = Some(format!("socks5://user:swordfish@{proxy}"));
    let reply = Client::new(config.clone()).expect("valid").refresh_usage(EID).expect("refreshed");
    assert_eq!((reply.message(), by_name.load(Ordering::SeqCst)), ("behind socks", 0));

    // Plain http, so that no certificate must have the name, which only the proxy can resolve.
    let plain = common::answer(http("200 OK", "", r#"{"code":"200","message":"by name"}"#));
    let (proxy, by_name) = socks_proxy(plain.replace("http://", ""));
    config.base_url = "http://oapi.invalid".to_owned();
    config.allow_http = true;
    config.proxy = Some(format!("socks5h://user:swordfish@{proxy}"));
    let reply = Client::new(config.clone()).expect("valid").refresh_usage(EID).expect("refreshed");
    assert_eq!((reply.message(), by_name.load(Ordering::SeqCst)), ("by name", 1));

    config.proxy = Some(format!("socks5h://user:guess@{proxy}"));
    let error = Client::new(config).expect("valid").refresh_usage(EID).expect_err("not let through");
    assert_eq!((error.kind(), error.delivered()), (ErrorKind::Connect, Delivered::No), "{error}");
    assert!(!error.to_string().contains("guess"), "{error}");
}

#[test]
fn proxy_with_tls_works() {
    let (url, authority) = platform(r#"{"code":"200","message":"behind tls"}"#, None);
    let target = url.replace("https://", "");
    let proxy_authority = Authority::new();
    let proxy = serve_tls(proxy_authority.server(Flaw::None, None), move |client| {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && client.read(&mut byte).is_ok_and(|count| count == 1) {
            head.push(byte[0]);
        }
        if !head.starts_with(b"CONNECT ") {
            return;
        }
        let mut server = TcpStream::connect(&target).expect("the target listens");
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").expect("written");
        // Each side waits for the other's next message, as in a handshake and a call.
        server.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        client.sock.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let mut buffer = [0; 16 * 1024];
        for _ in 0..200 {
            if let Ok(count) = client.read(&mut buffer) {
                let _ = server.write_all(&buffer[..count]);
            }
            if let Ok(count) = server.read(&mut buffer) {
                let _ = client.write_all(&buffer[..count]);
            }
        }
    });
    let mut config = config(&url);
    config.ca_file = Some(file(format!("{}{}", authority.pem, proxy_authority.pem)));
    config.proxy = Some(proxy.clone());
    let reply = Client::new(config.clone()).expect("valid").refresh_usage(EID).expect("refreshed");
    assert_eq!(reply.message(), "behind tls");

    config.ca_file = Some(file(&authority.pem));
    let error = Client::new(config).expect("valid").refresh_usage(EID).expect_err("the proxy is not trusted");
    assert_eq!((error.kind(), error.delivered()), (ErrorKind::Tls, Delivered::No), "{error}");
    assert!(error.to_string().contains(&format!("TLS with {proxy}")), "{error}");
}

#[test]
fn proxy_with_a_password_works() {
    let platform = Simulator::start(Options { tls: true, ..Options::unlimited() }).expect("a free port");
    let ca_file = std::env::temp_dir().join(format!("eiot-proxy-{}.pem", std::process::id()));
    std::fs::write(&ca_file, platform.ca_pem().expect("TLS")).expect("a file");
    let mut config = config(platform.url());
    config.ca_file = Some(ca_file.clone());
    config.proxy = Some(proxy().replace("http://", "http://user:swordfish@"));
    Client::new(config.clone()).expect("valid").refresh_usage(EID).expect("refreshed");
    assert_eq!(platform.counters().accepted, 1);

    config.proxy = Some(proxy().replace("http://", "http://user:guess@"));
    let error = Client::new(config).expect("valid").refresh_usage(EID).expect_err("not let through");
    assert_eq!((error.kind(), error.delivered()), (ErrorKind::Connect, Delivered::No), "{error}");
    assert!(!error.to_string().contains("guess"), "{error}");
    let _ = std::fs::remove_file(ca_file);
}

#[test]
fn proxy_for_an_ipv6_address_is_rejected_by_client_new() {
    for proxy in ["http://127.0.0.1:1", "https://127.0.0.1:1", "socks5h://127.0.0.1:1"] {
        let mut config = config("https://[::1]:443");
        config.proxy = Some(proxy.to_owned());
        let error = Client::new(config).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(
            error.to_string().starts_with("base_url: ") && error.to_string().contains("host name"),
            "{error}"
        );
    }
    let mut plain = config("http://[::1]:80");
    plain.proxy = Some("http://127.0.0.1:1".to_owned());
    Client::new(plain).expect("valid");
}

#[test]
fn proxy_forwards_plain_http_too() {
    let answer = http("200 OK", "", r#"{"code":"200","message":"from the proxy"}"#);
    let proxy = serve(move |mut client| {
        while read_request(&mut client).is_some() {
            client.write_all(answer.as_bytes()).expect("written");
        }
    });
    // Nothing listens there; only the proxy can have answered.
    let mut config = config("http://127.0.0.1:1");
    config.proxy = Some(proxy);
    let reply = Client::new(config).expect("valid").refresh_usage(EID).expect("refreshed");
    assert_eq!(reply.message(), "from the proxy");
}
