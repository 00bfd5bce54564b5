//! The objects of `--json`.

use crate::responder::{Reply, Responder, SUCCESS, Untouched, ok};
use crate::run::{EID, OTHER_EID, eiot, refresh, refresh_at, run, vectors};
use serde_json::{Value, json};

const FIELDS: [&str; 15] = [
    "eid",
    "ok",
    "kind",
    "status",
    "code",
    "message",
    "platform_message",
    "http_status",
    "attempts",
    "retry_after_ms",
    "delivered",
    "final",
    "headers",
    "body",
    "data",
];

/// The names in the order of the line.
fn fields(line: &str) -> Vec<String> {
    let mut places: Vec<(usize, &str)> = FIELDS
        .iter()
        .map(|name| (line.find(&format!("\"{name}\":")).unwrap_or_else(|| panic!("{name} in {line}")), *name))
        .collect();
    places.sort_unstable();
    places.into_iter().map(|(_, name)| name.to_owned()).collect()
}

#[test]
fn json_of_a_success_has_every_field() {
    let body = r#"{"code": "200", "message": "成功", "data": {"b": 1, "a": null}}"#;
    let platform = Responder::start(&[ok(body)]);
    let outcome = run(&mut refresh(&platform, &["--json", EID]));
    assert_eq!((outcome.exit_code, outcome.stderr.as_str()), (Some(0), ""), "{outcome:?}");
    let expected = json!({
        "eid": EID,
        "ok": true,
        "kind": "ok",
        "status": 0,
        "code": null,
        "message": "成功",
        "platform_message": "成功",
        "http_status": null,
        "attempts": 1,
        "retry_after_ms": null,
        "delivered": "yes",
        "final": false,
        "headers": null,
        "body": null,
        "data": {"b": 1, "a": null},
    });
    assert_eq!(outcome.record(), expected);
    assert_eq!(fields(&outcome.stdout), FIELDS);
}

#[test]
fn json_of_a_failure_has_every_field_and_is_on_standard_output() {
    // Longer than a call waits, so that nothing is retried.
    let header = "Retry-After: 7200\r\n";
    let body = r#"{"code": "429", "message": "slow down"}"#.to_owned();
    let platform = Responder::start(&[Reply { status: 429, header, body }]);
    let outcome = run(&mut refresh(&platform, &["--json", EID]));
    assert_eq!((outcome.exit_code, outcome.stderr.as_str()), (Some(1), ""), "{outcome:?}");
    let mut record = outcome.record();
    let message = record["message"].take();
    assert!(message.as_str().expect("a text").starts_with(&format!("EID {EID}: ")), "{message}");
    let expected = json!({
        "eid": EID,
        "ok": false,
        "kind": "rate_limited",
        "status": 41,
        "code": "429",
        "message": null,
        "platform_message": "slow down",
        "http_status": 429,
        "attempts": 1,
        "retry_after_ms": 7_200_000,
        "delivered": "yes",
        "final": false,
        "headers": null,
        "body": null,
        "data": null,
    });
    assert_eq!(record, expected);
    assert_eq!(fields(&outcome.stdout), FIELDS);
}

#[test]
fn json_of_an_html_page_has_the_headers_for_support() {
    let header = "Server: nginx\r\nX-Request-Id: req-4711\r\nX-Private: not kept\r\n";
    let body = "<html>\n\u{1b}[2J\u{202e}".to_owned();
    let platform = Responder::start(&[Reply { status: 502, header, body: body.clone() }]);
    let outcome = run(&mut refresh(&platform, &["--json", "--max-attempts=1", EID]));
    let record = outcome.record();
    assert_eq!(record["headers"], json!({"server": "nginx", "x-request-id": "req-4711"}), "{outcome:?}");
    assert_eq!(record["body"], body, "{outcome:?}");
    assert!(outcome.stdout.contains(r#""body":"<html>\n\u001b[2J\u202e""#), "{outcome:?}");
}

#[test]
fn json_final_is_true_if_the_same_call_would_fail_again() {
    let record = |code: &str, arguments: &[&str]| {
        let platform = Responder::start(&[ok(&format!("{{\"code\": \"{code}\"}}"))]);
        run(&mut refresh(&platform, &[&["--json", EID], arguments].concat())).record()
    };
    for (code, codes, is_final) in
        [("41007", "", true), ("7", "", false), ("7", "7=final", true), ("41007", "41007=auth", false)]
    {
        let record = record(code, &["--error-codes", codes]);
        assert_eq!(record["final"], is_final, "{code} {codes} {record}");
    }
    assert_eq!(run(&mut eiot(&["refresh", "--json", "8.9E+31"])).record()["final"], true);
}

#[test]
fn json_agrees_with_the_library_on_every_reply_vector() {
    let file = vectors(include_str!("../../../../tests/vectors/replies.json"));
    for case in file["cases"].as_array().expect("a list") {
        let status = case["http_status"].as_u64().expect("a number");
        let body = case["body"].as_str().expect("a text").to_owned();
        let platform = Responder::start(&[Reply { status, header: "", body }]);
        let outcome = run(&mut refresh(&platform, &["--json", EID]));
        let record = outcome.record();
        assert_eq!(record["kind"], case["kind"], "{case}");
        assert_eq!(record["ok"], case["kind"] == "ok", "{case}");
        assert_eq!(record["code"], case["code"], "{case}");
        assert_eq!(record["platform_message"], case["message"], "{case}");
        assert_eq!(record["delivered"], "yes", "{case}");
        if let Some(data) = case["data_json"].as_str() {
            assert!(outcome.stdout.ends_with(&format!("\"data\":{data}}}\n")), "{outcome:?} {case}");
        }
    }
}

#[test]
fn json_puts_data_of_many_lines_on_one_and_keeps_its_values() {
    let body = "{\"code\": \"200\",\r\n \"data\": {\r\n\t\"n\": 1.50,\n\"big\": 123456789012345678901234567890,\n\"s\": \"\\n\"\n}}";
    let platform = Responder::start(&[ok(body)]);
    let outcome = run(&mut refresh(&platform, &["--json", EID]));
    assert_eq!(outcome.record()["data"]["s"], "\n");
    assert!(outcome.stdout.contains("1.50") && outcome.stdout.contains("123456789012345678901234567890"));
}

#[test]
fn json_has_a_line_per_card_in_the_order_of_the_arguments() {
    let platform = Responder::start(&[ok(r#"{"code": "1"}"#), ok(SUCCESS)]);
    let outcome = run(refresh(&platform, &["--json", EID]).arg(format!("  {OTHER_EID} ")));
    let told: Vec<_> =
        outcome.records().iter().map(|record| (record["eid"].clone(), record["ok"].clone())).collect();
    assert_eq!(told, [(EID.into(), false.into()), (Value::from(OTHER_EID), true.into())]);
    assert_eq!(outcome.exit_code, Some(1));
}

#[test]
fn json_with_quiet_has_only_failures() {
    let platform = Responder::start(&[ok(r#"{"code": "1"}"#), ok(SUCCESS)]);
    let outcome = run(&mut refresh(&platform, &["--json", "--quiet", EID, OTHER_EID]));
    assert_eq!(outcome.record()["eid"], EID);
}

#[test]
fn json_of_a_call_without_a_response_has_unknown_delivery() {
    let silent = Untouched::listen();
    let outcome = run(&mut refresh_at(&silent.url(), &["--json", "--timeout=0.2", EID]));
    let record = outcome.record();
    assert_eq!((&record["kind"], &record["delivered"]), (&"timeout".into(), &"unknown".into()));
}

#[test]
fn json_reports_a_missing_configuration_for_each_card() {
    let outcome = run(&mut eiot(&["refresh", "--json", EID, OTHER_EID]));
    assert_eq!((outcome.exit_code, outcome.stderr.as_str()), (Some(2), ""), "{outcome:?}");
    let records = outcome.records();
    assert_eq!(records.len(), 2);
    for (record, eid) in records.iter().zip([EID, OTHER_EID]) {
        assert_eq!((&record["eid"], &record["kind"]), (&eid.into(), &"config".into()));
        assert_eq!((&record["delivered"], &record["attempts"]), (&"no".into(), &0.into()));
    }
}

#[test]
fn json_reports_a_malformed_eid_and_the_eids_not_sent_because_of_it() {
    let platform = Untouched::listen();
    let outcome = run(&mut refresh_at(&platform.url(), &["--json", EID, "8.9E+31"]));
    platform.check();
    assert_eq!((outcome.exit_code, outcome.stderr.as_str()), (Some(2), ""), "{outcome:?}");
    let [held_back, malformed] = &outcome.records()[..] else { panic!("{outcome:?}") };
    assert_eq!((&held_back["eid"], &held_back["kind"]), (&EID.into(), &"invalid_argument".into()));
    assert!(held_back["message"].to_string().contains("nothing was sent"), "{held_back}");
    assert_eq!((&malformed["eid"], &malformed["kind"]), (&"8.9E+31".into(), &"invalid_eid".into()));
    assert_eq!((&malformed["status"], &malformed["delivered"]), (&2.into(), &"no".into()));
}
