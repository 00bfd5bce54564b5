//! A server that closes connections at random, called by many threads.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{EID, config, http, read_request, serve};
use eiot::{Call, Client, Delivered};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const THREADS: usize = 32;
const CALLS: usize = 175;

/// Pseudorandom numbers, the same in each run.
struct Dice(AtomicU64);

impl Dice {
    /// True with a probability in percent.
    fn percent(&self, chance: u64) -> bool {
        let next = |state: u64| Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
        let state = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).unwrap();
        (state >> 33) % 100 < chance
    }
}

#[test]
fn server_that_closes_at_random_fails_no_refresh_and_sees_no_purchase_twice() {
    let orders: Arc<Mutex<HashMap<String, usize>>> = Arc::default();
    let (seen, dice) = (orders.clone(), Dice(AtomicU64::new(1)));
    let url = serve(move |mut connection| {
        if dice.percent(3) {
            return;
        }
        while let Some(body) = read_request(&mut connection) {
            let body: Value = serde_json::from_slice(&body).expect("JSON");
            let order = body["outTradeNo"].as_str().unwrap_or("refreshed").to_owned();
            *seen.lock().unwrap().entry(order.clone()).or_default() += 1;
            if dice.percent(3) {
                return;
            }
            let reply = http("200 OK", "", &json!({ "code": "200", "message": order }).to_string());
            if connection.write_all(reply.as_bytes()).is_err() || dice.percent(15) {
                return;
            }
            if dice.percent(15) {
                std::thread::sleep(Duration::from_millis(1));
                return;
            }
        }
    });
    let mut config = config(&url);
    (config.max_attempts, config.timeout) = (20, Duration::from_secs(60));
    let client = Client::new(config).expect("valid");
    let unknown = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (client, orders, unknown) = (&client, &orders, &unknown);
            scope.spawn(move || {
                for number in 0..CALLS {
                    if number % 2 == 0 {
                        let reply = client.refresh_usage(EID).expect("refreshed");
                        assert_eq!(reply.message(), "refreshed");
                        continue;
                    }
                    let order = format!("{thread}-{number}");
                    let parameters = json!({ "eid": EID, "outTradeNo": order });
                    let call = Call::new("/api/v3/cloudesim/purchase", &parameters).expect("valid");
                    let result = client.call(&call);
                    let seen = orders.lock().unwrap().get(&order).copied().unwrap_or_default();
                    match result {
                        Ok(reply) => assert_eq!((reply.message(), seen), (order.as_str(), 1)),
                        Err(error) if error.delivered() == Delivered::Unknown => {
                            assert!(seen <= 1, "{order} was seen {seen} times");
                            unknown.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(error) => panic!("{order}: {error:?}"),
                    }
                }
            });
        }
    });
    // Replies that the server withheld, and connections that it closed.
    let unknown = unknown.into_inner();
    assert!((1..400).contains(&unknown), "{unknown}");
}
