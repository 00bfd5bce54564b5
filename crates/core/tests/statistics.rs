//! The counters and the events of a client: what was sent, and what was refused before anything was sent.
#![allow(clippy::expect_used)]

mod common;

use common::{EID, config};
use eiot::{Attempt, Client, Config, Observer};
use eiot_sim::{Fault, Faults, Options, Simulator};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

fn simulator(options: Options) -> (Simulator, Config) {
    let simulator = Simulator::start(options).expect("started");
    let config = config(simulator.url());
    (simulator, config)
}

fn counters(client: &Client) -> Value {
    serde_json::from_str(&client.stats_json()).expect("JSON")
}

fn sum(counts: &Value) -> u64 {
    counts.as_object().expect("an object").values().map(|count| count.as_u64().expect("a number")).sum()
}

/// Records events.
#[derive(Clone, Default)]
struct Events(Arc<Mutex<Vec<Value>>>);

impl Events {
    fn take(&self) -> Vec<Value> {
        std::mem::take(&mut *self.0.lock().expect("no panic"))
    }
}

impl Observer for Events {
    fn attempt(&mut self, attempt: &Attempt<'_>) {
        let event = serde_json::from_str(&attempt.to_json()).expect("JSON");
        self.0.lock().expect("no panic").push(event);
    }
}

#[test]
fn statistics_add_up_to_what_the_platform_counted() {
    let fault = |text: &str| Some(text.parse::<Fault>().expect("a fault"));
    // Every fifth request is answered "unavailable", every fifth "no such card".
    let plan = vec![None, fault("status=503"), None, fault("refuse=41008"), None];
    let faults = Faults { plan, repeat: true, ..Faults::default() };
    let (simulator, mut config) = simulator(Options { faults, ..Options::unlimited() });
    config.max_attempts = 3;
    let client = Client::new(config).expect("valid");
    let mut options = client.config().clone();
    options.timeout = Duration::from_secs(20);
    let derived = client.with_options(options).expect("valid");

    let events = Events::default();
    let mut batch = derived.batch(8, Box::new(events.clone())).expect("a batch");
    (0..200).for_each(|card| batch.push(format!("8904{card}")));
    batch.push("8904x");
    while batch.next().is_some() {}
    let summary = batch.summary().clone();
    let singles: Vec<_> = (0..20).map(|card| client.clone().refresh_usage(format!("7904{card}"))).collect();

    let counted = counters(&client);
    let ok = summary.refreshed + singles.iter().filter(|result| result.is_ok()).count() as u64;
    assert_eq!(
        (&counted["calls"]["started"], &counted["calls"]["in_flight"]),
        (&json!(221), &json!(0)),
        "{counted}"
    );
    assert_eq!(counted["calls"]["ok"], ok, "{counted}");
    assert_eq!(sum(&counted["calls"]["failed"]), 221 - ok, "{counted}");
    assert_eq!(counted["calls"]["failed"]["invalid_eid"], 1);
    assert!(counted["calls"]["failed"]["platform"].as_u64() > Some(10), "{counted}");

    let sent = simulator.counters().calls;
    assert_eq!(counted["attempts"]["started"], sent, "{counted}");
    assert_eq!(
        (&counted["attempts"]["ok"], &counted["attempts"]["in_flight"]),
        (&json!(ok), &json!(0)),
        "{counted}"
    );
    assert_eq!(sum(&counted["attempts"]["failed"]), sent - ok, "{counted}");
    assert_eq!(
        counted["retries"],
        sent - 220,
        "a call less the malformed one has one first attempt: {counted}"
    );
    assert_eq!(counted["host"].as_str().expect("a name"), simulator.url().trim_start_matches("http://"));

    // The events are those of the batch.
    let events = events.take();
    let by_outcome = |outcome| events.iter().filter(|event| event["outcome"] == outcome).count() as u64;
    assert_eq!((by_outcome("ok"), by_outcome("invalid_eid")), (summary.refreshed, 1));
    let retried = events.iter().filter(|event| !event["next_wait_ms"].is_null()).count();
    let later = events.iter().filter(|event| event["attempt"].as_u64() > Some(1)).count();
    assert!(retried == later && retried > 10, "{retried} and {later}");
}

#[test]
fn statistics_of_a_dropped_batch_leave_no_call_in_flight() {
    let (_simulator, config) =
        simulator(Options { latency: Duration::from_secs(20), ..Options::unlimited() });
    let client = Client::new(config).expect("valid");
    let mut batch = client.batch(4, Box::new(())).expect("a batch");
    (0..6).for_each(|card| batch.push(format!("8904{card}")));
    while batch.in_flight() < 4 {
        assert!(batch.next_timeout(Duration::ZERO).is_none());
    }
    let during = counters(&client);
    assert_eq!(
        (&during["calls"]["in_flight"], &during["calls"]["started"]),
        (&json!(4), &json!(4)),
        "{during}"
    );
    drop(batch);
    let after = counters(&client);
    assert_eq!(
        (&after["calls"]["in_flight"], &after["calls"]["failed"]["cancelled"]),
        (&json!(0), &json!(4)),
        "{after}"
    );
    assert_eq!(after["attempts"]["in_flight"], 0, "{after}");
}

#[test]
fn statistics_count_waits_for_permits() {
    // Real time: two waits of 526 ms, less what the calls take.
    let (_simulator, mut config) = simulator(Options::unlimited());
    config.rate_limit = Some(2.0);
    let client = Client::new(config).expect("valid");
    let started = Instant::now();
    (0..3).for_each(|card| drop(client.refresh_usage(format!("8904{card}")).expect("accepted")));
    let elapsed = started.elapsed();
    let counted = counters(&client);
    assert!((1..=2).contains(&counted["permit_waits"].as_u64().expect("a number")), "{counted}");
    let waited = u128::from(counted["permit_wait_ms"].as_u64().expect("a number"));
    assert!((300..=elapsed.as_millis()).contains(&waited), "{counted} in {elapsed:?}");
    assert_eq!(counted["idle_event_loops"], 1);
}

#[test]
fn event_of_a_local_refusal_says_that_nothing_was_sent() {
    let (simulator, mut config) = simulator(Options::unlimited());
    config.eid_cooldown = Duration::from_secs(300);
    config.rate_limit = Some(0.1);
    config.rate_wait = false;
    let client = Client::new(config).expect("valid");
    let (events, long) = (Events::default(), "x".repeat(1000));
    for (eid, outcome) in [(EID, "ok"), (EID, "cooldown"), ("8904", "rate_limited"), (&long, "invalid_eid")] {
        let _ = client.refresh_usage_observed(eid, &mut events.clone());
        let event = events.take();
        assert_eq!((event.len(), &event[0]["outcome"]), (1, &json!(outcome)), "{event:?}");
        let (eid, was_sent) = (&eid[..eid.len().min(256)], outcome == "ok");
        let event = &event[0];
        assert_eq!(
            (&event["eid"], &event["path"]),
            (&json!(eid), &json!("/api/v3/cloudesim/refreshUsage")),
            "{event}"
        );
        assert_eq!(event["attempt"], u32::from(was_sent), "{event}");
        assert_eq!(event["delivered"], if was_sent { "yes" } else { "no" }, "{event}");
        assert_eq!(
            (event["nonce"].is_null(), event["http_status"].is_null()),
            (!was_sent, !was_sent),
            "{event}"
        );
        assert_eq!(event["message"].is_null(), was_sent, "{event}");
    }
    // A batch waits for its permits.
    let mut batch = client.batch(2, Box::new(events.clone())).expect("a batch");
    [EID, "x"].iter().for_each(|eid| batch.push(eid));
    while batch.next().is_some() {}
    let mut outcomes: Vec<_> = events.take().iter().map(|event| event["outcome"].to_string()).collect();
    outcomes.sort();
    assert_eq!(outcomes, ["\"cooldown\"", "\"invalid_eid\""]);
    assert_eq!(simulator.counters().calls, 1);
}

#[test]
fn statistics_are_documented_field_by_field() {
    let documentation = include_str!("../../../docs/statistics.md");
    let (_simulator, config) = simulator(Options::unlimited());
    let counted = counters(&Client::new(config).expect("valid"));
    let fields = counted.as_object().expect("an object").keys();
    for field in fields.chain(counted["calls"].as_object().expect("an object").keys()) {
        assert!(documentation.contains(&format!("\n| `{field}` |")), "{field}");
    }
    assert_eq!(
        counted["calls"].as_object().map(|calls| calls["failed"].as_object().map(serde_json::Map::len)),
        Some(Some(17))
    );
}
