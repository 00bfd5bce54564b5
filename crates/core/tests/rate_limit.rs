//! The account's rate limit, against the simulator, which counts as the platform reportedly does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::tls::{Authority, Flaw, file, serve_tls};
use common::{alone, config, http, in_three_tries, read_request, suspend};
use eiot::{Client, Config, Observer};
use eiot_sim::{Counters, Fault, Faults, Options, Simulator};
use std::io::Write;
use std::ops::ControlFlow;
use std::str::FromStr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Limit 10 per second and the nonce check on; a card may be refreshed again immediately.
fn simulator() -> Simulator {
    Simulator::start(Options { cooldown: None, ..Options::default() }).expect("a free port")
}

/// The default options, except for one attempt.
fn limited(platform: &Simulator) -> Config {
    let mut config = config(platform.url());
    config.rate_limit = Some(10.0);
    config
}

/// Refreshes this many cards with each client concurrently.
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

/// Nothing was rejected, and no closed second had more calls than the limit.
fn assert_kept(counters: &Counters, calls: u64) {
    assert!(counters.refused.is_empty(), "{:?}", counters.refused);
    assert_eq!((counters.accepted, counters.repeated_nonces), (calls, 0));
    assert!(counters.busiest_second <= 10, "{}", counters.busiest_second);
}

#[test]
fn rate_limit_of_an_account_is_shared_by_all_clients_of_a_process() {
    let _alone = alone();
    in_three_tries(|| {
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
    });
}

#[test]
fn rate_limit_outlives_the_client() {
    let _alone = alone();
    in_three_tries(|| {
        let platform = simulator();
        for card in 0..12 {
            let client = Client::new(limited(&platform)).expect("valid");
            client.refresh_usage(card.to_string()).expect("accepted");
        }
        assert_kept(&platform.counters(), 12);
    });
}

#[test]
fn rate_limit_lets_a_call_beside_a_batch_go_out_within_two_permits() {
    let _alone = alone();
    in_three_tries(|| {
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
            assert!(longest < Duration::from_millis(2 * 106 + 400), "{longest:?}");
        });
        assert_kept(&platform.counters(), 48);
    });
}

#[test]
fn rate_limit_lets_a_call_beside_a_batch_of_retries_go_out_within_two_permits() {
    let _alone = alone();
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
            // All are in flight and wait for their second attempt.
            std::thread::sleep(Duration::from_millis(4_300));
            let started = Instant::now();
            client.refresh_usage("2").expect("accepted");
            started.elapsed()
        });
        while batch.next().is_some() {}
        let took = single.join().expect("no panic");
        assert!(took < Duration::from_millis(2 * 106 + 400), "{took:?}");
    });
    assert!(platform.counters().busiest_second <= 10);
}

#[test]
fn rate_limit_of_a_process_lets_a_call_beside_a_full_batch_go_out_within_two_permits() {
    let _alone = alone();
    common::single_call_goes_out_within_two_permits_beside_a_full_batch("process", None);
}

#[test]
fn rate_shares_that_start_together_keep_the_limit_of_the_account() {
    let _alone = alone();
    in_three_tries(|| {
        for of in [2, 3, 4, 8, 20] {
            let platform = simulator();
            let clients: Vec<_> = (1..=of)
                .map(|which| {
                    let mut config = limited(&platform);
                    config.rate_share = (which, of);
                    Client::new(config).expect("valid")
                })
                .collect();
            let each = 24_usize.div_ceil(clients.len());
            let started = Instant::now();
            refresh_at_once(&clients, each);
            let calls = (each * clients.len()) as f64;
            let (took, spacing) = (started.elapsed().as_secs_f64(), calls / 9.5);
            assert_kept(&platform.counters(), calls as u64);
            assert!(
                took < (spacing + f64::from(of) / 9.5) * 1.03 + 0.3,
                "{of} shares: {took} s instead of {spacing}"
            );
        }
    });
}

struct GiveUpAfter(Instant);

impl Observer for GiveUpAfter {
    fn keep_going(&mut self) -> ControlFlow<()> {
        if Instant::now() < self.0 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}

/// The first calls of a batch each make a connection, and later calls find one: without a guard, those that waited for the handshake
/// would arrive with those that did not.
#[test]
fn rate_limit_holds_while_connections_take_long_to_make() {
    let _alone = alone();
    in_three_tries(|| {
        let (authority, arrivals) = (Authority::new(), Arc::new(Mutex::new(Vec::new())));
        let arrived = arrivals.clone();
        let url = serve_tls(authority.server(Flaw::None, None), move |stream| {
            std::thread::sleep(Duration::from_millis(400));
            while read_request(stream).is_some() {
                arrived.lock().unwrap().push(Instant::now());
                std::thread::sleep(Duration::from_millis(100));
                let _ = stream.write_all(http("200 OK", "", r#"{"code":"200"}"#).as_bytes());
            }
        });
        let mut config = config(&url);
        config.rate_limit = Some(10.0);
        config.ca_file = Some(file(&authority.pem));
        let client = Client::new(config).expect("valid");
        let mut batch = client.batch(32, Box::new(())).expect("a batch");
        (0..24).for_each(|card| batch.push_tagged(format!("{card}"), card));
        // An order has a connection of its own.
        let order = eiot::Call::from_json("/api/v3/cloudesim/purchase", r#"{"eid":"1","outTradeNo":"A"}"#);
        batch.push_call(order.expect("valid"), 24);
        let mut outcomes = 0;
        while let Some(outcome) = batch.next() {
            assert_eq!(
                outcome.result.expect("accepted").attempts(),
                1,
                "one attempt, however long it waited"
            );
            outcomes += 1;
        }
        assert_eq!(outcomes, 25);
        let arrivals = arrivals.lock().unwrap();
        for eleven in arrivals.windows(11) {
            assert!(eleven[10] - eleven[0] > Duration::from_secs(1), "{:?}", eleven[10] - eleven[0]);
        }
        assert!(arrivals[24] - arrivals[0] < Duration::from_secs(6), "{:?}", arrivals[24] - arrivals[0]);
    });
}

#[test]
fn rate_limit_gives_the_permit_of_a_cancelled_call_to_the_next() {
    let _alone = alone();
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
    assert!(took < Duration::from_millis(1_800), "{took:?}");
}

/// The shared state of processes, tested within one: clients of different scopes or directories share nothing.
#[cfg(unix)]
mod shared_file {
    use super::*;
    use eiot::{ErrorKind, RateScope};
    use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
    use std::path::{Path, PathBuf};
    use std::process::{Child, Command};

    /// A separate directory for each test; removed when it passes.
    struct Directory(PathBuf);

    impl Directory {
        fn new(test: &str) -> Self {
            let path = std::env::temp_dir().join(format!("eiot-rate-{test}-{}", std::process::id()));
            let _ = std::fs::remove_dir_all(&path);
            Self(path)
        }

        /// The only file in it.
        fn file(&self) -> PathBuf {
            let mut entries =
                std::fs::read_dir(&self.0).expect("made").map(|entry| entry.expect("one").path());
            let file = entries.next().expect("a file");
            assert_eq!(entries.next(), None);
            file
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn sharing(platform: &Simulator, directory: &Path) -> Config {
        let mut config = limited(platform);
        (config.rate_scope, config.rate_dir) = (RateScope::Host, Some(directory.to_owned()));
        config.timeout = Duration::from_secs(1);
        config
    }

    /// A client's error about an unusable file, and how long it takes.
    fn refusal(config: Config) -> String {
        let started = Instant::now();
        let result = Client::new(config).and_then(|client| client.refresh_usage("1"));
        let error = result.expect_err("refused");
        assert!(started.elapsed() < Duration::from_secs(2), "{:?}: {error}", started.elapsed());
        assert_eq!(error.delivered(), eiot::Delivered::No);
        error.to_string()
    }

    #[test]
    fn shared_file_and_its_directory_belong_to_this_user_alone() {
        let _alone = alone();
        let (platform, directory) = (simulator(), Directory::new("modes"));
        let client = Client::new(sharing(&platform, &directory.0)).expect("valid");
        client.refresh_usage("1").expect("accepted");
        let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o7777;
        assert_eq!((mode(&directory.0), mode(&directory.file())), (0o700, 0o600));
    }

    #[test]
    fn shared_file_in_a_directory_that_others_may_write_to_is_writable_for_them() {
        let _alone = alone();
        let (platform, directory) = (simulator(), Directory::new("modes-of-others"));
        for (of_directory, of_file) in [(0o2770, 0o660), (0o1777, 0o666)] {
            std::fs::create_dir(&directory.0).expect("new");
            std::fs::set_permissions(&directory.0, PermissionsExt::from_mode(of_directory)).expect("ours");
            Client::new(sharing(&platform, &directory.0)).expect("valid");
            let mode = std::fs::metadata(directory.file()).expect("there").permissions().mode() & 0o7777;
            assert_eq!(mode, of_file, "{mode:o}");
            std::fs::remove_dir_all(&directory.0).expect("there");
        }
    }

    #[test]
    fn shared_file_lets_a_call_beside_a_full_batch_go_out_within_two_permits() {
        let _alone = alone();
        let directory = Directory::new("full");
        common::single_call_goes_out_within_two_permits_beside_a_full_batch("host", Some(&directory.0));
    }

    #[test]
    fn shared_file_whose_lock_is_held_longer_than_2_s_is_reported_once() {
        let _alone = alone();
        let (platform, directory) = (simulator(), Directory::new("held-and-told"));
        let mut config = sharing(&platform, &directory.0);
        config.timeout = Duration::from_secs(10);
        let client = Client::new(config).expect("valid");
        let holder = std::fs::File::open(directory.file()).expect("there");
        fs4::FileExt::lock(&holder).expect("free");
        let mut notices = Notices(Vec::new());
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(2_500));
                fs4::FileExt::unlock(&holder).expect("held");
            });
            client.refresh_usage_observed("1", &mut notices).expect("accepted");
            client.refresh_usage_observed("2", &mut notices).expect("accepted");
        });
        let [notice] = &notices.0[..] else { panic!("{:?}", notices.0) };
        let said = format!("rate limit: another process has held the lock of {}", directory.file().display());
        assert!(notice.starts_with(&said) && notice.ends_with("still waiting"), "{notice}");
    }

    #[test]
    fn shared_file_whose_lock_is_held_ends_a_call_at_its_deadline_and_is_named() {
        let _alone = alone();
        let (platform, directory) = (simulator(), Directory::new("held"));
        let config = sharing(&platform, &directory.0);
        let client = Client::new(config.clone()).expect("valid");
        let holder = std::fs::File::open(directory.file()).expect("there");
        fs4::FileExt::lock(&holder).expect("free");
        let text = refusal(config);
        assert!(
            text.contains("another process has held the lock of") && text.contains("nothing was sent"),
            "{text}"
        );
        let mut observer = GiveUpAfter(Instant::now() + Duration::from_millis(100));
        let started = Instant::now();
        let error = client.refresh_usage_observed("1", &mut observer).expect_err("cancelled");
        assert_eq!(error.kind(), ErrorKind::Cancelled);
        assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());
        fs4::FileExt::unlock(&holder).expect("held");
        client.refresh_usage("1").expect("accepted");
    }

    struct Holder(Child);

    impl Drop for Holder {
        fn drop(&mut self) {
            let _ = (self.0.kill(), self.0.wait());
        }
    }

    #[test]
    fn shared_file_whose_holder_is_stopped_hangs_neither_calls_nor_batches() {
        let _alone = alone();
        let (platform, directory) = (simulator(), Directory::new("stopped"));
        let config = sharing(&platform, &directory.0);
        let client = Client::new(config.clone()).expect("valid");
        let command = Command::new("flock")
            .args(["--no-fork".as_ref(), directory.file().as_os_str()])
            .args(["sleep", "60"])
            .spawn();
        let Ok(holder) = command.map(Holder) else { return println!("skipped: no flock(1) on this machine") };
        let file = std::fs::File::open(directory.file()).expect("there");
        while fs4::FileExt::try_lock(&file).is_ok() {
            fs4::FileExt::unlock(&file).expect("held");
            std::thread::sleep(Duration::from_millis(10));
        }
        suspend(holder.0.id());
        assert!(refusal(config).contains("another process has held the lock of"));
        let mut batch = client.batch(8, Box::new(())).expect("a batch");
        batch.push("1");
        let started = Instant::now();
        let error = batch.next().expect("an outcome").result.expect_err("no permit");
        assert_eq!(error.kind(), ErrorKind::RateLimited);
        assert!(started.elapsed() < Duration::from_secs(12), "{:?}", started.elapsed());
        drop(holder);
        client.refresh_usage("1").expect("the lock has gone with its holder");
    }

    #[test]
    fn shared_file_that_is_removed_under_running_clients_is_shared_again() {
        let _alone = alone();
        let (platform, directory) = (simulator(), Directory::new("removed"));
        let mut config = sharing(&platform, &directory.0);
        config.timeout = Duration::from_secs(10);
        let clients: Vec<_> = (0..4).map(|_| Client::new(config.clone()).expect("valid")).collect();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..5 {
                    std::thread::sleep(Duration::from_millis(300));
                    // It may be gone still: a process that finds it lost waits for a second before its next call.
                    for entry in std::fs::read_dir(&directory.0).expect("made") {
                        let _ = std::fs::remove_file(entry.expect("one").path());
                    }
                }
            });
            refresh_at_once(&clients, 6);
        });
        assert_kept(&platform.counters(), 24);
    }

    #[test]
    fn shared_file_with_a_permit_far_ahead_refuses_at_once_and_names_itself() {
        let _alone = alone();
        let (platform, directory) = (simulator(), Directory::new("planted"));
        let mut slow = sharing(&platform, &directory.0);
        slow.rate_limit = Some(0.01);
        Client::new(slow).expect("valid").refresh_usage("1").expect("accepted");
        let started = Instant::now();
        let text = refusal(sharing(&platform, &directory.0));
        assert!(started.elapsed() < Duration::from_millis(500));
        assert!(text.contains(&format!("set by {}", directory.file().display())), "{text}");
    }

    struct Notices(Vec<String>);

    impl Observer for Notices {
        fn notice(&mut self, notice: &eiot::Notice<'_>) {
            self.0.push(notice.to_string());
        }
    }

    #[test]
    fn rate_limit_reports_a_long_wait() {
        let _alone = alone();
        let (platform, directory) = (simulator(), Directory::new("told"));
        let mut config = sharing(&platform, &directory.0);
        config.timeout = Duration::from_secs(10);
        let mut slow = config.clone();
        slow.rate_limit = Some(0.4);
        Client::new(slow).expect("valid").refresh_usage("1").expect("accepted");
        let mut notices = Notices(Vec::new());
        let client = Client::new(config).expect("valid");
        client.refresh_usage_observed("2", &mut notices).expect("accepted");
        client.refresh_usage_observed("3", &mut notices).expect("accepted");
        let said = format!("set by {}", directory.file().display());
        assert_eq!(notices.0.len(), 1, "{:?}", notices.0);
        assert!(
            notices.0[0].starts_with("rate limit: waiting 2.") && notices.0[0].ends_with(&said),
            "{:?}",
            notices.0
        );
    }

    #[test]
    fn shared_file_is_neither_a_link_nor_a_pipe_nor_of_another_user() {
        let _alone = alone();
        let (platform, directory) = (simulator(), Directory::new("planted-by-others"));
        let config = sharing(&platform, &directory.0);
        Client::new(config.clone()).expect("valid");
        let (file, other) = (directory.file(), directory.0.join("other"));
        let refused = |why: &str| {
            let text = refusal(config.clone());
            assert!(text.starts_with("rate_scope: /") && text.contains(why), "{text}");
            assert_eq!(text.matches("rate_scope").count(), 1, "{text}");
            std::fs::remove_file(&file).expect("there");
        };

        std::fs::rename(&file, &other).expect("there");
        symlink(&other, &file).expect("a link");
        refused("it is a symbolic link");

        std::fs::hard_link(&other, &file).expect("a link");
        refused("it has several hard links");

        assert!(Command::new("mkfifo").arg(&file).status().expect("mkfifo").success());
        assert!(std::fs::metadata(&file).expect("there").file_type().is_fifo());
        refused("it is not a regular file");

        std::fs::copy(&other, &file).expect("there");
        if std::os::unix::fs::chown(&file, Some(54_321), None).is_ok() {
            refused("it belongs to user 54321");
        } else {
            println!("skipped: a file of another user, which only root can make");
            std::fs::remove_file(&file).expect("there");
        }
    }

    #[test]
    fn shared_file_in_a_directory_that_cannot_be_used_is_a_configuration_error() {
        let _alone = alone();
        let (platform, directory) = (simulator(), Directory::new("unusable"));
        let text = refusal(sharing(&platform, Path::new("/proc/eiot-rate")));
        assert!(text.contains("the directory /proc/eiot-rate: "), "{text}");
        std::fs::write(&directory.0, "").expect("writable");
        let text = refusal(sharing(&platform, &directory.0));
        assert!(text.contains("Not a directory"), "{text}");
        std::fs::remove_file(&directory.0).expect("there");
        std::fs::create_dir(&directory.0).expect("new");
        if std::os::unix::fs::chown(&directory.0, Some(54_321), None).is_ok() {
            let text = refusal(sharing(&platform, &directory.0));
            assert!(text.contains("it belongs to user 54321 and is not shared"), "{text}");
            assert_eq!(std::fs::metadata(&directory.0).expect("there").uid(), 54_321);
        }
    }
}
