//! `eiot doctor`: what is well, what is not, and what to do about it; nothing is refreshed.

use crate::run::{Outcome, SECRET, eiot, run};
use eiot::Config;
use eiot_sim::{Options, Simulator};
use serde_json::Value;
use std::process::Command;

/// The checks, in the order in which they are told.
const CHECKS: [&str; 6] = ["configuration", "signature", "dns", "connection", "answer", "clock"];

fn doctor(url: &str, flags: &[&str]) -> Command {
    let mut command = eiot(&["doctor"]);
    command.args(flags).env("EIOT_APPKEY", "k").env("EIOT_SECRET", SECRET);
    command.env("EIOT_BASE_URL", url).env("EIOT_TIMEOUT", "10");
    command
}

fn platform(options: Options) -> Simulator {
    Simulator::start(options).expect("a free port")
}

/// The platform's authority as a file.
fn ca_file(platform: &Simulator) -> String {
    let port = platform.url().rsplit(':').next().expect("a port");
    let path = format!("{}/doctor-ca-{port}.pem", env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(&path, platform.ca_pem().expect("TLS")).expect("a writable directory");
    path
}

/// The status of each check, in the order of [`CHECKS`].
fn statuses(outcome: &Outcome) -> Vec<String> {
    let told: Vec<_> = outcome.stdout.lines().map(|line| line.split_whitespace().take(2)).collect();
    let told =
        told.into_iter().map(|mut words| (words.next().expect("a status"), words.next().expect("a check")));
    let (statuses, checks): (Vec<_>, Vec<_>) = told.map(|(status, check)| (status.to_owned(), check)).unzip();
    assert_eq!(checks, CHECKS, "{outcome:?}");
    statuses
}

/// The line of one check.
fn line<'a>(outcome: &'a Outcome, check: &str) -> &'a str {
    outcome.stdout.lines().nth(CHECKS.iter().position(|known| *known == check).expect(check)).expect(check)
}

#[test]
fn all_is_well_with_a_healthy_platform() {
    for tls in [false, true] {
        let platform = platform(Options { tls, ..Options::default() });
        let mut command = doctor(&platform.url().replace("127.0.0.1", "localhost"), &[]);
        if tls {
            command.arg("--ca-file").arg(ca_file(&platform));
        }
        let outcome = run(&mut command);
        assert_eq!((outcome.exit_code, outcome.stderr.as_str()), (Some(0), ""), "{outcome:?}");
        assert_eq!(statuses(&outcome), ["ok"; 6]);
        assert!(line(&outcome, "dns").contains("127.0.0.1"));
        assert_eq!(line(&outcome, "connection").contains("TCP and TLS"), tls);
        assert!(
            line(&outcome, "answer").contains("unsigned GET") && line(&outcome, "answer").contains("404")
        );
        assert_eq!((platform.counters().accepted, platform.counters().calls), (0, 1), "one GET, no refresh");
    }
}

#[test]
fn the_options_in_effect_are_named_and_the_secret_is_masked() {
    let platform = platform(Options::default());
    let outcome = run(&mut doctor(platform.url(), &["--strict-eid"]));
    let line = line(&outcome, "configuration");
    for named in ["appkey=k", "secret=[redacted]", "strict_eid=on", "timeout=10", platform.url()] {
        assert!(line.contains(named), "{line}");
    }
    assert!(!line.contains("max_attempts"), "{line}");
}

#[test]
fn a_proxys_password_is_shown_nowhere() {
    let proxy = format!("http://user:{SECRET}@127.0.0.1:1");
    for flags in [&["--proxy", &proxy][..], &["--json", "--proxy", &proxy]] {
        let outcome = run(&mut doctor("https://oapi.eiotclub.com", flags));
        assert_eq!(outcome.exit_code, Some(1), "{outcome:?}");
        assert!(outcome.stdout.contains("http://[redacted]@127.0.0.1:1"), "{outcome:?}");
    }
}

#[test]
fn a_wrong_clock_is_told_in_seconds_and_direction() {
    for (seconds, says) in [(3600, "behind the server's"), (-3600, "ahead of the server's")] {
        let platform = platform(Options { clock_offset_seconds: seconds, ..Options::default() });
        let outcome = run(&mut doctor(platform.url(), &[]));
        assert_eq!(outcome.exit_code, Some(1), "{outcome:?}");
        assert_eq!(statuses(&outcome), ["ok", "ok", "skipped", "ok", "ok", "failed"]);
        let line = line(&outcome, "clock");
        assert!(line.contains(says) && line.contains("NTP"), "{line}");
        assert!(line.contains("3599 s") || line.contains("3600 s") || line.contains("3601 s"), "{line}");
    }
}

#[test]
fn a_platform_that_cannot_be_reached_is_told_with_what_to_do() {
    let outcome = run(&mut doctor("http://127.0.0.1:1", &[]));
    assert_eq!(outcome.exit_code, Some(1), "{outcome:?}");
    assert_eq!(statuses(&outcome), ["ok", "ok", "skipped", "failed", "skipped", "skipped"]);
    let line = line(&outcome, "connection");
    assert!(line.contains("refused") && line.contains("firewall"), "{line}");
}

#[test]
fn a_name_that_is_not_there_is_told_with_what_to_do() {
    let outcome = run(&mut doctor("https://eiot.invalid", &[]));
    assert_eq!(outcome.exit_code, Some(1), "{outcome:?}");
    assert_eq!(statuses(&outcome), ["ok", "ok", "failed", "skipped", "skipped", "skipped"]);
    assert!(line(&outcome, "dns").contains("name servers"), "{outcome:?}");
}

#[test]
fn an_unknown_authority_is_told_with_the_option_for_it() {
    let platform = platform(Options { tls: true, ..Options::default() });
    let outcome = run(&mut doctor(platform.url(), &[]));
    assert_eq!(outcome.exit_code, Some(1), "{outcome:?}");
    assert_eq!(statuses(&outcome), ["ok", "ok", "skipped", "failed", "skipped", "skipped"]);
    assert!(line(&outcome, "connection").contains("ca_file"), "{outcome:?}");
}

#[test]
fn a_configuration_that_cannot_be_used_is_told_and_nothing_is_sent() {
    for (variable, value, says) in [
        ("EIOT_APPKEY", "", "EIOT_APPKEY"),
        ("EIOT_TIMEOUT", "soon", "EIOT_TIMEOUT"),
        ("EIOT_CA_FILE", "/nonexistent", "ca_file"),
    ] {
        let platform = platform(Options::default());
        let outcome = run(doctor(platform.url(), &[]).env(variable, value));
        assert_eq!(outcome.exit_code, Some(2), "{outcome:?}");
        assert_eq!(statuses(&outcome), ["failed", "ok", "skipped", "skipped", "skipped", "skipped"]);
        assert!(line(&outcome, "configuration").contains(says), "{outcome:?}");
        assert_eq!(platform.counters().connections, 0);
    }
}

#[test]
fn json_has_an_object_a_check_and_help_names_its_fields() {
    let platform = platform(Options { clock_offset_seconds: 60, ..Options::default() });
    let outcome = run(&mut doctor(platform.url(), &["--json"]));
    let records = outcome.records();
    assert_eq!(
        records.iter().map(|record| record["check"].as_str().expect("a text")).collect::<Vec<_>>(),
        CHECKS
    );
    let options = records[0]["options"].as_object().expect("an object");
    assert_eq!(options.len(), Config::OPTIONS.len());
    assert_eq!((&options["secret"], &options["proxy"]), (&"[redacted]".into(), &Value::Null));
    let offset = records[5]["clock_offset_ms"].as_i64().expect("a number");
    assert!((offset - 60_000).abs() < 1_000, "{offset}");
    assert_eq!(records[5]["status"], "failed");
    let help = run(&mut eiot(&["doctor", "--help"])).stdout;
    for record in &records {
        for field in record.as_object().expect("an object").keys() {
            assert!(help.contains(&format!("\n    {field} ")), "{field}");
        }
    }
}

#[test]
fn help_lists_every_check() {
    let help = run(&mut eiot(&["doctor", "--help"])).stdout;
    for check in CHECKS {
        assert!(help.contains(&format!("\n  {check} ")), "{check}");
    }
}
