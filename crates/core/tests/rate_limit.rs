//! The account's rate, against the simulator, which counts as the platform is said to.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::config;
use eiot::{Client, Config, Observer};
use eiot_sim::{Counters, Fault, Faults, Options, Simulator};
use std::ops::ControlFlow;
use std::str::FromStr;
use std::time::{Duration, Instant};

/// Limit 10 per second and the nonce check on; a card may be refreshed again at once.
fn simulator() -> Simulator {
    Simulator::start(Options { cooldown: None, ..Options::default() }).expect("a free port")
}

/// Options as users have them, but one attempt.
fn limited(platform: &Simulator) -> Config {
    let mut config = config(platform.url());
    config.rate_limit = Some(10.0);
    config
}

/// Refreshes so many cards with each client at once.
fn refresh_at_once(clients: &[Client], each: usize) {
    std::thread::scope(|scope| {
        for (number, client) in clients.iter().enumerate() {
            scope.spawn(move || {
                (0..each).for_each(|card| {
                    drop(client.refresh_usage(format!("{number}{card}")).expect("accepted"))
                });
            });
        }
    });
}

/// Nothing was refused, and no closed second had more calls than the limit.
fn assert_kept(counters: &Counters, calls: u64) {
    assert!(counters.refused.is_empty(), "{:?}", counters.refused);
    assert_eq!((counters.accepted, counters.repeated_nonces), (calls, 0));
    assert!(counters.busiest_second <= 10, "{}", counters.busiest_second);
}

#[test]
fn rate_limit_of_an_account_is_shared_by_all_clients_of_a_process() {
    let platform = simulator();
    let mut clients: Vec<_> = (0..2).map(|_| Client::new(limited(&platform)).expect("valid")).collect();
    let mut other_options = clients[0].config().clone();
    other_options.timeout = Duration::from_secs(60);
    clients.push(clients[0].with_options(other_options).expect("options of a call"));
    clients.push(clients[1].clone());
    let started = Instant::now();
    refresh_at_once(&clients, 10);
    let took = started.elapsed().as_secs_f64();
    assert_kept(&platform.counters(), 40);
    assert!((39.0 / 9.5..39.0 / 9.5 * 1.03 + 0.1).contains(&took), "{took} s");
}

#[test]
fn rate_limit_outlives_the_client() {
    let platform = simulator();
    for card in 0..12 {
        let client = Client::new(limited(&platform)).expect("valid");
        client.refresh_usage(card.to_string()).expect("accepted");
    }
    assert_kept(&platform.counters(), 12);
}

#[test]
fn rate_limit_lets_a_call_beside_a_batch_go_out_within_two_permits() {
    let platform = simulator();
    let client = Client::new(limited(&platform)).expect("valid");
    let mut batch = client.batch(1024, Box::new(())).expect("a batch");
    (0..40).for_each(|card| batch.push(format!("1{card}")));
    std::thread::scope(|scope| {
        let single = scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(500));
            (0..8)
                .map(|card| {
                    let started = Instant::now();
                    client.refresh_usage(format!("2{card}")).expect("accepted");
                    started.elapsed()
                })
                .max()
        });
        while let Some(outcome) = batch.next() {
            outcome.result.expect("accepted");
        }
        let longest = single.join().expect("no panic").expect("calls");
        assert!(longest < Duration::from_millis(2 * 106 + 100), "{longest:?}");
    });
    assert_kept(&platform.counters(), 48);
}

#[test]
fn rate_limit_lets_a_call_beside_a_batch_of_retries_go_out_within_two_permits() {
    let faults = Faults::in_order((0..40).map(|_| Fault::from_str("status=503").expect("a fault")));
    let options = Options { cooldown: None, faults, ..Options::default() };
    let platform = Simulator::start(options).expect("a free port");
    let mut retrying = limited(&platform);
    (retrying.max_attempts, retrying.timeout) = (3, Duration::from_secs(30));
    let client = Client::new(retrying).expect("valid");
    let mut batch = client.batch(1024, Box::new(())).expect("a batch");
    (0..40).for_each(|card| batch.push(format!("1{card}")));
    std::thread::scope(|scope| {
        let single = scope.spawn(|| {
            // When all are under way and wait for their second attempt.
            std::thread::sleep(Duration::from_millis(4_300));
            let started = Instant::now();
            client.refresh_usage("2").expect("accepted");
            started.elapsed()
        });
        while batch.next().is_some() {}
        let took = single.join().expect("no panic");
        assert!(took < Duration::from_millis(2 * 106 + 100), "{took:?}");
    });
    assert!(platform.counters().busiest_second <= 10);
}

struct GiveUpAfter(Instant);

impl Observer for GiveUpAfter {
    fn keep_going(&mut self) -> ControlFlow<()> {
        if Instant::now() < self.0 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}

#[test]
fn rate_limit_gives_the_permit_of_a_cancelled_call_to_the_next() {
    let platform = simulator();
    let mut slow = limited(&platform);
    slow.rate_limit = Some(1.0);
    let client = Client::new(slow).expect("valid");
    client.refresh_usage("1").expect("accepted");
    let started = Instant::now();
    let mut observer = GiveUpAfter(started + Duration::from_millis(200));
    let error = client.refresh_usage_observed("2", &mut observer).expect_err("cancelled");
    assert_eq!(error.kind(), eiot::ErrorKind::Cancelled);
    client.refresh_usage("3").expect("accepted");
    let took = started.elapsed();
    assert!(took < Duration::from_millis(1_300), "{took:?}");
}
