//! `eiot call`: other signed calls.

use crate::responder::{Responder, SUCCESS, ok};
use crate::run::{EID, Outcome, SECRET, eiot, run};
use std::io::Write;
use std::process::Stdio;

const GET: &str = "/api/v3/cloudesim/get";
const PURCHASE: &str = "/api/v3/cloudesim/purchase";

fn call(platform: &Responder, arguments: &[&str]) -> Outcome {
    let mut command = eiot(&["call"]);
    command.args(arguments).env("EIOT_APPKEY", "k").env("EIOT_SECRET", SECRET);
    run(command.env("EIOT_BASE_URL", platform.url()).env("EIOT_TIMEOUT", "10"))
}

fn card() -> String {
    format!(r#"{{"eid": "{EID}"}}"#)
}

#[test]
fn call_prints_the_data_verbatim() {
    let platform = Responder::start(&[ok(r#"{"code":"200","message":"成功","data":{"剩余":[1.50]}}"#)]);
    let outcome = call(&platform, &[GET, &card()]);
    assert_eq!((outcome.exit_code, outcome.stdout.as_str()), (Some(0), "{\"剩余\":[1.50]}\n"), "{outcome:?}");
    let [request] = &platform.requests()[..] else { panic!("not one request") };
    assert!(request.head.starts_with(&format!("POST {GET} HTTP/1.1\r\n")), "{}", request.head);
    assert_eq!(request.body["eid"], EID);
    assert_eq!(call(&Responder::start(&[ok(SUCCESS)]), &[GET]).stdout, "null\n");
}

#[test]
fn call_with_json_prints_the_whole_outcome_as_one_object() {
    let platform = Responder::start(&[ok(r#"{"code":"503016","message":"卡不存在"}"#)]);
    let outcome = call(&platform, &[GET, &card(), "--json"]);
    let [said] = &outcome.records()[..] else { panic!("{outcome:?}") };
    assert_eq!(
        (&said["kind"], &said["code"], &said["eid"]),
        (&"platform".into(), &"503016".into(), &EID.into())
    );
    assert_eq!((&said["platform_message"], outcome.exit_code), (&"卡不存在".into(), Some(1)));
}

#[test]
fn call_with_invalid_parameters_sends_nothing() {
    let platform = Responder::start(&[ok(SUCCESS)]);
    for (arguments, says) in [
        (&["get"][..], "the path must look like"),
        (&[GET, "{"], "not a JSON object"),
        (&[GET, r#"{"sign":"x"}"#], "\"sign\" is added to each request"),
        (&[GET, r#"{"secret":"x"}"#], "never sent"),
    ] {
        let outcome = call(&platform, arguments);
        assert_eq!((outcome.exit_code, outcome.stdout.as_str()), (Some(2), ""), "{outcome:?}");
        assert!(outcome.stderr.contains(says), "{outcome:?}");
    }
    assert!(platform.requests().is_empty());
}

#[test]
fn call_whose_reply_is_lost_is_retried_only_if_idempotent() {
    for (flags, requests) in [(&[][..], 1), (&["--idempotent"], 3)] {
        let platform =
            Responder::start(&[crate::responder::Reply { status: 503, header: "", body: String::new() }]);
        let outcome = call(&platform, &[&[PURCHASE, &card()], flags].concat());
        assert_eq!(outcome.exit_code, Some(1));
        assert_eq!(platform.requests().len(), requests, "{outcome:?}");
    }
}

#[test]
fn call_reads_parameters_from_standard_input() {
    let platform = Responder::start(&[ok(SUCCESS)]);
    let mut command = eiot(&["call", GET, "-"]);
    command.env("EIOT_APPKEY", "k").env("EIOT_SECRET", SECRET).env("EIOT_BASE_URL", platform.url());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("the command starts");
    child.stdin.take().expect("piped").write_all(card().as_bytes()).expect("written");
    assert!(child.wait().expect("ends").success());
    assert_eq!(platform.requests()[0].body["eid"], EID);
}
