//! Calls and batches that run without a waiting thread.
#![allow(clippy::expect_used)]

mod common;

use common::{config, http, read_request, serve};
use eiot::{CallLoop, Client, Delivered, Error, ErrorKind, Reply};
use eiot_sim::{Options, Simulator};
use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

const EID: &str = "89044011112233441122334411223321";
const PATIENCE: Duration = Duration::from_secs(30);

/// Starts a refresh; the outcome goes to the channel.
fn start(client: &Client, outcomes: &Sender<Result<Reply, Error>>) -> eiot::StartedCall {
    let outcomes = outcomes.clone();
    let done = Box::new(move |result| drop(outcomes.send(result)));
    client.start_refresh_usage(EID, Box::new(()), done, &on_a_thread).expect("started")
}

fn on_a_thread(event_loop: CallLoop) -> std::io::Result<()> {
    thread::Builder::new().spawn(|| event_loop.run()).map(drop)
}

/// A server that answers nothing, and what reports each request.
fn silent() -> (String, Receiver<()>) {
    let (arrived, arrivals) = channel();
    let url = serve(move |mut connection| {
        while read_request(&mut connection).is_some() {
            drop(arrived.send(()));
        }
    });
    (url, arrivals)
}

fn next<T>(outcomes: &Receiver<T>) -> T {
    outcomes.recv_timeout(PATIENCE).expect("an outcome")
}

#[test]
fn started_calls_of_related_clients_share_one_event_loop_which_ends_with_them() {
    let simulator = Simulator::start(Options::unlimited()).expect("started");
    let client = Client::new(config(simulator.url())).expect("valid");
    let (loops, ended) = (Arc::new(AtomicUsize::new(0)), channel());
    let spawn = |event_loop: CallLoop| {
        loops.fetch_add(1, Ordering::Relaxed);
        let ended = ended.0.clone();
        let run = move || {
            event_loop.run();
            ended.send(()).expect("a receiver");
        };
        thread::Builder::new().spawn(run).map(drop)
    };
    let (sender, outcomes) = channel();
    for _ in 0..50 {
        let related = client.with_options(client.config().clone()).expect("valid");
        let sender = sender.clone();
        let done = Box::new(move |result: Result<Reply, Error>| drop(sender.send(result)));
        related.start_refresh_usage(EID, Box::new(()), done, &spawn).expect("started");
    }
    let delivered: Vec<_> = (0..50).map(|_| next(&outcomes).expect("a reply").delivered()).collect();
    assert_eq!((delivered, loops.load(Ordering::Relaxed)), (vec![Delivered::Yes; 50], 1));
    drop(client);
    next(&ended.1);
}

#[test]
fn started_call_that_is_cancelled_comes_back_at_once_and_says_whether_it_was_sent() {
    let (url, arrivals) = silent();
    let client = Client::new(config(&url)).expect("valid");
    let (sender, outcomes) = channel();
    // At most 128 are in flight; the last one waits.
    let calls: Vec<_> = (0..129).map(|_| start(&client, &sender)).collect();
    (0..128).for_each(|_| next(&arrivals));
    let asked = Instant::now();
    calls.iter().rev().for_each(eiot::StartedCall::cancel);
    let errors: Vec<_> = (0..129).map(|_| next(&outcomes).expect_err("cancelled")).collect();
    assert!(asked.elapsed() < PATIENCE / 3);
    assert!(errors.iter().all(|error| error.kind() == ErrorKind::Cancelled && error.eid() == Some(EID)));
    let unsent = errors.iter().filter(|error| error.delivered() == Delivered::No).count();
    assert_eq!((unsent, client.stats_json().contains(r#""in_flight":0"#)), (1, true));
}

#[test]
fn started_calls_wait_for_the_rate_limiter_without_using_up_their_timeout() {
    let simulator = Simulator::start(Options::unlimited()).expect("started");
    let mut config = config(simulator.url());
    (config.rate_limit, config.timeout) = (Some(40.0), Duration::from_millis(500));
    let client = Client::new(config).expect("valid");
    let (sender, outcomes) = channel();
    let began = Instant::now();
    for _ in 0..40 {
        start(&client, &sender);
    }
    assert!((0..40).all(|_| next(&outcomes).is_ok()));
    // 39 intervals at 95 % of the limit: twice the timeout of each.
    assert!(began.elapsed() > Duration::from_secs(1));
}

#[test]
fn started_call_that_gets_no_answer_times_out() {
    let (url, _arrivals) = silent();
    let mut config = config(&url);
    config.timeout = Duration::from_secs(1);
    let (sender, outcomes) = channel();
    start(&Client::new(config).expect("valid"), &sender);
    let error = next(&outcomes).expect_err("a timeout");
    assert_eq!(
        (error.kind(), error.delivered(), error.attempts()),
        (ErrorKind::Timeout, Delivered::Unknown, 1)
    );
}

#[test]
fn started_batch_takes_cards_while_others_are_in_flight_and_returns_each_once() {
    let (arrived, arrivals) = channel();
    // The first card is answered when the second one has arrived, on another connection.
    let arrivals = std::sync::Mutex::new(arrivals);
    let count = AtomicUsize::new(0);
    let url = serve(move |mut connection| {
        while read_request(&mut connection).is_some() {
            if count.fetch_add(1, Ordering::Relaxed) == 0 {
                arrivals.lock().expect("a lock").recv_timeout(PATIENCE).expect("another request");
            } else {
                arrived.send(()).expect("a receiver");
            }
            let reply = http("200 OK", "", r#"{"code":"200","message":"success"}"#);
            connection.write_all(reply.as_bytes()).expect("written");
        }
    });
    let client = Client::new(config(&url)).expect("valid");
    let (sender, outcomes) = channel();
    let on_outcome = Box::new(move |outcome, _: &eiot::Summary| drop(sender.send(outcome)));
    let batch = client.start_batch(8, Box::new(()), on_outcome, &on_a_thread).expect("started");
    batch.push_tagged("8901", 1);
    assert!(outcomes.recv_timeout(Duration::from_millis(300)).is_err());
    for (eid, tag) in [("8902", 2), ("8901", 3), ("8.9E+31", 4)] {
        batch.push_tagged(eid, tag);
    }
    let came: Vec<eiot::Outcome> = (0..4).map(|_| next(&outcomes).expect("no bug")).collect();
    let tags: BTreeSet<u64> = came.iter().map(|outcome| outcome.tag).collect();
    assert_eq!(tags, BTreeSet::from([1, 2, 3, 4]));
    assert_eq!(came.iter().filter(|outcome| outcome.result.is_ok()).count(), 3);
    assert_eq!(came.iter().filter(|outcome| outcome.is_duplicate).count(), 1);
}

#[test]
fn started_batch_that_is_cancelled_returns_every_card() {
    let (url, arrivals) = silent();
    let client = Client::new(config(&url)).expect("valid");
    let (sender, outcomes) = channel();
    let on_outcome = Box::new(move |outcome, _: &eiot::Summary| drop(sender.send(outcome)));
    let batch = client.start_batch(2, Box::new(()), on_outcome, &on_a_thread).expect("started");
    for tag in 0..5 {
        batch.push_tagged(format!("890{tag}"), tag);
    }
    (0..2).for_each(|_| next(&arrivals));
    batch.cancel();
    let came: Vec<eiot::Outcome> = (0..5).map(|_| next(&outcomes).expect("no bug")).collect();
    let kinds: Vec<_> =
        came.iter().filter_map(|outcome| outcome.result.as_ref().err()).map(Error::kind).collect();
    assert_eq!(kinds, vec![ErrorKind::Cancelled; 5]);
    assert_eq!(came.iter().filter(|outcome| outcome.unsent).count(), 3);
}
