//! Through a proxy: a tunnel for TLS, with the password that its address holds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{EID, config, http, read_request, serve};
use eiot::{Client, Delivered, ErrorKind};
use eiot_sim::{Options, Simulator};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};

/// Reads up to the end of the head.
fn read_head(connection: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && connection.read(&mut byte).expect("readable") == 1 {
        head.push(byte[0]);
    }
    String::from_utf8(head).expect("ASCII")
}

/// A proxy that lets `user` with `swordfish` through, and nobody else.
fn proxy() -> String {
    serve(|mut client| {
        let head = read_head(&mut client);
        let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
        // "user:swordfish" in base64.
        if !head.starts_with("CONNECT ") || !head.contains("Basic dXNlcjpzd29yZGZpc2g=") {
            let _ = client.write_all(http("407 Proxy Authentication Required", "", "").as_bytes());
            return;
        }
        let mut server = TcpStream::connect(target).expect("the target listens");
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").expect("written");
        let (mut from_client, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        std::thread::spawn(move || {
            let _ = io::copy(&mut from_client, &mut to_server);
            let _ = to_server.shutdown(Shutdown::Write);
        });
        let _ = io::copy(&mut server, &mut client);
    })
}

#[test]
fn a_card_is_refreshed_through_a_proxy_that_asks_for_a_password() {
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
fn plain_http_goes_through_the_proxy_too() {
    let answer = http("200 OK", "", r#"{"code":"200","message":"from the proxy"}"#);
    let proxy = serve(move |mut client| {
        while read_request(&mut client).is_some() {
            client.write_all(answer.as_bytes()).expect("written");
        }
    });
    // Nobody listens there; only the proxy can have answered.
    let mut config = config("http://127.0.0.1:1");
    config.proxy = Some(proxy);
    let reply = Client::new(config).expect("valid").refresh_usage(EID).expect("refreshed");
    assert_eq!(reply.message(), "from the proxy");
}
