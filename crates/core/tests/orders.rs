//! The connections of calls that are not idempotent: each has one of its own, made while the call waits for its permit.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::redis::Redis;
use common::tls::{Authority, Flaw, TlsStream, file, serve_tls};
use common::{EID, alone, config, http, in_three_tries, read_request};
use eiot::{Call, Client, Config, Delivered, ErrorKind};
use serde_json::{Value, json};
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Permits at ten calls per second are this far apart.
const INTERVAL: Duration = Duration::from_millis(106);

fn order(number: usize) -> Call {
    let parameters = json!({ "eid": EID, "outTradeNo": format!("T{number}") });
    Call::new("/api/v3/cloudesim/purchase", &parameters).expect("valid")
}

/// A platform that takes orders over TLS.
struct Platform {
    config: Config,
    client: Client,
    /// When which order came.
    orders: Arc<Mutex<Vec<(Instant, String)>>>,
    /// How many connections were made.
    connections: Arc<AtomicUsize>,
}

impl Platform {
    /// A platform that begins each connection, which is counted from 0, with `begin`. Returns whether to serve it.
    fn new(begin: impl Fn(usize, &mut TlsStream) -> bool + Send + Sync + 'static) -> Self {
        let authority = Authority::new();
        let (orders, connections) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
        let (came, count) = (orders.clone(), connections.clone());
        let url = serve_tls(authority.server(Flaw::None, None), move |stream| {
            let number = count.fetch_add(1, Ordering::SeqCst);
            if !begin(number, stream) {
                return;
            }
            while let Some(body) = read_request(stream) {
                let body: Value = serde_json::from_slice(&body).expect("JSON");
                let order = body["outTradeNo"].as_str().expect("an order").to_owned();
                came.lock().unwrap().push((Instant::now(), order.clone()));
                let reply = json!({ "code": "200", "message": order }).to_string();
                let _ = stream.write_all(http("200 OK", "", &reply).as_bytes());
            }
        });
        let mut config = config(&url);
        config.rate_limit = Some(10.0);
        config.ca_file = Some(file(&authority.pem));
        Self { client: Client::new(config.clone()).expect("valid"), config, orders, connections }
    }

    /// Makes this many orders, each of which is made once and succeeds. Returns the time from the first to the last.
    fn take(&self, count: usize) -> Duration {
        let mut batch = self.client.batch(32, Box::new(())).expect("a batch");
        (0..count).for_each(|number| batch.push_call(order(number), number as u64));
        while let Some(outcome) = batch.next() {
            assert_eq!(outcome.result.expect("made").message(), format!("T{}", outcome.tag));
        }
        self.span(count)
    }

    fn span(&self, count: usize) -> Duration {
        let orders = self.orders.lock().unwrap();
        let mut numbers: Vec<_> = orders.iter().map(|(_, order)| order).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!((numbers.len(), orders.len()), (count, count), "each order comes once");
        orders[count - 1].0 - orders[0].0
    }
}

fn handshake_takes(time: Duration) -> impl Fn(usize, &mut TlsStream) -> bool {
    move |_, _| {
        sleep(time);
        true
    }
}

/// Whether this connection of a batch is made ahead and what happens to it happens before its request; all are made ahead but the
/// second, which the first order begins itself.
fn is_early(connection: usize) -> bool {
    connection % 3 == 2
}

fn rest_after_handshake(stream: &mut TlsStream) {
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock).expect("a handshake");
    }
    sleep(Duration::from_millis(20));
}

#[test]
fn order_costs_one_permit_although_its_handshake_takes_longer_than_a_permit_may_be_late() {
    let _alone = alone();
    for handshake in [60, 250] {
        in_three_tries(|| {
            let platform = Platform::new(handshake_takes(Duration::from_millis(handshake)));
            let span = platform.take(20);
            assert!(span < INTERVAL * 21, "{span:?} for 20 orders with handshakes of {handshake} ms");
            // The first ones find none that was made ahead.
            let connections = platform.connections.load(Ordering::SeqCst);
            assert!(connections <= 20 + 4, "{connections}");
        });
    }
}

#[test]
fn orders_make_one_connection_per_attempt_in_an_outage() {
    let _alone = alone();
    in_three_tries(|| {
        let platform = Platform::new(|_, _| {
            sleep(Duration::from_millis(60));
            false
        });
        let mut batch = platform.client.batch(32, Box::new(())).expect("a batch");
        (0..12).for_each(|number| batch.push_call(order(number), number as u64));
        let mut failed = 0;
        while let Some(outcome) = batch.next() {
            assert_eq!(outcome.result.expect_err("an outage").delivered(), Delivered::No);
            failed += 1;
        }
        // On a busy machine a failure may come after the next request.
        let connections = platform.connections.load(Ordering::SeqCst);
        assert!(failed == 12 && connections <= 12 + 3, "{connections} connections");
    });
}

#[test]
fn order_that_need_not_wait_for_its_permit_makes_one_connection() {
    let _alone = alone();
    let Some(redis) = Redis::start(&[]) else { return };
    let mut platform = Platform::new(|_, _| true);
    platform.config.set("rate_scope", &redis.scope()).expect("valid");
    platform.config.rate_wait = false;
    let client = Client::new(platform.config.clone()).expect("valid");
    for number in 0..4 {
        client.call(&order(number)).expect("made");
        let refused = client.call(&order(9)).expect_err("no permit now");
        assert_eq!(refused.kind(), ErrorKind::RateLimited);
        sleep(INTERVAL * 2);
    }
    assert_eq!(platform.connections.load(Ordering::SeqCst), 4);
}

#[test]
fn orders_of_threads_cost_one_permit_each() {
    let _alone = alone();
    in_three_tries(|| {
        let platform = Platform::new(handshake_takes(Duration::from_millis(60)));
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let client = &platform.client;
                scope.spawn(move || {
                    for number in 0..5 {
                        client.call(&order(thread * 5 + number)).expect("made");
                    }
                });
            }
        });
        let span = platform.span(20);
        assert!(span < INTERVAL * 22, "{span:?}");
    });
}

#[test]
fn order_is_not_lost_to_a_connection_that_closed_while_it_waited_for_its_permit() {
    let _alone = alone();
    let platform = Platform::new(|number, stream| {
        if !is_early(number) {
            return true;
        }
        rest_after_handshake(stream);
        false
    });
    platform.take(12);
}

#[test]
fn order_never_takes_what_came_before_it_for_its_reply() {
    let _alone = alone();
    let platform = Platform::new(|number, stream| {
        if is_early(number) {
            rest_after_handshake(stream);
            let reply = json!({ "code": "200", "message": "before anybody asked" }).to_string();
            stream.write_all(http("200 OK", "", &reply).as_bytes()).expect("sent");
        }
        true
    });
    platform.take(12);
}
