//! The diagnostic data of an error, and what it must not contain.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{EID, answer, config, http, read_request, serve};
use eiot::{Attempt, Client, Error, ErrorKind, Notice, Observer, is_unsafe};
use std::io::Write;

const SECRET: &str = "a-secret-of-mine";

/// A client of a server that echoes its request in `reply`, in place of `{request}`.
fn echoing(reply: impl Fn(&str) -> String + Send + Sync + 'static) -> Client {
    let url = serve(move |mut connection| {
        while let Some(body) = read_request(&mut connection) {
            let _ = connection.write_all(reply(&String::from_utf8_lossy(&body)).as_bytes());
        }
    });
    let mut config = config(&url);
    config.secret = SECRET.into();
    Client::new(config).expect("valid")
}

fn all_of(error: &Error) -> String {
    format!(
        "{error} {error:?} {:?} {:?} {:?} {:?}",
        error.platform_code(),
        error.platform_message(),
        error.body().map(String::from_utf8_lossy),
        error.headers()
    )
}

#[test]
fn secret_and_signature_that_a_server_echoes_are_masked() {
    let sign_of = |request: &str| {
        let request: serde_json::Value = serde_json::from_str(request).expect("JSON");
        request["sign"].as_str().expect("a signature").to_owned()
    };
    let refusal = move |request: &str| {
        let said = format!("{SECRET} and {}", sign_of(request));
        http("200 OK", &format!("X-Request-Id: {said}\r\n"), &format!(r#"{{"code":"7","message":"{said}"}}"#))
    };
    let page = move |request: &str| {
        let said = format!("{SECRET} and {}", sign_of(request));
        http("502 Bad Gateway", &format!("Via: {said}\r\n"), &format!("<p>{said}</p>"))
    };
    let endless = move |request: &str| {
        let said = format!("{SECRET} and {}", sign_of(request));
        http("200 OK", "", &said.repeat(2_000))
    };
    for (client, kind) in [
        (echoing(refusal), ErrorKind::Platform),
        (echoing(page), ErrorKind::Http),
        (echoing(endless), ErrorKind::Protocol),
    ] {
        let error = client.refresh_usage(EID).expect_err("refused");
        assert_eq!(error.kind(), kind, "{error}");
        let shown = all_of(&error);
        assert!(!shown.contains(SECRET), "{shown}");
        assert!(shown.contains("[redacted] and [redacted]"), "{shown}");
    }
    let reply = echoing(move |request| {
        let said = format!("{SECRET} and {}", sign_of(request));
        http("200 OK", "", &format!(r#"{{"code":"200","message":"{said}","data":{{"a":"{said}"}}}}"#))
    });
    let reply = reply.refresh_usage(EID).expect("success");
    assert_eq!(reply.message(), "[redacted] and [redacted]");
    assert_eq!(reply.data_json(), Some(r#"{"a":"[redacted] and [redacted]"}"#));
}

#[test]
fn error_of_a_page_in_the_platforms_place_has_its_first_bytes_and_helpful_headers() {
    let page = format!("<html>\u{1b}[2J\u{202e}{}</html>", "x".repeat(5_000));
    let headers =
        "Content-Type: text/html\r\nServer: gateway\r\nX-Request-Id: abc\r\nSet-Cookie: not=this\r\n";
    for (status, kind) in [("200 OK", ErrorKind::Protocol), ("503 Service Unavailable", ErrorKind::Http)] {
        let client = Client::new(config(&answer(http(status, headers, &page)))).expect("valid");
        let error = client.refresh_usage(EID).expect_err("a page");
        assert_eq!(error.kind(), kind);
        let body = error.body().expect("the beginning of the body");
        assert_eq!(body, &page.as_bytes()[..2048], "verbatim");
        assert_eq!(
            error.headers(),
            [
                ("content-type", "text/html".to_owned()),
                ("server", "gateway".to_owned()),
                ("x-request-id", "abc".to_owned())
            ]
        );
        let text = error.to_string();
        assert!(!text.contains(is_unsafe), "{text:?}");
    }
    let client = Client::new(config(&answer(http("200 OK", headers, &page)))).expect("valid");
    let text = client.refresh_usage(EID).expect_err("a page").to_string();
    assert!(text.contains(r#"begins with "<html>\u{1b}[2J\u{202e}xxx"#), "{text}");
}

#[test]
fn error_of_the_platform_has_headers_and_no_body() {
    let reply =
        http("200 OK", "Date: Thu, 26 Nov 2026 10:00:00 GMT\r\n", r#"{"code":"41028","message":"m"}"#);
    let error = Client::new(config(&answer(reply))).expect("valid").refresh_usage(EID).expect_err("refused");
    assert_eq!(error.body(), None);
    assert_eq!(error.headers(), [("date", "Thu, 26 Nov 2026 10:00:00 GMT".to_owned())]);
}

#[test]
fn attempt_has_the_timestamp_and_nonce_that_were_sent() {
    struct Told(Vec<String>);
    impl Observer for Told {
        fn attempt(&mut self, attempt: &Attempt<'_>) {
            self.0.push(format!("{}\n{}\n{attempt}", attempt.timestamp, attempt.nonce));
        }
    }
    let client = echoing(|request| {
        let request: serde_json::Value = serde_json::from_str(request).expect("JSON");
        let message = format!("{}\\n{}", request["timestamp"], request["nonce"]);
        http("200 OK", "", &format!(r#"{{"code":"200","message":"{message}"}}"#))
    });
    let mut told = Told(Vec::new());
    let reply = client.refresh_usage_observed(EID, &mut told).expect("success");
    let (numbers, line) = told.0[0].rsplit_once('\n').expect("three lines");
    assert_eq!(numbers, reply.message());
    let (timestamp, nonce) = numbers.split_once('\n').expect("two numbers");
    assert!(line.contains(&format!("timestamp={timestamp} nonce={nonce} ")), "{line}");
}

#[cfg(unix)]
#[test]
fn secret_file_that_is_world_readable_is_reported_once_per_client() {
    use std::os::unix::fs::PermissionsExt;

    #[derive(Default)]
    struct Notices(Vec<String>);
    impl Observer for Notices {
        fn notice(&mut self, notice: &Notice<'_>) {
            self.0.push(notice.to_string());
        }
    }

    let path = std::env::temp_dir().join(format!("eiot-readable-secret-{}", std::process::id()));
    std::fs::write(&path, SECRET).expect("written");
    for (mode, told) in [(0o600, 0), (0o644, 1)] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("set");
        let mut config = config(&answer(http("200 OK", "", r#"{"code":"200"}"#)));
        config.secret = String::new().into();
        config.secret_file = Some(path.clone());
        let client = Client::new(config).expect("valid");
        let mut notices = Notices::default();
        for _ in 0..3 {
            client.refresh_usage_observed(EID, &mut notices).expect("refreshed");
        }
        assert_eq!(notices.0.len(), told, "{mode:o}: {:?}", notices.0);
        assert!(notices.0.iter().all(|text| text.contains("secret_file: ") && !text.contains(SECRET)));
    }
    std::fs::remove_file(path).expect("removed");
}
