//! The messages of TLS failures, by cause.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::tls::{Authority, Flaw, file, serve_tls};
use common::{EID, config, http, read_request};
use eiot::{Client, Config, Delivered, Error, ErrorKind};
use std::io::Write;

fn server(authority: &Authority, flaw: Flaw) -> String {
    serve_tls(authority.server(flaw, None), |stream| {
        while read_request(stream).is_some() {
            let _ = stream.write_all(http("200 OK", "", r#"{"code":"200"}"#).as_bytes());
        }
    })
}

fn failure(config: Config) -> Error {
    let error = Client::new(config).expect("valid").refresh_usage(EID).expect_err("not trusted");
    assert_eq!((error.kind(), error.delivered()), (ErrorKind::Tls, Delivered::No), "{error}");
    let text = error.to_string();
    for debris in ["CertificateError", "ValidForName", "UnixTime", "{", "invalid peer certificate"] {
        assert!(!text.contains(debris), "no dump: {text}");
    }
    error
}

#[test]
fn certificate_error_advises_by_its_cause() {
    let authority = Authority::new();
    for (flaw, advice, other) in [
        (Flaw::Expired, "clock", "ca_file"),
        (Flaw::NotYetValid, "clock", "ca_file"),
        (Flaw::WrongName, "base_url", "ca_file"),
    ] {
        let mut config = config(&server(&authority, flaw));
        config.ca_file = Some(file(&authority.pem));
        let text = failure(config).to_string();
        assert!(text.contains(advice) && !text.contains(other), "{text}");
    }
}

#[test]
fn certificate_error_names_both_names_where_the_name_is_wrong() {
    let authority = Authority::new();
    let mut config = config(&server(&authority, Flaw::WrongName));
    config.ca_file = Some(file(&authority.pem));
    let text = failure(config).to_string();
    assert!(text.contains("127.0.0.1") && text.contains("elsewhere.example"), "{text}");
}

#[test]
fn certificate_error_of_an_unknown_authority_points_at_ca_file_unless_it_is_set() {
    let url = server(&Authority::new(), Flaw::None);
    let text = failure(config(&url)).to_string();
    assert!(text.contains("set ca_file"), "{text}");
    let mut config = config(&url);
    let other = file(&Authority::new().pem);
    config.ca_file = Some(other.clone());
    let text = failure(config).to_string();
    assert!(!text.contains("set ca_file") && text.contains(other.to_str().unwrap()), "{text}");
}

#[test]
fn client_certificate_is_shown_to_a_server_that_asks_for_one() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let url = serve_tls(authority.server(Flaw::None, Some(&clients)), |stream| {
        while read_request(stream).is_some() {
            let _ = stream.write_all(http("200 OK", "", r#"{"code":"200"}"#).as_bytes());
        }
    });
    let mut config = config(&url);
    config.ca_file = Some(file(&authority.pem));
    let refused = Client::new(config.clone()).expect("valid").refresh_usage(EID).expect_err("not shown");
    assert_eq!(refused.kind(), ErrorKind::Tls, "{refused}");
    assert!(refused.to_string().contains("client_cert_file"), "{refused}");

    let (certificate, key) = clients.certificate(Flaw::None);
    (config.client_cert_file, config.client_key_file) = (Some(file(certificate)), Some(file(key)));
    Client::new(config.clone()).expect("valid").refresh_usage(EID).expect("let in");

    let (_, other_key) = clients.certificate(Flaw::None);
    config.client_key_file = Some(file(other_key));
    let error = Client::new(config).expect_err("the key is another certificate's");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().starts_with("client_key_file: "), "{error}");
}

#[test]
fn tls_failure_in_the_middle_of_a_reply_is_a_lost_connection() {
    let authority = Authority::new();
    let url = serve_tls(authority.server(Flaw::None, None), |stream| {
        read_request(stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 64\r\n\r\n{\"code\":");
        // An unencrypted record.
        let _ = stream.sock.write_all(&[0x17, 3, 3, 0, 32]);
        let _ = stream.sock.write_all(&[7; 32]);
    });
    let mut config = config(&url);
    config.ca_file = Some(file(&authority.pem));
    let error = Client::new(config).expect("valid").refresh_usage(EID).expect_err("garbled");
    assert_eq!((error.kind(), error.delivered()), (ErrorKind::ConnectionLost, Delivered::Unknown), "{error}");
    assert!(error.to_string().contains("TLS"), "{error}");
}
