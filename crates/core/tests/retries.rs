//! What is retried and what is not, and what the caller learns about earlier attempts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{EID, config, http, read_request, serve};
use eiot::{Attempt, Client, Config, Delivered, Error, ErrorKind, Observer, Random, Reply, SystemClock};
use std::collections::HashSet;
use std::io::Write;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const SUCCESS: &str = r#"{"code":"200","message":"success"}"#;
const REFUSAL: &str = r#"{"code":"45109","message":"too frequent"}"#;

/// Makes every backoff zero, so that no test waits for real.
struct NoJitter;

impl Random for NoJitter {
    fn next_u64(&self) -> u64 {
        0
    }
}

fn client(config: Config) -> Client {
    Client::with_clock_and_rng(config, Arc::new(SystemClock), Arc::new(NoJitter)).expect("valid")
}

fn patient(url: &str) -> Config {
    let mut config = config(url);
    config.max_attempts = 3;
    config
}

/// A server that sends these answers in order, the last one forever; an empty one closes the connection. The request
/// bodies are recorded.
fn script(answers: Vec<String>) -> (String, Arc<Mutex<Vec<Vec<u8>>>>) {
    let bodies: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
    let seen = bodies.clone();
    let url = serve(move |mut connection| {
        while let Some(body) = read_request(&mut connection) {
            let mut seen = seen.lock().expect("not poisoned");
            let answer = &answers[seen.len().min(answers.len() - 1)];
            seen.push(body);
            if answer.is_empty() || connection.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    });
    (url, bodies)
}

/// The log lines.
struct Lines(Vec<String>);

impl Observer for Lines {
    fn attempt(&mut self, attempt: &Attempt<'_>) {
        self.0.push(attempt.to_string());
    }
}

fn refresh(answers: &[String]) -> (Result<Reply, Error>, usize) {
    let (url, bodies) = script(answers.to_vec());
    let result = client(patient(&url)).refresh_usage(EID);
    let count = bodies.lock().expect("not poisoned").len();
    (result, count)
}

fn lost() -> String {
    String::new()
}

fn ok(body: &str) -> String {
    http("200 OK", "", body)
}

fn unavailable(headers: &str) -> String {
    http("503 Service Unavailable", headers, "")
}

#[test]
fn retry_follows_a_lost_reply_and_a_busy_server() {
    let (result, count) = refresh(&[lost(), unavailable(""), ok(SUCCESS)]);
    let reply = result.expect("the third attempt succeeds");
    assert_eq!((reply.attempts(), reply.delivered(), count), (3, Delivered::Yes, 3));
}

#[test]
fn retry_failures_report_the_number_of_attempts() {
    let (result, count) = refresh(&[unavailable("")]);
    let error = result.expect_err("always busy");
    assert_eq!((error.kind(), error.attempts(), count), (ErrorKind::Http, 3, 3));
    assert_eq!((error.delivered(), error.http_status()), (Delivered::Yes, Some(503)));
    assert!(error.to_string().contains("attempt 3 of 3"), "{error}");
}

#[test]
fn retry_that_is_rejected_after_a_lost_reply_reports_that_the_earlier_attempt_may_have_acted() {
    let (result, _) = refresh(&[lost(), ok(REFUSAL)]);
    let error = result.expect_err("refused");
    assert_eq!((error.kind(), error.delivered(), error.attempts()), (ErrorKind::Platform, Delivered::Yes, 2));
    assert!(error.to_string().contains("may have taken effect"), "{error}");
    let (result, _) = refresh(&[unavailable(""), ok(REFUSAL)]);
    let error = result.expect_err("refused");
    assert!(
        !error.to_string().contains("may have taken effect"),
        "an answered attempt did not land: {error}"
    );
}

#[test]
fn retry_that_cannot_connect_after_a_lost_reply_leaves_the_outcome_unknown() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let served = std::thread::spawn(move || {
        read_request(&mut listener.accept().expect("a connection").0);
        // Dropping the listener refuses the attempts that follow.
    });
    let error = client(patient(&url)).refresh_usage(EID).expect_err("gone");
    served.join().expect("served");
    assert_eq!(
        (error.kind(), error.delivered(), error.attempts()),
        (ErrorKind::Connect, Delivered::Unknown, 3)
    );
    assert!(error.to_string().contains("may have taken effect"), "{error}");
}

#[test]
fn retry_does_not_follow_a_permanent_failure() {
    let answers = [
        ok(REFUSAL),
        http("401 Unauthorized", "", ""),
        http("403 Forbidden", "", ""),
        http("404 Not Found", "", ""),
        http("302 Found", "Location: /\r\n", ""),
        ok("<html>"),
    ];
    for answer in answers {
        let (result, count) = refresh(&[answer.clone(), ok(SUCCESS)]);
        assert!(result.is_err() && count == 1, "{answer}");
    }
}

#[test]
fn retry_has_its_own_nonce_and_signature() {
    let (url, bodies) = script(vec![unavailable(""), unavailable(""), ok(SUCCESS)]);
    client(patient(&url)).refresh_usage(EID).expect("the third attempt succeeds");
    let bodies: Vec<serde_json::Value> =
        bodies.lock().unwrap().iter().map(|body| serde_json::from_slice(body).expect("JSON")).collect();
    for field in ["nonce", "sign"] {
        let different: HashSet<String> = bodies.iter().map(|body| body[field].to_string()).collect();
        assert_eq!(different.len(), 3, "{field}");
    }
}

#[test]
fn observer_receives_each_attempt_as_one_line() {
    let (url, _) = script(vec![lost(), unavailable(""), ok(SUCCESS)]);
    let mut lines = Lines(Vec::new());
    client(patient(&url)).refresh_usage_observed(EID, &mut lines).expect("the third attempt succeeds");
    let has = |line: usize, text: &str| assert!(lines.0[line].contains(text), "{:?}", lines.0);
    has(0, &format!("eid={EID} attempt=1 "));
    has(0, "outcome=connection_lost delivered=unknown again_after_ms=0");
    has(1, "attempt=2 ");
    has(1, "outcome=http delivered=yes http_status=503 again_after_ms=0");
    has(2, "outcome=ok");
    assert_eq!(lines.0.len(), 3);
}

#[test]
fn observer_receives_an_attempt_that_the_deadline_ends() {
    let url = serve(|mut connection| while read_request(&mut connection).is_some() {});
    let mut config = patient(&url);
    config.timeout = Duration::from_millis(50);
    let mut lines = Lines(Vec::new());
    client(config).refresh_usage_observed(EID, &mut lines).expect_err("never answered");
    assert!(lines.0.len() == 1 && lines.0[0].contains("outcome=timeout delivered=unknown"), "{:?}", lines.0);
}

#[test]
fn retry_without_a_permit_reports_the_failure_itself() {
    let (url, _) = script(vec![unavailable("")]);
    let mut config = patient(&url);
    (config.rate_limit, config.timeout) = (Some(1.0), Duration::from_millis(500));
    let error = client(config).refresh_usage(EID).expect_err("busy");
    assert_eq!((error.kind(), error.http_status(), error.attempts()), (ErrorKind::Http, Some(503), 1));
    assert!(error.to_string().contains("no further attempt before the deadline"), "{error}");
}

#[test]
fn retry_is_off_with_one_attempt() {
    let (url, bodies) = script(vec![unavailable("")]);
    let error = client(config(&url)).refresh_usage(EID).expect_err("busy");
    assert_eq!((error.attempts(), bodies.lock().unwrap().len()), (1, 1));
}

#[test]
fn retry_obeys_retry_after() {
    // Real time, one second: the shortest wait that the header can request.
    // Without the header it would be 250 ms at most.
    let started = Instant::now();
    let (result, _) = refresh(&[unavailable("Retry-After: 1\r\n"), ok(SUCCESS)]);
    assert_eq!(result.expect("the second attempt succeeds").attempts(), 2);
    assert!((1000..5000).contains(&started.elapsed().as_millis()), "{:?}", started.elapsed());
}

#[test]
fn retry_after_that_is_too_long_is_reported_instead() {
    for header in ["121", "99999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"] {
        let (result, count) = refresh(&[unavailable(&format!("Retry-After: {header}\r\n")), ok(SUCCESS)]);
        let error = result.expect_err("too long");
        assert!(count == 1 && error.retry_after() > Some(Duration::from_secs(120)), "{error:?}");
        assert!(error.to_string().contains("120 s"), "{error}");
        assert!(error.retry_after() <= Some(Duration::from_secs(24 * 60 * 60)), "{error:?}");
    }
}

#[test]
fn retry_shares_the_deadline_of_the_call() {
    let url = serve(|mut connection| {
        read_request(&mut connection);
        std::thread::sleep(Duration::from_millis(150));
    });
    let mut config = patient(&url);
    config.max_attempts = 100;
    config.timeout = Duration::from_secs(1);
    let started = Instant::now();
    let error = client(config).refresh_usage(EID).expect_err("never answered");
    let took = started.elapsed();
    // A deadline per attempt would make it 15 s; the rest allows for a busy machine.
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!(error.delivered(), Delivered::Unknown);
    assert!((2..=8).contains(&error.attempts()), "{error:?}");
}

#[test]
fn retry_token_bucket_limits_the_load_of_an_outage() {
    let (url, bodies) = script(vec![unavailable("")]);
    let client = client(patient(&url));
    for _ in 0..200 {
        client.refresh_usage(EID).expect_err("busy");
    }
    assert_eq!(bodies.lock().unwrap().len(), 300, "200 calls, and 100 retries from the budget");
}

#[test]
fn too_many_requests_pause_all_calls_of_the_client() {
    // Real time, one second: the pause is between real calls.
    let (url, _) = script(vec![http("429 Too Many Requests", "Retry-After: 1\r\n", ""), ok(SUCCESS)]);
    let mut config = config(&url);
    config.rate_limit = Some(1000.0);
    let client = client(config);
    assert_eq!(client.refresh_usage(EID).expect_err("too many").kind(), ErrorKind::RateLimited);
    let started = Instant::now();
    client.refresh_usage("2").expect("after the pause");
    assert!((900..5000).contains(&started.elapsed().as_millis()), "{:?}", started.elapsed());
}

#[test]
fn cooldown_applies_only_to_a_card_that_was_refreshed() {
    let (url, bodies) = script(vec![ok(REFUSAL), ok(SUCCESS)]);
    let mut config = config(&url);
    config.eid_cooldown = Duration::from_secs(300);
    let client = client(config);
    client.refresh_usage(EID).expect_err("refused by the platform");
    client.refresh_usage(EID).expect("so it does not rest");
    let error = client.refresh_usage(EID).expect_err("now it does");
    assert_eq!((error.kind(), error.delivered(), error.attempts()), (ErrorKind::Cooldown, Delivered::No, 0));
    assert_eq!(bodies.lock().unwrap().len(), 2);
}
