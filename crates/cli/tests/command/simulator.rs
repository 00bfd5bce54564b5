//! `eiot refresh` against the simulator, which checks each request independently.

use crate::run::{EID, OTHER_EID, SECRET, refresh_at, run, vectors};
use eiot_sim::{Account, Options, Simulator};
use std::process::Command;

/// A platform with the account of these tests.
fn start(options: Options) -> Simulator {
    let accounts = vec![Account { appkey: "k".to_owned(), secret: SECRET.to_owned() }];
    Simulator::start(Options { accounts, ..options }).expect("a free port")
}

/// `eiot refresh`, which trusts the platform's certificate if it has one.
fn refresh(platform: &Simulator, arguments: &[&str]) -> Command {
    let mut command = refresh_at(platform.url(), arguments);
    if let Some(pem) = platform.ca_pem() {
        let port = platform.url().rsplit(':').next().expect("a port");
        let path = format!("{}/ca-{port}.pem", env!("CARGO_TARGET_TMPDIR"));
        std::fs::write(&path, pem).expect("a writable directory");
        command.arg("--ca-file").arg(path);
    }
    command
}

#[test]
fn refresh_works_for_every_valid_vector_over_http_and_tls() {
    let file = vectors(include_str!("../../../../tests/vectors/eids.json"));
    let cases = file["valid"].as_array().expect("a list");
    let text = |case: &serde_json::Value| case["eid"].as_str().expect("a text").to_owned();
    for tls in [false, true] {
        let platform = start(Options { tls, ..Options::unlimited() });
        let outcome = run(refresh(&platform, &[]).args(cases.iter().map(text)));
        assert_eq!((outcome.exit_code, outcome.stderr.as_str()), (Some(0), ""), "{outcome:?}");
        let refreshed: Vec<_> = outcome.stdout.lines().map(|line| line.split('\t').next()).collect();
        let expected: Vec<_> = cases.iter().map(text).collect();
        assert_eq!(refreshed, expected.iter().map(|eid| Some(eid.trim())).collect::<Vec<_>>());
        assert_eq!(platform.counters().accepted, cases.len() as u64);
    }
}

#[test]
fn refresh_in_the_cooldown_is_refused_with_code_and_message() {
    let platform = start(Options::default());
    let outcome = run(&mut refresh(&platform, &["--json", EID, EID]));
    assert_eq!(outcome.exit_code, Some(1), "{outcome:?}");
    let [first, second] = &outcome.records()[..] else { panic!("{outcome:?}") };
    assert_eq!((&first["ok"], &second["code"]), (&true.into(), &"sim.cooldown".into()));
}

#[test]
fn refresh_with_a_wrong_secret_exits_with_3_if_refused_by_http() {
    for (http_refusals, exit_code) in [(false, 1), (true, 3)] {
        let platform = start(Options { http_refusals, ..Options::default() });
        let outcome = run(refresh(&platform, &[EID]).env("EIOT_SECRET", "wrong"));
        assert_eq!(outcome.exit_code, Some(exit_code), "{outcome:?}");
        assert!(outcome.stderr.contains("sim.bad-sign"), "{outcome:?}");
        assert_eq!(platform.counters().accepted, 0);
    }
}

#[test]
fn refresh_with_an_untrusted_certificate_is_a_tls_error_that_names_the_option() {
    let platform = start(Options { tls: true, ..Options::default() });
    let outcome = run(&mut refresh_at(platform.url(), &["--json", EID]));
    assert_eq!(outcome.exit_code, Some(1), "{outcome:?}");
    let record = outcome.record();
    assert_eq!((&record["kind"], &record["delivered"]), (&"tls".into(), &"no".into()));
    assert!(record["message"].to_string().contains("ca_file"), "{record}");
    assert_eq!(platform.counters().calls, 0);
}

#[test]
fn refresh_with_a_malformed_eid_among_valid_ones_sends_nothing() {
    let platform = start(Options::default());
    let outcome = run(&mut refresh(&platform, &[EID, "8.9E+31", OTHER_EID]));
    assert_eq!(outcome.exit_code, Some(2), "{outcome:?}");
    assert_eq!(platform.counters().connections, 0);
}
