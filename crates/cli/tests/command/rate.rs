//! Processes of one account share one rate limit by default.

use crate::run::SECRET;
use crate::run::refresh_at;
use eiot_sim::{Account, Options, Simulator};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Instant;

#[test]
fn rate_of_eight_processes_is_that_of_one_and_no_nonce_is_repeated() {
    let accounts = vec![Account { appkey: "k".to_owned(), secret: SECRET.to_owned() }];
    // Without a rate limit of its own: on a busy machine calls arrive in bursts, however evenly they were sent.
    let options = Options { accounts, rate_limit: None, ..Options::default() };
    let platform = Simulator::start(options).expect("a free port");
    let started = Instant::now();
    let processes: Vec<_> = (1..=8)
        .map(|number| {
            let eids: String = (0..8).map(|card| format!("{number}{card}\n")).collect();
            let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("rate-{number}.txt"));
            std::fs::write(&file, eids).expect("a writable directory");
            let mut command = refresh_at(platform.url(), &["--from"]);
            command.arg(file).stdout(Stdio::null()).spawn().expect("the command starts")
        })
        .collect();
    for mut process in processes {
        assert!(process.wait().expect("it ends").success());
    }
    let took = started.elapsed().as_secs_f64();
    let counters = platform.counters();
    assert!(counters.refused.is_empty(), "{:?}", counters.refused);
    assert_eq!((counters.accepted, counters.repeated_nonces), (64, 0));
    // The rate allows 9.5 per second, and a busy machine delays some calls so that they arrive together. Eight rates would make 76.
    assert!((9..=25).contains(&counters.busiest_second), "{}", counters.busiest_second);
    let spacing = 63.0 / 9.5;
    assert!((spacing..spacing * 3.0).contains(&took), "{took} s, where the rate allows {spacing} s");
}
