//! `eiot doctor`: reports problems and their fixes, and refreshes nothing.

use crate::responder::{Reply, Responder};
use crate::run::{EID, Outcome, SECRET, eiot, run};
use eiot::Config;
use eiot_sim::{Account, Counters, Fault, Faults, Options, Simulator};
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr};
use std::process::Command;

/// The checks, in the order in which they are reported.
const CHECKS: [&str; 8] =
    ["configuration", "environment", "signature", "dns", "connection", "answer", "clock", "account"];

/// The read-only call that checks the account.
const BALANCE: &str = "/api/v3/agent/balance";

fn doctor(url: &str, flags: &[&str]) -> Command {
    let mut command = eiot(&["doctor"]);
    command.args(flags).env("EIOT_APPKEY", "k").env("EIOT_SECRET", SECRET);
    command.env("EIOT_BASE_URL", url).env("EIOT_TIMEOUT", "10");
    command
}

/// A platform with the account of these tests.
fn platform(options: Options) -> Simulator {
    let accounts = vec![Account { appkey: "k".to_owned(), secret: SECRET.to_owned() }];
    Simulator::start(Options { accounts, ..options }).expect("a free port")
}

/// A healthy platform whose first calls have these faults.
fn faulty(faults: &[Fault]) -> Simulator {
    let plan = faults.iter().cloned().map(Some).collect();
    platform(Options { faults: Faults { plan, ..Faults::default() }, ..Options::default() })
}

/// How often the account's balance was requested; fails if there was any other call.
fn balance_calls(counters: &Counters) -> u64 {
    assert!(counters.per_eid.is_empty() && counters.other_eids == 0, "{counters:?}");
    assert!(counters.per_path.keys().all(|path| path == BALANCE), "{counters:?}");
    counters.per_path.get(BALANCE).copied().unwrap_or(0)
}

/// The check `account` against a platform where everything else works.
fn account(outcome: &Outcome) -> (Option<i32>, String, &str) {
    let mut statuses = statuses(outcome);
    let status = statuses.pop().expect("a status");
    assert_eq!(statuses, ["ok", "ok", "ok", "skipped", "ok", "ok", "ok"], "{outcome:?}");
    (outcome.exit_code, status, line(outcome, "account"))
}

/// The platform's CA as a file.
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
fn doctor_finds_nothing_wrong_with_a_healthy_platform() {
    for tls in [false, true] {
        let platform = platform(Options { tls, ..Options::default() });
        let mut command = doctor(&platform.url().replace("127.0.0.1", "localhost"), &[]);
        if tls {
            command.arg("--ca-file").arg(ca_file(&platform));
        }
        let outcome = run(&mut command);
        assert_eq!((outcome.exit_code, outcome.stderr.as_str()), (Some(0), ""), "{outcome:?}");
        assert_eq!(statuses(&outcome), ["ok"; 8]);
        assert!(line(&outcome, "dns").contains("127.0.0.1"));
        assert_eq!(line(&outcome, "connection").contains("TCP and TLS"), tls);
        assert!(
            line(&outcome, "answer").contains("unsigned GET") && line(&outcome, "answer").contains("404")
        );
        let counters = platform.counters();
        assert_eq!((counters.accepted, counters.calls), (1, 2), "one GET, and one call that was accepted");
        assert_eq!(balance_calls(&counters), 1);
        assert!(line(&outcome, "account").contains("accepts appkey, secret and this machine's address"));
        assert!(!outcome.stdout.to_lowercase().contains("balance"), "{outcome:?}");
    }
}

#[test]
fn doctor_shows_the_options_in_effect_and_masks_the_secret() {
    let platform = platform(Options::default());
    let outcome = run(&mut doctor(platform.url(), &["--strict-eid"]));
    let line = line(&outcome, "configuration");
    for named in ["appkey=k", "secret=[redacted]", "strict_eid=on", "timeout=10", platform.url()] {
        assert!(line.contains(named), "{line}");
    }
    assert!(!line.contains("max_attempts"), "{line}");
}

#[test]
fn doctor_never_shows_the_password_of_a_proxy() {
    let proxy = format!("http://user:{SECRET}@127.0.0.1:1");
    for flags in [&["--proxy", &proxy][..], &["--json", "--proxy", &proxy]] {
        let outcome = run(&mut doctor("https://oapi.eiotclub.com", flags));
        assert_eq!(outcome.exit_code, Some(1), "{outcome:?}");
        assert!(outcome.stdout.contains("http://[redacted]@127.0.0.1:1"), "{outcome:?}");
    }
}

#[test]
fn doctor_reports_a_wrong_clock_in_seconds_and_direction() {
    for (seconds, says) in [(3600, "behind the server's"), (-3600, "ahead of the server's")] {
        let platform = platform(Options { clock_offset_seconds: seconds, ..Options::default() });
        let outcome = run(&mut doctor(platform.url(), &[]));
        assert_eq!(outcome.exit_code, Some(1), "{outcome:?}");
        assert_eq!(statuses(&outcome), ["ok", "ok", "ok", "skipped", "ok", "ok", "failed", "ok"]);
        let line = line(&outcome, "clock");
        assert!(line.contains(says) && line.contains("NTP"), "{line}");
        assert!(line.contains("3599 s") || line.contains("3600 s") || line.contains("3601 s"), "{line}");
    }
}

#[test]
fn doctor_advises_on_an_unreachable_platform() {
    let outcome = run(&mut doctor("http://127.0.0.1:1", &[]));
    assert_eq!(outcome.exit_code, Some(1), "{outcome:?}");
    assert_eq!(statuses(&outcome), [&["ok", "ok", "ok", "skipped", "failed"][..], &["skipped"; 3]].concat());
    let line = line(&outcome, "connection");
    assert!(line.contains("refused") && line.contains("firewall"), "{line}");
}

#[test]
fn doctor_advises_on_an_unknown_host_name() {
    let outcome = run(&mut doctor("https://eiot.invalid", &[]));
    assert_eq!(outcome.exit_code, Some(1), "{outcome:?}");
    assert_eq!(statuses(&outcome), [&["ok", "ok", "ok", "failed"][..], &["skipped"; 4]].concat());
    assert!(line(&outcome, "dns").contains("DNS servers"), "{outcome:?}");
}

#[test]
fn doctor_names_the_option_for_an_unknown_certificate_authority() {
    let platform = platform(Options { tls: true, ..Options::default() });
    let outcome = run(&mut doctor(platform.url(), &[]));
    assert_eq!(outcome.exit_code, Some(1), "{outcome:?}");
    assert_eq!(statuses(&outcome), [&["ok", "ok", "ok", "skipped", "failed"][..], &["skipped"; 3]].concat());
    assert!(line(&outcome, "connection").contains("ca_file"), "{outcome:?}");
}

#[test]
fn doctor_reports_an_invalid_configuration_and_sends_nothing() {
    for (variable, value, says) in [
        ("EIOT_APPKEY", "", "EIOT_APPKEY"),
        ("EIOT_TIMEOUT", "soon", "EIOT_TIMEOUT"),
        ("EIOT_CA_FILE", "/nonexistent", "ca_file"),
    ] {
        let platform = platform(Options::default());
        let outcome = run(doctor(platform.url(), &[]).env(variable, value));
        assert_eq!(outcome.exit_code, Some(2), "{outcome:?}");
        assert_eq!(statuses(&outcome), [&["failed", "ok", "ok"][..], &["skipped"; 5]].concat());
        assert!(line(&outcome, "configuration").contains(says), "{outcome:?}");
        assert_eq!(platform.counters().connections, 0);
    }
}

#[test]
fn doctor_json_has_an_object_per_check_with_the_fields_that_help_lists() {
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
    let clock = &records[6];
    let offset = clock["clock_offset_ms"].as_i64().expect("a number");
    assert!((offset - 60_000).abs() < 1_000, "{offset}");
    assert_eq!((&clock["status"], &clock["kind"]), (&"failed".into(), &Value::Null));
    let help = run(&mut eiot(&["doctor", "--help"])).stdout;
    for record in &records {
        for field in record.as_object().expect("an object").keys() {
            assert!(help.contains(&format!("\n    {field} ")), "{field}");
        }
    }
}

#[test]
fn doctor_help_lists_every_check() {
    let help = run(&mut eiot(&["doctor", "--help"])).stdout;
    for check in CHECKS {
        assert!(help.contains(&format!("\n  {check} ")), "{check}");
    }
}

#[test]
fn doctor_reports_a_wrong_secret_or_appkey_with_code_and_message_verbatim() {
    for (variable, code, message) in [
        ("EIOT_SECRET", "sim.bad-sign", "the signature does not match these parameters and this secret"),
        ("EIOT_APPKEY", "sim.unknown-appkey", "unknown appkey"),
    ] {
        let platform = platform(Options::default());
        let outcome = run(doctor(platform.url(), &[]).env(variable, "wrong"));
        let (exit_code, status, line) = account(&outcome);
        assert_eq!((exit_code, status.as_str()), (Some(1), "failed"), "{outcome:?}");
        for said in [&format!("code {code}: {message}"), "unpublished code", "appkey, secret", "clock"] {
            assert!(line.contains(said), "{line}");
        }
        assert_eq!(balance_calls(&platform.counters()), 1, "a refusal of this kind is not retried");
    }
}

#[test]
fn doctor_reports_http_401_with_a_code_as_wrong_credentials() {
    let platform = platform(Options { http_refusals: true, ..Options::default() });
    let outcome = run(doctor(platform.url(), &["--json"]).env("EIOT_SECRET", "wrong"));
    assert_eq!(outcome.exit_code, Some(3), "{outcome:?}");
    let record = outcome.records().pop().expect("a record");
    assert_eq!((&record["kind"], &record["code"]), (&"auth".into(), &"sim.bad-sign".into()));
    assert!(record["message"].to_string().contains("check appkey and secret"), "{record}");
}

#[test]
fn doctor_reports_missing_permissions_in_the_published_words() {
    let platform = platform(Options { refuse: Some("403".to_owned()), ..Options::default() });
    let outcome = run(&mut doctor(platform.url(), &[]));
    let (exit_code, status, line) = account(&outcome);
    assert_eq!((exit_code, status.as_str()), (Some(3), "failed"), "{outcome:?}");
    for said in ["code 403: You don't have permission to access", "rights", "--no-call"] {
        assert!(line.contains(said), "{line}");
    }
    assert!(!line.contains("allow-list"), "{line}");
}

#[test]
fn doctor_advises_on_an_address_that_is_not_on_the_allow_list() {
    let elsewhere = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    let platform = platform(Options { allowed_ips: Some(vec![elsewhere]), ..Options::default() });
    let outcome = run(&mut doctor(platform.url(), &[]));
    let (exit_code, status, line) = account(&outcome);
    assert_eq!((exit_code, status.as_str()), (Some(3), "failed"), "{outcome:?}");
    for said in
        ["code 502", "public address is not on the account's allow-list", "add it in the console", "NAT"]
    {
        assert!(line.contains(said), "{line}");
    }
    let record = run(&mut doctor(platform.url(), &["--json"])).records().pop().expect("a record");
    assert_eq!((&record["status"], &record["kind"]), (&"failed".into(), &"auth".into()));
    assert_eq!((&record["code"], &record["check"]), (&"502".into(), &"account".into()));
}

#[test]
fn doctor_warns_of_too_many_requests_and_says_nothing_about_credentials() {
    let platform = platform(Options { refuse: Some("501".to_owned()), ..Options::default() });
    let outcome = run(&mut doctor(platform.url(), &["--max-attempts", "2"]));
    let (exit_code, status, line) = account(&outcome);
    assert_eq!((exit_code, status.as_str()), (Some(0), "warning"), "{outcome:?}");
    assert!(line.contains("code 501: Too many requests") && line.contains("were not checked"), "{line}");
    assert!(!line.contains("card") && !line.contains("allow-list"), "{line}");
    assert_eq!(balance_calls(&platform.counters()), 2, "retried as any call");
}

#[test]
fn doctor_warns_of_too_many_requests_by_http() {
    let server = Responder::start(&[Reply { status: 429, header: "", body: String::new() }]);
    let outcome = run(&mut doctor(&server.url(), &["--max-attempts", "1"]));
    assert_eq!((outcome.exit_code, statuses(&outcome)[7].as_str()), (Some(0), "warning"), "{outcome:?}");
    let line = line(&outcome, "account");
    assert!(line.contains("HTTP 429") && line.contains("were not checked"), "{line}");
}

#[test]
fn doctor_reports_http_401_without_a_code_as_wrong_credentials_or_base_url() {
    let server = Responder::start(&[Reply { status: 401, header: "", body: "<html>".to_owned() }]);
    let outcome = run(&mut doctor(&server.url(), &[]));
    assert_eq!((outcome.exit_code, statuses(&outcome)[7].as_str()), (Some(3), "failed"), "{outcome:?}");
    let line = line(&outcome, "account");
    assert!(line.contains("check appkey and secret") && line.contains("base_url"), "{line}");
}

#[test]
fn doctor_retries_and_reports_an_unavailable_platform() {
    let later = Fault::Refuse("500".to_owned());
    let platform = faulty(&[later.clone(), later.clone()]);
    let outcome = run(&mut doctor(platform.url(), &["--max-attempts", "2"]));
    let (exit_code, status, line) = account(&outcome);
    assert_eq!((exit_code, status.as_str()), (Some(1), "failed"), "{outcome:?}");
    assert!(line.contains("code 500: Operation failed, try again later"), "{line}");
    assert!(line.contains("credentials were not checked"), "{line}");
    let platform = faulty(&[later]);
    assert_eq!(account(&run(&mut doctor(platform.url(), &[]))).1, "ok", "the second attempt succeeds");
    assert_eq!(balance_calls(&platform.counters()), 2);
}

#[test]
fn doctor_does_not_take_refused_parameters_for_wrong_credentials() {
    let platform = platform(Options { refuse: Some("41001".to_owned()), ..Options::default() });
    let outcome = run(&mut doctor(platform.url(), &[]));
    let (exit_code, status, line) = account(&outcome);
    assert_eq!((exit_code, status.as_str()), (Some(1), "failed"), "{outcome:?}");
    assert!(line.contains("code 41001: Invalid iccids parameter"), "{line}");
    assert!(!line.contains("unpublished") && !line.contains("secret"), "{line}");
}

#[test]
fn doctor_fails_if_base_url_is_another_web_server() {
    for (status, body, says) in [
        (200, "<html>It works!</html>", "not the platform's JSON"),
        (404, "<html>Not Found</html>", "HTTP status 404"),
        (405, "", "HTTP status 405"),
        (200, "{}", "not the platform's JSON"),
    ] {
        let server = Responder::start(&[Reply { status, header: "", body: body.to_owned() }]);
        let outcome = run(&mut doctor(&server.url(), &[]));
        assert_eq!(outcome.exit_code, Some(1), "{outcome:?}");
        let [.., answer, clock, account] = &statuses(&outcome)[..] else { panic!("{outcome:?}") };
        assert_eq!([answer, clock, account], ["ok", "skipped", "failed"], "{outcome:?}");
        let line = line(&outcome, "account");
        assert!(line.contains(says) && line.contains("base_url does not lead to the platform"), "{line}");
        let [get, post] = &server.requests()[..] else { panic!("not two requests") };
        assert!(get.head.starts_with("GET / ") && !get.head.contains("sign"), "{}", get.head);
        assert!(post.head.starts_with(&format!("POST {BALANCE} ")), "{}", post.head);
    }
}

#[test]
fn doctor_takes_a_failing_gateway_neither_for_another_server_nor_for_wrong_credentials() {
    let server = Responder::start(&[Reply { status: 503, header: "", body: String::new() }]);
    let outcome = run(&mut doctor(&server.url(), &["--max-attempts", "1"]));
    assert_eq!(outcome.exit_code, Some(1), "{outcome:?}");
    let line = line(&outcome, "account");
    assert!(line.contains("HTTP 503") && line.contains("credentials were not checked"), "{line}");
    assert!(!line.contains("does not lead"), "{line}");
}

#[test]
fn doctor_advises_on_a_platform_that_does_not_answer() {
    let platform = faulty(&[Fault::Stall]);
    let outcome = run(doctor(platform.url(), &["--max-attempts", "1"]).env("EIOT_TIMEOUT", "1"));
    let (exit_code, status, line) = account(&outcome);
    assert_eq!((exit_code, status.as_str()), (Some(1), "failed"), "{outcome:?}");
    assert!(line.contains("credentials were not checked") && line.contains("timeout"), "{line}");
}

#[test]
fn doctor_with_no_call_skips_the_call_and_does_not_claim_to_have_reached_the_platform() {
    let platform = platform(Options::default());
    let outcome = run(&mut doctor(platform.url(), &["--no-call"]));
    let (exit_code, status, line) = account(&outcome);
    assert_eq!((exit_code, status.as_str()), (Some(0), "skipped"), "{outcome:?}");
    assert!(line.contains("--no-call was given"), "{line}");
    let counters = platform.counters();
    assert_eq!((balance_calls(&counters), counters.calls), (0, 1), "the unsigned GET only");
    assert!(self::line(&outcome, "answer").contains("not necessarily the platform"), "{outcome:?}");
}

#[test]
fn doctor_names_unknown_variables_with_the_most_similar_one_and_without_values() {
    let platform = platform(Options::default());
    let mut command = doctor(platform.url(), &[]);
    command.env("EIOT_RATE_LIMT", SECRET).env("EIOT_QQQ", SECRET).env("EIOT_LIBRARY", "libeiot.so.0.1");
    let outcome = run(&mut command);
    assert_eq!(outcome.exit_code, Some(0), "a warning is not a failure: {outcome:?}");
    assert_eq!(statuses(&outcome)[1], "warning");
    let told = line(&outcome, "environment");
    let limit = "EIOT_RATE_LIMT is unknown and ignored; did you mean EIOT_RATE_LIMIT?";
    assert!(told.contains(limit) && told.contains("EIOT_QQQ is unknown and ignored"), "{told}");
    assert!(!told.contains("EIOT_LIBRARY"), "{told}");
    let record = &run(command.arg("--json")).records()[1];
    assert_eq!((&record["check"], &record["status"]), (&"environment".into(), &"warning".into()));
    assert!(record["message"].as_str().expect("a text").starts_with("EIOT_QQQ"), "{record}");
}

#[test]
fn doctor_escapes_terminal_control_characters() {
    let body = r#"{"code":"45109","message":"bad\u001b[2J\nok       account"}"#;
    let server = Responder::start(&[Reply { status: 200, header: "", body: body.to_owned() }]);
    let outcome = run(&mut doctor(&server.url(), &[]));
    assert_eq!(statuses(&outcome)[7], "failed");
    assert!(line(&outcome, "account").contains("code 45109: bad\\u{1b}[2J\\nok"), "{outcome:?}");
}

#[test]
fn doctor_leaves_the_account_free_to_refresh_a_card() {
    let platform = platform(Options::default());
    assert_eq!(run(&mut doctor(platform.url(), &[])).exit_code, Some(0));
    balance_calls(&platform.counters());
    let refreshed = run(&mut crate::run::refresh_at(platform.url(), &[EID]));
    assert_eq!(refreshed.exit_code, Some(0), "the card does not rest because of doctor: {refreshed:?}");
}

#[cfg(unix)]
#[test]
fn doctor_warns_of_a_secret_file_that_every_user_can_read() {
    use std::os::unix::fs::PermissionsExt;
    let platform = platform(Options::default());
    let path = format!("{}/doctor-secret", env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(&path, SECRET).expect("a writable directory");
    for (mode, status) in [(0o644, "warning"), (0o600, "ok")] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("ours");
        let mut command = doctor(platform.url(), &[]);
        command.env_remove("EIOT_SECRET").env("EIOT_SECRET_FILE", &path);
        let outcome = run(&mut command);
        assert_eq!((outcome.exit_code, statuses(&outcome)[0].as_str()), (Some(0), status), "{outcome:?}");
        assert_eq!(line(&outcome, "configuration").contains("can be read by every user"), mode == 0o644);
    }
}
