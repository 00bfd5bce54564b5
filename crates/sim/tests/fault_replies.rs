//! The faults that alter or replace a reply.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod caller;

use caller::{ask, call, connect, header, listen, reply, with};
use eiot_sim::{Fault, Faults, Options, Simulator};
use std::io::{Read, Write};
use std::time::{Duration, SystemTime};

/// Head and body of the first call to a simulator with this fault.
fn ask_with(fault: &str) -> (String, String) {
    ask(&mut connect(&with(&[fault])), "1")
}

#[test]
fn fault_that_replaces_the_platform_changes_only_the_counters() {
    let replaced = ["status=503", "html", "broken-json", "truncated-json", "gzip-bomb", "redirect"];
    for fault in replaced {
        let simulator = with(&[fault]);
        let mut stream = connect(&simulator);
        stream.write_all(&call("1")).expect("sent");
        reply(&mut stream);
        let (_, body) = ask(&mut stream, "1");
        assert_eq!(body, r#"{"code":"200","message":"success"}"#, "{fault}");
        let counters = simulator.counters();
        assert_eq!((counters.calls, counters.accepted, counters.per_eid["1"]), (2, 1, 1), "{fault}");
        assert_eq!(counters.faults.values().sum::<u64>(), 1, "{fault}");
    }
}

#[test]
fn fault_that_alters_the_reply_does_not_change_the_decision() {
    for fault in ["integer-code", "chinese", "oversized", "date=60", "no-date", "age=5", "delay=1", "drip=0"]
    {
        let simulator = with(&[fault, fault]);
        let mut stream = connect(&simulator);
        assert!(ask(&mut stream, "1").1.contains("200"), "{fault}");
        let (_, body) = ask(&mut stream, "1");
        assert!(body.contains("sim.cooldown"), "{fault}: {body}");
    }
}

#[test]
fn fault_refuse_keeps_the_platform_from_acting() {
    let simulator = with(&["refuse=500", "refuse=45109"]);
    let mut stream = connect(&simulator);
    let refused = r#"{"code":"500","message":"Operation failed, try again later."}"#;
    assert_eq!(ask(&mut stream, "1").1, refused);
    assert_eq!(ask(&mut stream, "1").1, r#"{"code":"45109","message":"refused on demand"}"#);
    assert_eq!(ask(&mut stream, "1").1, r#"{"code":"200","message":"success"}"#, "the card does not rest");
    let counters = simulator.counters();
    assert_eq!((counters.calls, counters.accepted, counters.per_eid["1"]), (3, 1, 3));
    assert_eq!((counters.refused["500"], counters.refused["45109"], counters.faults["refuse"]), (1, 1, 2));
}

#[test]
fn fault_refuse_applies_after_the_signature_check() {
    let simulator = with(&["refuse=500"]);
    let request = String::from_utf8(call("1")).expect("text").replace(r#""eid":"1""#, r#""eid":"2""#);
    let mut stream = connect(&simulator);
    stream.write_all(request.as_bytes()).expect("sent");
    let body = String::from_utf8(reply(&mut stream).1).expect("text");
    assert!(body.contains("sim.bad-sign"), "{body}");
}

#[test]
fn fault_refuse_has_the_http_status_of_its_code_with_http_refusals() {
    let codes =
        [("403", "403"), ("500", "500"), ("501", "429"), ("502", "403"), ("41002", "400"), ("x", "400")];
    let plan = codes.map(|(code, _)| Fault::Refuse(code.to_owned()));
    let options = Options { faults: Faults::in_order(plan), http_refusals: true, ..Options::default() };
    let simulator = Simulator::start(options).expect("a free port");
    for (code, status) in codes {
        let (head, body) = ask(&mut connect(&simulator), "1");
        assert!(
            head[9..12] == *status && body.contains(&format!(r#"{{"code":"{code}""#)),
            "{code}: {head}{body}"
        );
    }
}

#[test]
fn fault_status_has_its_retry_after_verbatim() {
    for (fault, line, retry_after) in [
        ("status=500", "HTTP/1.1 500 Internal Server Error", None),
        ("status=429,2", "HTTP/1.1 429 Too Many Requests", Some("2")),
        (
            "status=503,Sun, 06 Nov 1994 08:49:37 GMT",
            "HTTP/1.1 503 Service Unavailable",
            Some("Sun, 06 Nov 1994 08:49:37 GMT"),
        ),
        ("status=599,soon", "HTTP/1.1 599 Unknown", Some("soon")),
    ] {
        let (head, body) = ask_with(fault);
        assert_eq!((head.lines().next(), header(&head, "Retry-After")), (Some(line), retry_after));
        assert_eq!(header(&head, "Content-Type"), Some("text/html"));
        assert!(body.starts_with("<html>"), "{body}");
    }
    assert_eq!(ask_with("status=204").1, "");
}

#[test]
fn fault_html_is_a_page_with_http_200() {
    let (head, body) = ask_with("html");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("text/html"), "{head}");
    assert!(body.starts_with("<html>"), "{body}");
}

#[test]
fn fault_broken_json_and_truncated_json_are_complete_http_and_invalid_json() {
    for fault in ["broken-json", "truncated-json"] {
        let (head, body) = ask_with(fault);
        assert!(header(&head, "Content-Type").is_some_and(|text| text.starts_with("application/json")));
        assert!(serde_json::from_str::<serde_json::Value>(&body).is_err(), "{body}");
    }
}

#[test]
fn fault_oversized_is_the_platforms_answer_in_one_mebibyte_of_json() {
    let (head, body) = ask_with("oversized");
    assert_eq!(header(&head, "Content-Length"), Some("1048576"));
    let json = serde_json::from_str::<serde_json::Value>(&body).expect("JSON");
    assert_eq!(json["code"], "200");
    assert!(json["message"].as_str().is_some_and(|text| text.starts_with("successaaa")));
}

// A client would take the answer for the platform's.
#[test]
fn fault_that_replaces_the_platform_never_looks_like_its_success() {
    for fault in ["status=200", "html", "broken-json", "truncated-json", "redirect"] {
        let (_, body) = ask_with(fault);
        assert!(serde_json::from_str::<serde_json::Value>(&body).is_err(), "{fault}");
    }
}

#[test]
fn fault_endless_sends_64_mib_and_no_end() {
    let simulator = with(&["endless"]);
    let mut stream = connect(&simulator);
    stream.write_all(&call("1")).expect("sent");
    let heard = listen(&mut stream);
    let begin = String::from_utf8_lossy(&heard.bytes[..400]).into_owned();
    assert_eq!(header(&begin, "Transfer-Encoding"), Some("chunked"));
    assert_eq!(header(&begin, "Content-Length"), None);
    assert!(begin.contains("\r\n\r\n1a\r\n{\"code\":\"200\",\"message\":\"a\r\n4000\r\naaa"), "{begin}");
    assert!(heard.error.is_none() && heard.bytes.len() > 64 * 1024 * 1024);
    assert!(heard.bytes.ends_with(b"aaa"), "no last chunk");
}

#[test]
fn fault_endless_ends_when_the_client_disconnects() {
    let simulator = with(&["endless"]);
    let mut stream = connect(&simulator);
    stream.write_all(&call("1")).expect("sent");
    stream.read_exact(&mut [0; 1000]).expect("some of it");
    drop(stream);
    assert!(ask(&mut connect(&simulator), "1").1.contains("success"));
}

#[test]
fn fault_gzip_bomb_is_small_and_declared_as_gzip() {
    let simulator = with(&["gzip-bomb"]);
    let mut stream = connect(&simulator);
    stream.write_all(&call("1")).expect("sent");
    let (head, body) = reply(&mut stream);
    assert_eq!(header(&head, "Content-Encoding"), Some("gzip"));
    assert!(body.starts_with(&[0x1f, 0x8b, 8]) && body.len() < 11_000);
    // The last four bytes of gzip are the decompressed size.
    let end = body.last_chunk().copied().expect("four bytes");
    assert!(u32::from_le_bytes(end) > 10_000_000);
}

#[test]
fn fault_redirect_leads_to_a_path_that_does_not_exist() {
    let (head, _) = ask_with("redirect");
    assert!(head.starts_with("HTTP/1.1 302 Found\r\n"), "{head}");
    assert_eq!(header(&head, "Location"), Some("/sim/elsewhere"));
}

#[test]
fn fault_garbage_is_not_http_and_closes_the_connection() {
    let simulator = with(&["garbage"]);
    let mut stream = connect(&simulator);
    stream.write_all(&call("1")).expect("sent");
    let heard = listen(&mut stream);
    assert!(heard.error.is_none() && heard.text().contains("this is not HTTP"), "{heard:?}");
}

#[test]
fn fault_integer_code_and_chinese_are_still_success() {
    assert_eq!(ask_with("integer-code").1, r#"{"code":200,"message":"success"}"#);
    assert_eq!(ask_with("chinese").1, r#"{"code":"200","message":"操作成功"}"#);
}

#[test]
fn fault_chinese_has_the_published_words_of_a_refusal() {
    for (code, message) in [("501", "请求太频繁"), ("45109", "请求被拒绝")] {
        let faults = Faults::always(Fault::Chinese);
        let options = Options { refuse: Some(code.to_owned()), faults, ..Options::default() };
        let simulator = Simulator::start(options).expect("a free port");
        let (_, body) = ask(&mut connect(&simulator), "1");
        assert_eq!(body, format!(r#"{{"code":"{code}","message":"{message}"}}"#));
    }
}

#[test]
fn fault_date_shifts_the_date_and_no_date_removes_it() {
    for seconds in [3600, -86_400, 0] {
        let (head, _) = ask_with(&format!("date={seconds}"));
        let date = httpdate::parse_http_date(header(&head, "Date").expect("a date")).expect("a date");
        let since_1970 =
            |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() as i64;
        let off = since_1970(date) - since_1970(SystemTime::now());
        assert!((seconds - 5..=seconds).contains(&off), "{off}");
    }
    assert_eq!(header(&ask_with("no-date").0, "Date"), None);
    assert_eq!(header(&ask_with("age=120").0, "Age"), Some("120"));
    assert_eq!(header(&ask_with("none").0, "Age"), None);
}

#[test]
fn timeout_of_a_client_does_not_keep_the_platform_from_acting() {
    let simulator = with(&["delay=300"]);
    let mut stream = connect(&simulator);
    stream.set_read_timeout(Some(Duration::from_millis(20))).expect("a timeout");
    stream.write_all(&call("1")).expect("sent");
    assert!(listen(&mut stream).is_silence());
    drop(stream);
    assert!(ask(&mut connect(&simulator), "1").1.contains("sim.cooldown"));
}
