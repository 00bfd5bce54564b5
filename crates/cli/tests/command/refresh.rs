//! `eiot refresh`: the output for people.

use crate::responder::{Reply, Responder, SUCCESS, Untouched, ok};
use crate::run::{EID, OTHER_EID, SECRET, refresh, refresh_at, run};
use std::net::TcpListener;

#[test]
fn refresh_prints_a_line_of_three_fields_per_card() {
    let platform = Responder::start(&[ok(SUCCESS)]);
    let outcome = run(&mut refresh(&platform, &[EID]));
    assert_eq!(outcome.exit_code, Some(0), "{outcome:?}");
    assert_eq!(outcome.stdout, format!("{EID}\tok\tsuccess\n"));
    assert_eq!(outcome.stderr, "");
}

#[test]
fn refresh_sends_account_card_and_user_agent() {
    let platform = Responder::start(&[ok(SUCCESS)]);
    run(refresh(&platform, &[]).arg(format!(" {EID}\r\n")));
    let [request] = &platform.requests()[..] else { panic!("not one request") };
    assert!(request.head.starts_with("POST /api/v3/cloudesim/refreshUsage HTTP/1.1\r\n"), "{}", request.head);
    let agent = format!("\r\nuser-agent: eiot/{} (cli)\r\n", env!("CARGO_PKG_VERSION"));
    assert!(request.head.to_lowercase().contains(&agent), "{}", request.head);
    assert_eq!((&request.body["appkey"], &request.body["eid"]), (&"k".into(), &EID.into()));
}

#[test]
fn refresh_takes_several_cards_in_the_order_of_the_arguments() {
    let platform = Responder::start(&[ok(SUCCESS)]);
    let outcome = run(&mut refresh(&platform, &[EID, OTHER_EID, EID]));
    assert_eq!(outcome.exit_code, Some(0));
    assert_eq!(outcome.stdout, format!("{EID}\tok\tsuccess\n{OTHER_EID}\tok\tsuccess\n{EID}\tok\tsuccess\n"));
    let sent: Vec<_> = platform.requests().iter().map(|request| request.body["eid"].clone()).collect();
    assert_eq!(sent, [EID, OTHER_EID, EID]);
}

#[test]
fn refresh_prints_a_refusal_with_its_card_on_standard_error() {
    let platform = Responder::start(&[ok(r#"{"code": "45109", "message": "套餐不存在"}"#)]);
    let outcome = run(&mut refresh(&platform, &[EID]));
    assert_eq!((outcome.exit_code, outcome.stdout.as_str()), (Some(1), ""));
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
    assert!(outcome.stderr.starts_with(&format!("eiot: EID {EID}: ")), "{outcome:?}");
    assert!(outcome.stderr.contains("45109") && outcome.stderr.contains("套餐不存在"), "{outcome:?}");
}

#[test]
fn refresh_continues_after_a_failure_and_returns_the_largest_exit_code() {
    let refused = ok(r#"{"code": "45109", "message": "no"}"#);
    let not_let_in = Reply { status: 403, header: "", body: String::new() };
    let platform = Responder::start(&[not_let_in, refused, ok(SUCCESS)]);
    let outcome = run(&mut refresh(&platform, &[EID, EID, OTHER_EID]));
    assert_eq!(outcome.exit_code, Some(3), "{outcome:?}");
    assert_eq!(outcome.stderr.lines().count(), 2, "{outcome:?}");
    assert_eq!(outcome.stdout, format!("{OTHER_EID}\tok\tsuccess\n"));
}

#[test]
fn refresh_with_refused_credentials_exits_with_3() {
    for status in [401, 403] {
        let platform = Responder::start(&[Reply { status, header: "", body: String::new() }]);
        let outcome = run(&mut refresh(&platform, &[EID]));
        assert_eq!(outcome.exit_code, Some(3), "{outcome:?}");
        assert!(outcome.stderr.contains("allow-list"), "{outcome:?}");
    }
}

#[test]
fn refresh_without_a_server_exits_with_1() {
    let closed = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound");
    let outcome = run(&mut refresh_at(&format!("http://{closed}"), &[EID]));
    assert_eq!(outcome.exit_code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains(&closed.to_string()), "{outcome:?}");
}

#[test]
fn refresh_that_times_out_exits_with_1_and_says_that_it_may_have_taken_effect() {
    let silent = Untouched::listen();
    let outcome = run(&mut refresh_at(&silent.url(), &["--timeout", "0.2", EID]));
    assert_eq!(outcome.exit_code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("may have taken effect"), "{outcome:?}");
}

#[test]
fn refresh_with_quiet_prints_only_failures() {
    let platform = Responder::start(&[ok(SUCCESS), ok(r#"{"code": "1", "message": "no"}"#)]);
    let outcome = run(&mut refresh(&platform, &["-q", OTHER_EID, EID]));
    assert_eq!((outcome.exit_code, outcome.stdout.as_str()), (Some(1), ""));
    assert!(outcome.stderr.starts_with(&format!("eiot: EID {EID}: ")), "{outcome:?}");
}

#[test]
fn refresh_escapes_line_breaks_and_terminal_control_characters() {
    let message = r#"a\nb\tc\u001b[2J"#;
    for code in ["200", "1"] {
        let platform = Responder::start(&[ok(&format!(r#"{{"code": "{code}", "message": "{message}"}}"#))]);
        let outcome = run(&mut refresh(&platform, &[EID]));
        let text = format!("{}{}", outcome.stdout, outcome.stderr);
        assert_eq!(text.lines().count(), 1, "{outcome:?}");
        assert!(text.contains("a\\nb\\tc\\u{1b}[2J"), "{outcome:?}");
        assert!(!text.contains('\u{1b}'), "{outcome:?}");
    }
}

#[test]
fn refresh_prints_neither_secret_nor_signature() {
    let replies = [
        ok(SUCCESS),
        ok(r#"{"code": "1", "message": "no"}"#),
        ok("<html>"),
        Reply { status: 401, header: "", body: String::new() },
        Reply { status: 302, header: "Location: http://127.0.0.1:1/\r\n", body: String::new() },
        Reply { status: 500, header: "", body: String::new() },
    ];
    for flags in [&[][..], &["--json"], &["--quiet"]] {
        for reply in &replies {
            let platform = Responder::start(std::slice::from_ref(reply));
            let outcome = run(refresh(&platform, flags).arg(EID));
            for request in platform.requests() {
                assert!(!request.body.to_string().contains(SECRET) && !request.head.contains(SECRET));
                let signature = request.body["sign"].as_str().expect("signed");
                assert!(!outcome.stdout.contains(signature) && !outcome.stderr.contains(signature));
            }
            assert!(!platform.requests().is_empty());
        }
    }
}

#[test]
fn refresh_with_verbose_prints_a_line_per_attempt_with_its_time() {
    let busy = Reply { status: 503, header: "", body: String::new() };
    let platform = Responder::start(&[busy, ok(SUCCESS)]);
    let outcome = run(&mut refresh(&platform, &["-v", EID]));
    assert_eq!(outcome.exit_code, Some(0), "{outcome:?}");
    let lines: Vec<&str> = outcome.stderr.lines().collect();
    let (time, first) = lines[0].strip_prefix("eiot: ").expect("a prefix").split_once(' ').expect("a time");
    assert!(time.len() == "2026-11-26T16:48:57.123Z".len() && time.ends_with('Z'), "{lines:?}");
    assert!(first.starts_with(&format!("eid={EID} attempt=1 ")), "{lines:?}");
    assert!(lines[1].contains(" attempt=2 ") && lines[1].ends_with(" outcome=ok"), "{lines:?}");
    assert_eq!(lines.len(), 2);
}
