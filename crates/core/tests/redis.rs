//! The account's rate in Redis, for machines that share it: with a real Redis that the tests start.
//!
//! Skipped without a `redis-server`; with `EIOT_TEST_REDIS=required` that is a failure.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::distance::distant;
use common::redis::Redis;
use common::{alone, config, suspend};
use eiot::{Client, Config, Delivered, ErrorKind, Observer};
use eiot_sim::{Options, Simulator};
use std::net::TcpListener;
use std::ops::ControlFlow;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

fn simulator() -> Simulator {
    Simulator::start(Options { cooldown: None, ..Options::default() }).expect("a free port")
}

/// Each client connects by itself, as one on another machine would.
fn sharing(platform: &Simulator, scope: &str) -> Config {
    let mut config = config(platform.url());
    config.rate_limit = Some(10.0);
    config.set("rate_scope", scope).expect("valid");
    config
}

#[test]
fn redis_scope_keeps_and_uses_one_rate_and_repeats_no_nonce() {
    let _alone = alone();
    let Some(redis) = Redis::start(&[]) else { return };
    let platform = simulator();
    let started = Instant::now();
    std::thread::scope(|scope| {
        for host in 0..8 {
            let client = Client::new(sharing(&platform, &redis.scope())).expect("valid");
            scope.spawn(move || {
                (0..6)
                    .for_each(|card| drop(client.refresh_usage(format!("{host}{card}")).expect("accepted")));
            });
        }
    });
    let (took, spacing) = (started.elapsed().as_secs_f64(), 47.0 / 9.5);
    let counters = platform.counters();
    assert!(counters.refused.is_empty(), "{:?}", counters.refused);
    assert_eq!((counters.accepted, counters.repeated_nonces), (48, 0));
    assert!(counters.busiest_second <= 10, "{}", counters.busiest_second);
    // On a busy machine some permits are late and are released.
    assert!((spacing - 0.01..spacing * 1.03 + 1.5).contains(&took), "{took} s instead of {spacing}");
}

#[test]
fn redis_scope_gives_each_nonce_once_without_a_rate_limit() {
    let _alone = alone();
    let Some(redis) = Redis::start(&[]) else { return };
    let platform = simulator_without_limit();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let mut config = sharing(&platform, &redis.scope());
            config.rate_limit = None;
            let client = Client::new(config).expect("valid");
            scope.spawn(move || (0..250).for_each(|_| drop(client.refresh_usage("1").expect("accepted"))));
        }
    });
    assert_eq!((platform.counters().accepted, platform.counters().repeated_nonces), (1000, 0));
}

fn simulator_without_limit() -> Simulator {
    let options = Options { cooldown: None, rate_limit: None, ..Options::default() };
    Simulator::start(options).expect("a free port")
}

#[test]
fn redis_that_cannot_be_reached_is_a_connect_error_that_names_it_and_calls_go_on_when_it_is_back() {
    let _alone = alone();
    let Some(mut redis) = Redis::start(&[]) else { return };
    let platform = simulator();
    let client = Client::new(sharing(&platform, &redis.scope())).expect("valid");
    client.refresh_usage("1").expect("accepted");
    redis.stop();
    let error = client.refresh_usage("1").expect_err("no Redis");
    assert_eq!((error.kind(), error.delivered()), (ErrorKind::Connect, Delivered::No));
    assert!(error.to_string().contains(&format!("the shared Redis at 127.0.0.1:{}", redis.port)), "{error}");
    assert_eq!(platform.counters().calls, 1);
    redis.start_again();
    client.refresh_usage("1").expect("accepted");
}

#[test]
fn redis_scope_lets_a_call_beside_a_full_batch_go_out_within_two_permits() {
    let _alone = alone();
    let Some(redis) = Redis::start(&[]) else { return };
    common::single_call_goes_out_within_two_permits_beside_a_full_batch(&redis.scope(), None);
}

#[test]
fn redis_that_goes_away_while_a_call_is_refused_leaves_the_refusal_as_it_is() {
    let _alone = alone();
    let Some(mut redis) = Redis::start(&[]) else { return };
    let faults = eiot_sim::Faults::in_order(["status=429".parse::<eiot_sim::Fault>().expect("a fault")]);
    let options = Options { latency: Duration::from_millis(800), faults, ..Options::default() };
    let platform = Simulator::start(options).expect("a free port");
    let client = Client::new(sharing(&platform, &redis.scope())).expect("valid");
    std::thread::scope(|scope| {
        let call = scope.spawn(|| client.refresh_usage("1").expect_err("refused"));
        while redis.cli(&["--scan"]).is_empty() {
            std::thread::sleep(Duration::from_millis(10));
        }
        redis.stop();
        let error = call.join().expect("no panic");
        assert_eq!((error.kind(), error.delivered()), (ErrorKind::RateLimited, Delivered::Yes), "{error}");
        assert!(!error.to_string().contains("nothing was sent"), "{error}");
    });
}

/// The notices of a batch.
#[derive(Clone, Default)]
struct Notices(Arc<Mutex<Vec<String>>>);

impl Observer for Notices {
    fn notice(&mut self, notice: &eiot::Notice<'_>) {
        self.0.lock().expect("no panic").push(notice.to_string());
    }
}

#[test]
fn redis_that_cannot_be_reached_holds_a_batch_which_goes_on_without_the_loss_of_a_card() {
    let _alone = alone();
    let Some(mut redis) = Redis::start(&[]) else { return };
    let platform = simulator_without_limit();
    let mut config = sharing(&platform, &redis.scope());
    (config.rate_limit, config.outage_timeout) = (Some(100.0), Duration::from_secs(60));
    let client = Client::new(config).expect("valid");
    let notices = Notices::default();
    let mut batch = client.batch(16, Box::new(notices.clone())).expect("a batch");
    (1..=60).for_each(|card| batch.push(card.to_string()));
    for _ in 0..10 {
        batch.next().expect("an outcome").result.expect("accepted");
    }
    redis.stop();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(1_500));
            redis.start_again();
        });
        while let Some(outcome) = batch.next() {
            assert_eq!(outcome.result.expect("held, not failed").attempts(), 1);
        }
    });
    let counters = platform.counters();
    assert_eq!((counters.accepted, counters.per_eid.len(), counters.repeated_nonces), (60, 60, 0));
    let notices = notices.0.lock().expect("no panic");
    let [first, .., last] = &notices[..] else { panic!("{notices:?}") };
    assert!(
        first.contains("holding back all cards") && first.contains("the shared Redis at 127.0.0.1"),
        "{first}"
    );
    assert!(last.contains("resuming"), "{last}");
}

#[test]
fn redis_that_stays_away_fails_the_last_few_cards_and_not_those_that_come_after() {
    let _alone = alone();
    let Some(mut redis) = Redis::start(&[]) else { return };
    let platform = simulator_without_limit();
    let mut config = sharing(&platform, &redis.scope());
    (config.outage_timeout, config.eid_cooldown) = (Duration::from_secs(1), Duration::from_secs(300));
    let client = Client::new(config).expect("valid");
    redis.stop();
    let mut batch = client.batch(16, Box::new(())).expect("a batch");
    let mut refresh = |cards: &[&str]| -> Vec<_> {
        cards.iter().for_each(|card| batch.push(card));
        let results = std::iter::from_fn(|| batch.next()).map(|outcome| (outcome.eid, outcome.result));
        results.map(|(eid, result)| (eid, result.map(drop).map_err(|error| error.to_string()))).collect()
    };
    let started = Instant::now();
    let [(_, Err(error))] = &refresh(&["1"])[..] else { panic!("no permit was ever had") };
    assert!(error.starts_with("EID 1: rate limit: the shared Redis at 127.0.0.1"), "{error}");
    assert!(started.elapsed() < Duration::from_millis(900), "a wrong address is told at once");
    redis.start_again();
    assert_eq!(refresh(&["2"]), [("2".to_owned(), Ok(()))]);
    redis.stop();
    let started = Instant::now();
    let failed = refresh(&["3", "4"]);
    assert!(started.elapsed() >= Duration::from_secs(1), "{:?}", started.elapsed());
    for (eid, result) in &failed {
        let error = result.as_ref().expect_err("no Redis");
        assert!(
            error.starts_with(&format!("EID {eid}: rate limit: the shared Redis at 127.0.0.1")),
            "{error}"
        );
    }
    assert_eq!(failed.len(), 2);
    redis.start_again();
    assert_eq!(refresh(&["5"]), [("5".to_owned(), Ok(()))]);
    client.refresh_usage("3").expect("it is not in its cooldown");
    assert_eq!(client.refresh_usage("5").expect_err("it is").kind(), ErrorKind::Cooldown);
    assert_eq!((platform.counters().accepted, platform.counters().per_eid.len()), (3, 3));
}

#[test]
fn redis_that_stays_away_stops_a_batch_after_the_outage_timeout_with_its_name() {
    let _alone = alone();
    let Some(mut redis) = Redis::start(&[]) else { return };
    let platform = simulator_without_limit();
    let mut config = sharing(&platform, &redis.scope());
    config.outage_timeout = Duration::from_secs(2);
    let client = Client::new(config).expect("valid");
    redis.stop();
    let mut batch = client.batch(16, Box::new(())).expect("a batch");
    (1..=60).for_each(|card| batch.push(card.to_string()));
    let started = Instant::now();
    while let Some(outcome) = batch.next() {
        let error = outcome.result.expect_err("no Redis");
        assert_eq!(
            (error.kind(), error.delivered(), error.attempts()),
            (ErrorKind::Connect, Delivered::No, 0)
        );
        assert!(error.to_string().contains("the shared Redis at 127.0.0.1"), "{error}");
    }
    assert!(started.elapsed() >= Duration::from_secs(2), "{:?}", started.elapsed());
    assert!(batch.stop_reason().expect("it stopped").contains("the shared Redis at 127.0.0.1"));
    assert_eq!((platform.counters().calls, batch.summary().failures.len()), (0, 1));
}

struct GiveUpAfter(Instant);

impl Observer for GiveUpAfter {
    fn keep_going(&mut self) -> ControlFlow<()> {
        if Instant::now() < self.0 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}

#[test]
fn redis_that_does_not_answer_holds_a_call_no_longer_than_its_deadline_or_cancellation() {
    let _alone = alone();
    let Some(redis) = Redis::start(&[]) else { return };
    let platform = simulator();
    let mut config = sharing(&platform, &redis.scope());
    config.timeout = Duration::from_secs(1);
    let client = Client::new(config).expect("valid");
    client.refresh_usage("1").expect("accepted");
    suspend(redis.process.id());
    let started = Instant::now();
    let error = client.refresh_usage("1").expect_err("no answer");
    assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
    assert!(error.to_string().contains("no response in time"), "{error}");
    assert!(started.elapsed() < Duration::from_millis(1_500), "{:?}", started.elapsed());
    let started = Instant::now();
    let mut observer = GiveUpAfter(started + Duration::from_millis(100));
    let error = client.refresh_usage_observed("1", &mut observer).expect_err("cancelled");
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());
    assert_eq!(platform.counters().calls, 1);
}

#[test]
fn redis_scope_gives_the_permit_of_a_cancelled_call_to_another_machine() {
    let _alone = alone();
    let Some(redis) = Redis::start(&[]) else { return };
    let platform = simulator();
    let mut config = sharing(&platform, &redis.scope());
    config.rate_limit = Some(1.0);
    let (one, other) = (Client::new(config.clone()).expect("valid"), Client::new(config).expect("valid"));
    one.refresh_usage("1").expect("accepted");
    let started = Instant::now();
    let mut observer = GiveUpAfter(started + Duration::from_millis(200));
    one.refresh_usage_observed("2", &mut observer).expect_err("cancelled");
    other.refresh_usage("3").expect("accepted");
    assert!(started.elapsed() < Duration::from_millis(1_800), "{:?}", started.elapsed());
}

#[test]
fn redis_scope_gives_the_nonce_of_a_cancelled_call_to_the_next() {
    let _alone = alone();
    let Some(redis) = Redis::start(&[]) else { return };
    let platform = simulator();
    let mut config = sharing(&platform, &redis.scope());
    config.rate_limit = Some(2.0);
    let client = Client::new(config).expect("valid");
    client.refresh_usage("1").expect("accepted");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut observer = GiveUpAfter(Instant::now() + Duration::from_millis(250));
            client.refresh_usage_observed("2", &mut observer).expect_err("cancelled");
        });
        std::thread::sleep(Duration::from_millis(100));
        client.refresh_usage("3").expect("accepted, and reserved before the other call was cancelled");
    });
    client.refresh_usage("4").expect("accepted");
    let place = |field: &str| redis.cli(&["hget", &redis.key(":account"), field]);
    assert_eq!((place("position").as_str(), place("unused").as_str()), ("3", ""));
    assert_eq!((platform.counters().accepted, platform.counters().repeated_nonces), (3, 0));
}

#[test]
fn redis_scope_shares_the_cooldown_of_a_card_and_takes_that_of_a_failed_refresh_back() {
    let _alone = alone();
    let Some(redis) = Redis::start(&[]) else { return };
    let faults = eiot_sim::Faults::in_order(["status=503".parse::<eiot_sim::Fault>().expect("a fault")]);
    let platform =
        Simulator::start(Options { cooldown: None, faults, ..Options::default() }).expect("a port");
    let client = || {
        let mut config = sharing(&platform, &redis.scope());
        config.eid_cooldown = Duration::from_secs(300);
        Client::new(config).expect("valid")
    };
    client().refresh_usage("1").expect_err("a busy server");
    client().refresh_usage("1").expect("taken back");
    let cli = |words: &[&str]| redis.cli(words);
    let keys = cli(&["--scan"]);
    assert!(!keys.contains("demo-appkey"), "{keys}");
    let key = redis.key(":card:1");
    let left: u64 = cli(&["pttl", &key]).parse().expect("milliseconds");
    assert!((290_000..=300_000).contains(&left), "{left}");
    // As another machine would.
    cli(&["set", &key.replace(":card:1", ":card:2"), "token", "px", "100000"]);
    let error = client().refresh_usage("2").expect_err("another machine has refreshed it");
    assert_eq!((error.kind(), error.delivered()), (ErrorKind::Cooldown, Delivered::No));
    assert!((99..=100).contains(&error.retry_after().expect("a wait").as_secs()), "{error}");
    cli(&["del", &key.replace(":card:1", ":card:2")]);
    client().refresh_usage("2").expect("the refused call has left no cooldown here");
}

#[test]
fn redis_with_a_password_accepts_it_and_the_error_without_it_does_not_show_it() {
    let _alone = alone();
    let Some(redis) = Redis::start(&["--requirepass", "hunter2"]) else { return };
    let platform = simulator();
    let scope = |password: &str| format!("redis://:{password}@127.0.0.1:{}/3", redis.port);
    let client = Client::new(sharing(&platform, &scope("hunter2"))).expect("valid");
    client.refresh_usage("1").expect("accepted");
    for scope in [scope("canary-wrong"), redis.scope()] {
        let client = Client::new(sharing(&platform, &scope)).expect("valid");
        let error = client.refresh_usage("1").expect_err("not let in");
        let seen = format!("{error} {error:?} {client:?}");
        assert_eq!(error.kind(), ErrorKind::Connect);
        assert!(seen.contains("WRONGPASS") || seen.contains("NOAUTH"), "{seen}");
        assert!(!seen.contains("canary-wrong"), "{seen}");
    }
}

/// A CA and a certificate for 127.0.0.1, as PEM files in this directory; `None` without openssl.
fn certificates(directory: &std::path::Path) -> Option<()> {
    let openssl = |arguments: &str| {
        let done = Command::new("openssl").args(arguments.split(' ')).current_dir(directory).output().ok()?;
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        Some(())
    };
    std::fs::write(directory.join("san"), "subjectAltName=IP:127.0.0.1").expect("writable");
    openssl("req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=ca -days 2")?;
    openssl("req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=redis")?;
    openssl(
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile san -out server.pem",
    )
}

#[test]
fn redis_user_needs_no_more_rights_than_the_documentation_lists() {
    let _alone = alone();
    let manual = std::fs::read_to_string("../../docs/operations.md").expect("in the repository");
    let (_, rights) = manual.split_once("The user needs `").expect("the rights");
    let rights: Vec<&str> =
        rights.split_whitespace().map(|word| word.trim_matches(['`', '.', ':'])).collect();
    let rights: Vec<&str> =
        rights.into_iter().take_while(|word| !word.is_empty() && *word != "**Shares").collect();
    let rights = rights.iter().filter(|word| word.starts_with(['+', '~'])).map(|word| match *word {
        "~eiot" => "~eiot:*",
        word => word,
    });
    let user =
        format!("eiot on >hunter2 {}", rights.collect::<Vec<_>>().join(" ").replace("~eiot:*`", "~eiot:*"));
    let words: Vec<&str> = ["--user"].into_iter().chain(user.split(' ')).collect();
    let Some(redis) = Redis::start(&words) else { return };
    let platform = simulator();
    let scope = format!("redis://eiot:hunter2@127.0.0.1:{}", redis.port);
    let mut config = sharing(&platform, &scope);
    (config.eid_cooldown, config.rate_limit) = (Duration::from_secs(300), Some(2.0));
    let client = Client::new(config).expect("valid");
    client.refresh_usage("1").expect("accepted");
    let mut observer = GiveUpAfter(Instant::now() + Duration::from_millis(100));
    client.refresh_usage_observed("2", &mut observer).expect_err("cancelled");
    let started = Instant::now();
    client.refresh_usage("2").expect("permit and cooldown were given back");
    assert!(started.elapsed() < Duration::from_millis(900), "{:?}", started.elapsed());
}

#[test]
fn redis_over_tls_must_have_a_certificate_of_a_trusted_authority() {
    let _alone = alone();
    let directory = std::env::temp_dir().join(format!("eiot-redis-tls-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("writable");
    if certificates(&directory).is_none() {
        return println!("skipped: no openssl");
    }
    let tls_port = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound").port();
    let path = |name: &str| directory.join(name).display().to_string();
    let arguments = [
        ["--tls-port", &tls_port.to_string()],
        ["--tls-cert-file", &path("server.pem")],
        ["--tls-key-file", &path("server.key")],
        ["--tls-ca-cert-file", &path("ca.pem")],
        ["--tls-auth-clients", "no"],
    ];
    let Some(redis) = Redis::start(&arguments.concat()) else { return };
    let platform = simulator();
    let mut config = sharing(&platform, &format!("rediss://127.0.0.1:{tls_port}"));
    let error =
        Client::new(config.clone()).expect("valid").refresh_usage("1").expect_err("an unknown authority");
    assert_eq!((error.kind(), error.delivered()), (ErrorKind::Connect, Delivered::No));
    assert!(error.to_string().contains("certificate"), "{error}");
    config.ca_file = Some(directory.join("ca.pem"));
    let client = Client::new(config.clone()).expect("valid");
    (0..3).for_each(|_| drop(client.refresh_usage("1").expect("accepted")));
    let mut observer = GiveUpAfter(Instant::now());
    config.rate_limit = Some(1.0);
    let slow = Client::new(config).expect("valid");
    slow.refresh_usage("1").expect("accepted");
    slow.refresh_usage_observed("2", &mut observer).expect_err("cancelled");
    let error = Client::new(sharing(&platform, &format!("rediss://127.0.0.1:{}", redis.port)))
        .expect("valid")
        .refresh_usage("1")
        .expect_err("a port without TLS");
    assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
    std::fs::remove_dir_all(directory).expect("there");
}

#[test]
fn redis_that_is_far_away_is_asked_once_for_each_call() {
    let _alone = alone();
    let Some(redis) = Redis::start(&[]) else { return };
    let platform = simulator();
    let requests = Arc::new(AtomicU32::new(0));
    let port = distant(redis.port, Duration::from_millis(60), &requests);
    let client = Client::new(sharing(&platform, &format!("redis://127.0.0.1:{port}"))).expect("valid");
    client.refresh_usage("1").expect("accepted");
    requests.store(0, Ordering::Relaxed);
    (2..6).for_each(|card| drop(client.refresh_usage(card.to_string()).expect("accepted")));
    let asked = requests.load(Ordering::Relaxed);
    // A machine that is held up may lose one, and asks again.
    assert!((4..=6).contains(&asked), "{asked} requests for 4 calls");
}

/// The script of the schedule, run in Redis with a clock of its own: calls that are made when a timer wakes up, at whole
/// milliseconds.
fn virtual_run(limit: u64) -> String {
    let interval = (1e6 / (limit as f64 * 0.95)) as u64;
    let script = include_str!("../src/rate_limit/account.lua");
    format!(
        "local server, clock = redis, 1000000
         local redis = {{ call = function(command, ...)
           if command == 'TIME' then return {{ math.floor(clock / 1000000), clock % 1000000 }} end
           return server.call(command, ...)
         end }}
         local KEYS = {{ 'account', 'released', 'card' }}
         local ARGV = {{ 'reserve', '7', '0', '{interval}', '60000000', '600000000', '0', '0', '5000', '0' }}
         local function step()
         {script}
         end
         local sent, crowded = {{}}, 0
         while clock < 6000000 do
           local wait = step()[2]
           if wait > 0 then clock = math.ceil((clock + wait) / 1000) * 1000 end
           sent[#sent + 1] = clock
           local before = sent[#sent - {limit}]
           if before and clock - before <= 1000000 then crowded = crowded + 1 end
         end
         return #sent .. ' ' .. crowded"
    )
}

#[test]
fn schedule_in_redis_keeps_its_rate_if_calls_are_a_little_late_and_never_exceeds_the_limit() {
    let Some(mut redis) = Redis::start(&[]) else { return };
    for limit in [10, 1_000, 3_000] {
        redis.cli(&["FLUSHALL"]);
        let told = redis.cli(&["EVAL", &virtual_run(limit), "0"]);
        let (sent, crowded) = told.split_once(' ').expect(&told);
        let rate = sent.parse::<f64>().expect("a number") / 5.0;
        assert!(rate >= 0.99 * 0.95 * limit as f64 - 1.0, "{rate} of {limit}");
        assert_eq!(crowded, "0", "closed seconds with more than {limit} calls");
    }
    redis.stop();
}
