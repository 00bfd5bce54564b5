//! Calls against the simulator, which has independent checks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{EID, best_of_three, config};
use eiot::{Client, Clock, Delivered, Random, SystemClock, SystemRandom};
use eiot_sim::{Options, Simulator};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

fn simulator(options: Options) -> Simulator {
    Simulator::start(options).expect("a free port")
}

#[test]
fn refresh_works_over_http_and_tls() {
    for tls in [false, true] {
        let platform = simulator(Options { tls, ..Options::default() });
        let mut config = config(platform.url());
        let ca_file = std::env::temp_dir().join(format!("eiot-core-test-{}.pem", std::process::id()));
        if let Some(pem) = platform.ca_pem() {
            std::fs::write(&ca_file, pem).expect("a file");
            config.ca_file = Some(ca_file.clone());
        }
        let reply = Client::new(config).expect("valid").refresh_usage(EID).expect("refreshed");
        assert_eq!((reply.eid(), reply.attempts(), reply.delivered()), (EID, 1, Delivered::Yes));
        let _ = std::fs::remove_file(ca_file);
    }
}

#[test]
fn connection_is_reused_by_sequential_calls() {
    let platform = simulator(Options::unlimited());
    let client = Client::new(config(platform.url())).expect("valid");
    for _ in 0..20 {
        client.refresh_usage(EID).expect("refreshed");
    }
    let counters = platform.counters();
    assert_eq!((counters.accepted, counters.connections), (20, 1));
}

struct Same(u64);

impl Random for Same {
    fn next_u64(&self) -> u64 {
        self.0
    }
}

#[test]
fn nonces_are_shared_by_the_clients_of_an_account_whatever_their_seeds() {
    let platform = simulator(Options { cooldown: None, ..Options::default() });
    for random in [7, 7, 8].map(|seed| Arc::new(Same(seed)) as Arc<dyn Random>) {
        let client =
            Client::with_clock_and_rng(config(platform.url()), Arc::new(SystemClock), random).expect("valid");
        client.refresh_usage(EID).expect("another nonce");
    }
    let counters = platform.counters();
    assert_eq!((counters.accepted, counters.repeated_nonces), (3, 0));
}

fn with_clock(config: eiot::Config, clock: Arc<dyn Clock>) -> Client {
    Client::with_clock_and_rng(config, clock, Arc::new(SystemRandom)).expect("valid")
}

struct Off(i64);

impl Clock for Off {
    fn now(&self) -> SystemTime {
        let by = Duration::from_secs(self.0.unsigned_abs());
        if self.0 < 0 { SystemTime::now() - by } else { SystemTime::now() + by }
    }
}

#[test]
fn clock_that_is_an_hour_off_is_rejected_without_correction() {
    let platform = simulator(Options::default());
    for seconds in [-3600, 3600] {
        let mut config = config(platform.url());
        (config.clock_skew, config.max_attempts) = (false, 3);
        let client = with_clock(config, Arc::new(Off(seconds)));
        let error = client.refresh_usage(EID).expect_err("stale");
        assert_eq!(error.platform_code(), Some("sim.stale-timestamp"), "{error}");
    }
}

#[test]
fn client_is_shared_by_many_threads() {
    let platform = simulator(Options::unlimited());
    let client = Client::new(config(platform.url())).expect("valid");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..100).for_each(|_| drop(client.refresh_usage(EID).expect("refreshed"))));
        }
    });
    let counters = platform.counters();
    assert_eq!((counters.accepted, counters.repeated_nonces), (800, 0));
    assert!(counters.connections <= 8, "{} connections", counters.connections);
}

#[test]
fn secret_and_signature_appear_in_no_output() {
    let platform = simulator(Options::default());
    let mut config = config(platform.url());
    config.secret = "canary-5f2a".into();
    let client = Client::new(config.clone()).expect("valid");
    let error = client.refresh_usage(EID).expect_err("a wrong secret");
    let seen = format!("{config:?} {client:?} {error} {error:?}");
    assert!(!seen.contains("canary-5f2a"), "{seen}");
    let hex = |word: &str| word.len() >= 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    assert!(!seen.split(|c: char| !c.is_ascii_alphanumeric()).any(hex), "{seen}");
}

/// A clock that can be set.
struct Settable(std::sync::atomic::AtomicI64);

impl Clock for Settable {
    fn now(&self) -> SystemTime {
        Off(self.0.load(std::sync::atomic::Ordering::SeqCst)).now()
    }
}

#[test]
fn clock_that_is_an_hour_off_is_corrected_and_recovers_when_it_is_set() {
    for seconds in [-3600, 3600] {
        let platform = simulator(Options::unlimited());
        let clock = Arc::new(Settable(seconds.into()));
        let mut config = config(platform.url());
        config.max_attempts = 3;
        let client = with_clock(config, clock.clone());
        let attempts = || client.refresh_usage(EID).expect("refreshed").attempts();
        assert_eq!(attempts(), 2, "refused once, corrected, accepted");
        assert_eq!(attempts(), 1, "the correction stays");
        clock.0.store(0, std::sync::atomic::Ordering::SeqCst);
        assert_eq!(attempts(), 2, "the clock was set right: refused once, corrected back");
        assert_eq!(attempts(), 1);
        assert_eq!(platform.counters().refused["sim.stale-timestamp"], 2);
    }
}

#[test]
fn clock_skew_causes_one_retry_with_a_wrong_secret() {
    let platform = simulator(Options { clock_offset_seconds: 3600, ..Options::unlimited() });
    let mut config = config(platform.url());
    (config.max_attempts, config.secret) = (9, "wrong".into());
    let client = Client::new(config).expect("valid");
    assert_eq!(client.refresh_usage(EID).expect_err("refused").attempts(), 2, "re-signed once");
    assert_eq!(client.refresh_usage(EID).expect_err("refused").attempts(), 1, "and then no more");
}

#[test]
fn rate_limit_is_kept_and_used_by_many_threads() {
    // Real time, two seconds: at 50 calls per second, as the platform counts them.
    best_of_three(|| {
        let platform = simulator(Options { rate_limit: Some(50), cooldown: None, ..Options::default() });
        let mut config = config(platform.url());
        config.rate_limit = Some(50.0);
        let client = Client::new(config).expect("valid");
        let started = std::time::Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..12).for_each(|_| drop(client.refresh_usage(EID))));
            }
        });
        let (took, counters) = (started.elapsed().as_secs_f64(), platform.counters());
        // The spacing allows 47.5 per second. A machine that is briefly busy does not affect the best second.
        let is_used_and_kept = (46..=50).contains(&counters.busiest_second) && took >= 95.0 / 47.5;
        if counters.accepted == 96 && is_used_and_kept {
            Ok(())
        } else {
            Err(format!("{took} s: {counters:?}"))
        }
    });
}
