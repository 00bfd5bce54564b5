//! An unsolicited reply is never taken for the answer of a call.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::tls::{Authority, Flaw, file, serve_tls};
use common::{EID, config, http, read_request, serve};
use eiot::{Call, Client, Delivered, Error, ErrorKind};
use serde_json::{Value, json};
use std::io::Write;
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

fn reply(message: &str) -> String {
    http("200 OK", "", &json!({ "code": "200", "message": message }).to_string())
}

fn purchase(number: usize) -> Call {
    let parameters = json!({ "eid": EID, "outTradeNo": format!("T{number}") });
    Call::new("/api/v3/cloudesim/purchase", &parameters).expect("valid")
}

/// The purchase in a request's body.
fn order(body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).expect("JSON");
    body["outTradeNo"].as_str().expect("a purchase").to_owned()
}

#[test]
fn purchase_never_takes_a_duplicate_reply_for_its_own() {
    // The duplicate may arrive while the next request is already in flight.
    let url = serve(|mut connection| {
        connection.set_nodelay(true).expect("set");
        while let Some(body) = read_request(&mut connection) {
            let answer = reply(&order(&body));
            if connection.write_all(answer.as_bytes()).is_err() {
                return;
            }
            let until = Instant::now() + Duration::from_micros(100);
            while Instant::now() < until {
                std::hint::spin_loop();
            }
            let _ = connection.write_all(answer.as_bytes());
        }
    });
    let client = Client::new(config(&url)).expect("valid");
    for number in 0..100 {
        let reply = client.call(&purchase(number)).expect("placed");
        assert_eq!(reply.message(), format!("T{number}"));
    }
}

#[test]
fn purchase_is_not_lost_to_a_server_that_closes_after_each_reply() {
    let url = serve(|mut connection| {
        if let Some(body) = read_request(&mut connection) {
            let _ = connection.write_all(reply(&order(&body)).as_bytes());
        }
    });
    let client = Client::new(config(&url)).expect("valid");
    let lost: Vec<Error> = (0..60).filter_map(|number| client.call(&purchase(number)).err()).collect();
    assert!(lost.is_empty(), "{} of 60 were lost: {}", lost.len(), lost[0]);
}

#[test]
fn refresh_does_not_use_a_connection_with_an_unsolicited_reply() {
    // Repeats its reply while the connection is idle: for less than a millisecond, and longer.
    for pause in [Duration::from_micros(800), Duration::from_millis(20)] {
        let served = Arc::new(AtomicUsize::new(0));
        let count = served.clone();
        let url = serve(move |mut connection| {
            while read_request(&mut connection).is_some() {
                let number = count.fetch_add(1, Ordering::SeqCst).to_string();
                let _ = connection.write_all(reply(&number).as_bytes());
                let until = Instant::now() + Duration::from_micros(100);
                while Instant::now() < until {
                    std::hint::spin_loop();
                }
                let _ = connection.write_all(reply(&number).as_bytes());
            }
        });
        let client = Client::new(config(&url)).expect("valid");
        for number in 0..20 {
            let reply = client.refresh_usage(EID).expect("refreshed");
            assert_eq!(reply.message(), number.to_string(), "after {pause:?}");
            rest(pause);
        }
    }
}

/// As precisely as a test can.
fn rest(pause: Duration) {
    let until = Instant::now() + pause;
    if pause > Duration::from_millis(5) {
        sleep(pause - Duration::from_millis(5));
    }
    while Instant::now() < until {
        std::thread::yield_now();
    }
}

#[test]
fn reply_before_the_request_is_not_its_answer() {
    let authority = Authority::new();
    let mut server = Arc::unwrap_or_clone(authority.server(Flaw::None, None));
    // Data that is written before the handshake is complete is sent together with it.
    server.send_half_rtt_data = true;
    let url = serve_tls(Arc::new(server), |stream| {
        stream.conn.writer().write_all(reply("before anybody asked").as_bytes()).expect("buffered");
        while read_request(stream).is_some() {}
    });
    let mut config = config(&url);
    config.ca_file = Some(file(&authority.pem));
    config.timeout = Duration::from_secs(2);
    let client = Client::new(config).expect("valid");
    for result in [client.refresh_usage(EID), client.call(&purchase(1))] {
        let error = result.expect_err("no answer");
        assert_eq!(error.delivered(), Delivered::No, "{error}");
        assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error}");
        assert!(
            error.to_string().contains("before anything was sent: received unexpected message"),
            "{error}"
        );
    }
}

#[test]
fn refresh_notices_a_connection_that_closed_less_than_a_millisecond_ago() {
    let url = serve(|mut connection| {
        if read_request(&mut connection).is_some() {
            let _ = connection.write_all(reply("and good-bye").as_bytes());
            let _ = connection.shutdown(Shutdown::Both);
        }
    });
    let client = Client::new(config(&url)).expect("valid");
    let failed: Vec<Error> = (0..60)
        .filter_map(|_| {
            let failed = client.refresh_usage(EID).err();
            rest(Duration::from_micros(800));
            failed
        })
        .collect();
    assert!(failed.len() <= 2, "{} of 60 failed: {}", failed.len(), failed[0]);
}

#[test]
fn batch_notices_after_a_pause_that_its_connections_were_closed() {
    let url = serve(|mut connection| {
        connection.set_read_timeout(Some(Duration::from_millis(50))).expect("a timeout");
        while read_request(&mut connection).is_some() {
            sleep(Duration::from_millis(10));
            let _ = connection.write_all(reply("success").as_bytes());
        }
    });
    let mut config = config(&url);
    config.outage_timeout = Duration::ZERO;
    let mut batch = Client::new(config).expect("valid").batch(8, Box::new(())).expect("valid");
    for round in 0..3 {
        for card in 0..8 {
            batch.push(format!("{round}{card}"));
        }
        while let Some(outcome) = batch.next() {
            outcome.result.unwrap_or_else(|error| panic!("round {round}: {error}"));
        }
        sleep(Duration::from_millis(120));
    }
}
