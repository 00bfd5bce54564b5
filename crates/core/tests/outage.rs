//! A batch holds its cards while the platform is unreachable, and stops when it cannot succeed.
#![allow(clippy::expect_used)]

mod common;

use common::{config, http, read_request, serve};
use eiot::{Attempt, Batch, Client, Config, Delivered, ErrorKind, Notice, Observer, Outcome, RateScope};
use eiot_sim::{Fault, Faults, Options, Simulator};
use std::collections::BTreeSet;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

fn eids(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|number| format!("8904401111{number:016}"))
}

/// The default options, except for the rate limit.
fn holding(url: &str) -> Config {
    let mut config = config(url);
    config.max_attempts = Config::default().max_attempts;
    config.outage_timeout = Config::default().outage_timeout;
    config
}

/// Feeds the batch while it has room, and returns all outcomes.
fn all(batch: &mut Batch, eids: impl IntoIterator<Item = String>) -> Vec<Outcome> {
    let mut eids = eids.into_iter();
    let mut outcomes = Vec::new();
    loop {
        while batch.has_room() {
            let Some(eid) = eids.next() else { break };
            batch.push(eid);
        }
        let Some(outcome) = batch.next() else { return outcomes };
        outcomes.push(outcome);
    }
}

fn port_of(simulator: &Simulator) -> u16 {
    simulator.url().rsplit(':').next().expect("a port").parse().expect("a number")
}

/// Records notices.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl Told {
    fn lines(&self) -> Vec<String> {
        self.0.lock().expect("no panic").clone()
    }
}

impl Observer for Told {
    fn notice(&mut self, notice: &Notice<'_>) {
        self.0.lock().expect("no panic").push(notice.to_string());
    }
}

/// Stops the simulator after this many successful attempts, and starts another one later on the same port.
struct Outage {
    simulator: Option<Simulator>,
    options: Options,
    after: usize,
    lasts: Duration,
    successes: usize,
    again: Arc<Mutex<Option<Simulator>>>,
    told: Told,
}

impl Observer for Outage {
    fn attempt(&mut self, attempt: &Attempt<'_>) {
        self.successes += usize::from(attempt.failure.is_none());
        if self.successes < self.after {
            return;
        }
        let Some(simulator) = self.simulator.take() else { return };
        let options = Options { port: port_of(&simulator), ..self.options.clone() };
        drop(simulator);
        let (again, lasts) = (self.again.clone(), self.lasts);
        std::thread::spawn(move || {
            std::thread::sleep(lasts);
            *again.lock().expect("no panic") = Some(Simulator::start(options).expect("started again"));
        });
    }

    fn notice(&mut self, notice: &Notice<'_>) {
        self.told.notice(notice);
    }
}

#[test]
fn outage_in_a_fast_run_loses_no_card() {
    // Real time: the platform is down for 1.2 s, in the middle of 2,000 cards with 64 calls in flight.
    let options = Options { latency: Duration::from_millis(2), ..Options::unlimited() };
    for max_attempts in [1, 3] {
        let simulator = Simulator::start(options.clone()).expect("started");
        let mut config = holding(simulator.url());
        config.max_attempts = max_attempts;
        let client = Client::new(config).expect("valid");
        let (again, told) = (Arc::default(), Told::default());
        let outage = Outage {
            simulator: Some(simulator),
            options: options.clone(),
            after: 700,
            lasts: Duration::from_millis(1200),
            successes: 0,
            again: Arc::clone(&again),
            told: told.clone(),
        };
        let mut batch = client.batch(64, Box::new(outage)).expect("a batch");
        let outcomes = all(&mut batch, eids(2000));
        let failed: Vec<_> = outcomes.iter().filter(|outcome| outcome.result.is_err()).collect();
        assert!(failed.is_empty(), "{failed:?}");
        let refreshed: BTreeSet<_> = outcomes.iter().map(|outcome| outcome.eid.clone()).collect();
        assert_eq!((outcomes.len(), refreshed), (2000, eids(2000).collect()));
        assert_eq!(batch.summary().refreshed, 2000);
        let lines = told.lines();
        assert!(
            lines.first().is_some_and(|line| line.contains("cannot be reached, holding back")),
            "{lines:?}"
        );
        assert!(lines.last().is_some_and(|line| line.contains("can be reached again")), "{lines:?}");
        assert!(lines.len() < 10, "probes are few: {lines:?}");
    }
}

#[test]
fn outage_that_lasts_too_long_ends_the_batch_and_returns_every_card() {
    // Real time: it gives up after 1 s. Nothing listens on the port.
    let simulator = Simulator::start(Options::unlimited()).expect("started");
    let mut config = holding(simulator.url());
    drop(simulator);
    config.outage_timeout = Duration::from_secs(1);
    config.max_attempts = 1;
    let client = Client::new(config).expect("valid");
    let told = Told::default();
    let mut batch = client.batch(8, Box::new(told.clone())).expect("a batch");
    let started = Instant::now();
    let outcomes = all(&mut batch, eids(300));
    // The default would be a quarter of an hour.
    assert!((1.0..10.0).contains(&started.elapsed().as_secs_f64()), "{:?}", started.elapsed());
    let distinct: BTreeSet<_> = outcomes.iter().map(|outcome| outcome.eid.as_str()).collect();
    assert_eq!((outcomes.len(), distinct.len()), (300, 300));
    let (unsent, tried): (Vec<_>, Vec<_>) = outcomes.iter().partition(|outcome| outcome.unsent);
    assert!(tried.len() <= 8 + 2, "those in flight, and two probes: {}", tried.len());
    for outcome in unsent {
        let error = outcome.result.as_ref().expect_err("not sent");
        assert_eq!(
            (error.kind(), error.delivered(), error.attempts()),
            (ErrorKind::Connect, Delivered::No, 0)
        );
        assert!(
            error.to_string().contains("not sent, because the platform could not be reached for 1 s"),
            "{error}"
        );
    }
    assert!(tried.iter().all(|outcome| outcome.result.as_ref().is_err_and(|error| error.attempts() > 0)));
    assert!(batch.stop_reason().expect("it stopped").contains("outage_timeout"));
    assert!(
        told.lines().last().is_some_and(|line| line.starts_with("no more cards are sent")),
        "{:?}",
        told.lines()
    );
}

#[test]
fn outage_of_a_platform_that_never_answered_fails_a_few_cards_at_once() {
    let mut config = holding("http://127.0.0.1:1");
    config.max_attempts = 1;
    let client = Client::new(config).expect("valid");
    let mut batch = client.batch(8, Box::new(())).expect("a batch");
    let started = Instant::now();
    let outcomes = all(&mut batch, eids(4));
    // Holding them would mean waiting for the next probe, and then for `outage_timeout`.
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert!(outcomes.len() == 4 && outcomes.iter().all(|outcome| outcome.result.is_err()));
}

#[test]
fn outage_is_not_assumed_for_a_single_card_that_always_fails() {
    // Real time: each card is answered within 2 ms; one is always answered "try again later".
    let url = serve(|mut connection| {
        while let Some(body) = read_request(&mut connection) {
            std::thread::sleep(Duration::from_millis(2));
            let bad = String::from_utf8_lossy(&body).contains("0000000000000007\"");
            let code = if bad { "500" } else { "200" };
            let body = format!(r#"{{"code":"{code}","message":"m"}}"#);
            let _ = connection.write_all(http("200 OK", "", &body).as_bytes());
        }
    });
    let mut config = holding(&url);
    config.max_attempts = 1;
    let client = Client::new(config).expect("valid");
    let mut batch = client.batch(4, Box::new(())).expect("a batch");
    let started = Instant::now();
    let outcomes = all(&mut batch, eids(500));
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
    let failed: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.result.as_ref().err()).collect();
    assert_eq!((outcomes.len(), failed.len()), (500, 1));
    assert_eq!((failed[0].kind(), failed[0].delivered()), (ErrorKind::Unavailable, Delivered::Yes));
    assert!(failed[0].attempts() > 1, "it had another chance, and all its requests are counted");
}

#[test]
fn outage_preserves_the_delivered_of_earlier_calls() {
    // Real time: the platform receives the first request of each card and closes the connection; then it is gone for
    // good.
    let url = serve(|mut connection| drop(read_request(&mut connection)));
    let mut config = holding(&url);
    config.max_attempts = 1;
    config.outage_timeout = Duration::from_millis(700);
    let client = Client::new(config).expect("valid");
    let mut batch = client.batch(8, Box::new(())).expect("a batch");
    for outcome in all(&mut batch, eids(8)) {
        let error = outcome.result.expect_err("the connection broke");
        assert_eq!(
            (error.kind(), error.delivered()),
            (ErrorKind::ConnectionLost, Delivered::Unknown),
            "{error}"
        );
        assert!(!outcome.unsent);
    }
}

#[test]
fn batch_stops_after_repeated_authentication_failures_and_returns_every_card() {
    for (code, concurrency) in [("502", 8), ("403", 1)] {
        let options = Options { refuse: Some(code.to_owned()), ..Options::unlimited() };
        let simulator = Simulator::start(options).expect("started");
        let client = Client::new(holding(simulator.url())).expect("valid");
        let mut batch = client.batch(concurrency, Box::new(())).expect("a batch");
        let outcomes = all(&mut batch, eids(1000));
        assert_eq!(outcomes.len(), 1000);
        let sent = simulator.counters().calls;
        assert!((20..=20 + concurrency as u64).contains(&sent), "{sent}");
        let unsent: Vec<_> = outcomes.iter().filter(|outcome| outcome.unsent).collect();
        assert_eq!(unsent.len() as u64, 1000 - sent);
        for error in unsent.into_iter().filter_map(|outcome| outcome.result.as_ref().err()) {
            assert_eq!(
                (error.kind(), error.delivered(), error.attempts()),
                (ErrorKind::Auth, Delivered::No, 0)
            );
            assert!(error.to_string().contains(&format!("code {code}")), "{error}");
        }
        // The same client is not stopped: only the batch is.
        assert_eq!(client.refresh_usage("7").expect_err("refused").attempts(), 1);
    }
}

#[test]
fn batch_does_not_stop_if_max_auth_failures_is_off_or_a_call_succeeds() {
    let refused = || Options { refuse: Some("502".to_owned()), ..Options::unlimited() };
    let simulator = Simulator::start(refused()).expect("started");
    let mut config = holding(simulator.url());
    config.max_auth_failures = 0;
    let client = Client::new(config).expect("valid");
    let outcomes = all(&mut client.batch(8, Box::new(())).expect("a batch"), eids(100));
    assert!(outcomes.iter().all(|outcome| !outcome.unsent));
    assert_eq!(simulator.counters().calls, 100);

    let mut plan = vec![Some("refuse=403".parse::<Fault>().expect("a fault")); 15];
    plan.push(None);
    let faults = Faults { plan, repeat: true, ..Faults::default() };
    let simulator = Simulator::start(Options { faults, ..Options::unlimited() }).expect("started");
    let client = Client::new(holding(simulator.url())).expect("valid");
    let outcomes = all(&mut client.batch(1, Box::new(())).expect("a batch"), eids(160));
    assert!(outcomes.iter().all(|outcome| !outcome.unsent));
    assert_eq!(simulator.counters().accepted, 10);
}

#[test]
fn batch_that_is_stopped_sends_nothing_more_and_has_no_room() {
    let simulator = Simulator::start(Options::unlimited()).expect("started");
    let client = Client::new(holding(simulator.url())).expect("valid");
    let mut batch = client.batch(4, Box::new(())).expect("a batch");
    batch.push("1");
    assert!(batch.next().expect("came back").result.is_ok());
    batch.stop();
    assert!(!batch.has_room());
    batch.push("2");
    let outcome = batch.next().expect("came back");
    let error = outcome.result.expect_err("not sent");
    assert_eq!(
        (outcome.unsent, error.kind(), error.delivered()),
        (true, ErrorKind::Cancelled, Delivered::No)
    );
    assert!(batch.next().is_none());
    assert_eq!(simulator.counters().calls, 1);
}

#[test]
fn batch_that_stopped_by_itself_can_still_be_stopped_by_the_caller() {
    let simulator = Simulator::start(Options { refuse: Some("502".to_owned()), ..Options::unlimited() })
        .expect("started");
    let mut config = holding(simulator.url());
    config.max_auth_failures = 2;
    let mut batch = Client::new(config).expect("valid").batch(1, Box::new(())).expect("a batch");
    eids(2).for_each(|eid| batch.push(eid));
    while batch.next().is_some() {}
    assert!(
        batch.stop_reason().is_some() && batch.has_room(),
        "cards that are left come back with the reason"
    );
    batch.stop();
    assert!(!batch.has_room(), "the caller wants no more of them");
    batch.push("7");
    let outcome = batch.next().expect("the card");
    let error = outcome.result.expect_err("not sent");
    assert_eq!((outcome.unsent, error.kind()), (true, ErrorKind::Auth), "the first reason counts: {error}");
}

#[test]
fn batch_that_holds_cards_can_be_stopped() {
    // Real time: 700 ms, within the second before the next probe.
    let client = Client::new(holding("http://127.0.0.1:1")).expect("valid");
    let mut batch = client.batch(8, Box::new(())).expect("a batch");
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    batch.stop_when(stop.clone());
    eids(20).for_each(|eid| batch.push(eid));
    let (begun, flag) = (Instant::now(), stop);
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(1500));
        flag.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    let outcomes: Vec<_> = std::iter::from_fn(|| batch.next()).collect();
    // The hold would last for `outage_timeout`, a quarter of an hour.
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(outcomes.len(), 20);
    for error in outcomes.iter().filter_map(|outcome| outcome.result.as_ref().err()) {
        assert!([ErrorKind::Connect, ErrorKind::Cancelled].contains(&error.kind()), "{error}");
    }
}

#[test]
fn outage_includes_a_page_in_the_platforms_place() {
    // Real time: three probes fail, after 0.5, 1 and 2 s.
    let faults = ["status=503", "html", "status=404"].map(|fault| fault.parse::<Fault>().expect("a fault"));
    let faults = Faults::in_order(faults.into_iter().cycle().take(15));
    let simulator = Simulator::start(Options { faults, ..Options::unlimited() }).expect("started");
    let mut config = holding(simulator.url());
    config.max_attempts = 1;
    let client = Client::new(config).expect("valid");
    let mut batch = client.batch(12, Box::new(())).expect("a batch");
    let outcomes = all(&mut batch, eids(50));
    assert_eq!((outcomes.len(), batch.pending()), (50, 0));
    assert!(outcomes.iter().all(|outcome| outcome.result.is_ok()), "{outcomes:?}");
}

/// Makes the directory of the rate file unusable after this many attempts.
struct Unusable {
    directory: std::path::PathBuf,
    after: usize,
}

impl Observer for Unusable {
    fn attempt(&mut self, _: &Attempt<'_>) {
        self.after = self.after.saturating_sub(1);
        if self.after == 0 && self.directory.is_dir() {
            std::fs::remove_dir_all(&self.directory).expect("there");
            std::fs::write(&self.directory, "").expect("writable");
        }
    }
}

#[test]
fn batch_card_that_gets_no_permit_for_another_call_keeps_the_error_of_the_last_one() {
    let plan = vec![Some("status=503".parse::<Fault>().expect("a fault"))];
    let faults = Faults { plan, repeat: true, ..Faults::default() };
    let simulator = Simulator::start(Options { faults, ..Options::unlimited() }).expect("started");
    let directory = std::env::temp_dir().join(format!("eiot-outage-{}", std::process::id()));
    let _ = (std::fs::remove_dir_all(&directory), std::fs::remove_file(&directory));
    let mut config = holding(simulator.url());
    (config.max_attempts, config.rate_limit) = (1, Some(1000.0));
    (config.rate_scope, config.rate_dir) = (RateScope::Host, Some(directory.clone()));
    let client = Client::new(config).expect("valid");
    let observer = Unusable { directory: directory.clone(), after: 5 };
    let outcomes = all(&mut client.batch(5, Box::new(observer)).expect("a batch"), eids(5));
    std::fs::remove_file(directory).expect("there");
    for outcome in outcomes {
        let error = outcome.result.expect_err("refused");
        assert_eq!((error.kind(), error.attempts(), error.delivered()), (ErrorKind::Http, 1, Delivered::Yes));
        assert!(error.to_string().contains("not called again: "), "{error}");
    }
}
