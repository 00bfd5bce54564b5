//! Closed outputs and full disks.
#![cfg(target_os = "linux")]

use crate::responder::{Responder, SUCCESS, ok};
use crate::run::{EID, OTHER_EID, SECRET, eiot, refresh, run};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Stdio;

/// A stream that was closed before the first byte.
fn closed() -> Stdio {
    let (writer, _reader) = UnixStream::pair().expect("a pair of sockets");
    OwnedFd::from(writer).into()
}

/// A full disk.
fn full() -> Stdio {
    File::options().write(true).open("/dev/full").expect("Linux has it").into()
}

#[test]
fn output_that_is_closed_ends_the_run_quietly_and_remaining_eids_are_not_sent() {
    for flags in [&[][..], &["--json"]] {
        let platform = Responder::start(&[ok(SUCCESS)]);
        let outcome = run(refresh(&platform, flags).args([EID, OTHER_EID]).stdout(closed()));
        assert_eq!((outcome.exit_code, outcome.stderr.as_str()), (Some(141), ""), "{outcome:?}");
        assert_eq!(platform.requests().len(), 1);
    }
}

#[test]
fn output_on_a_full_disk_is_an_error_that_names_the_card_whose_result_is_lost() {
    for flags in [&[][..], &["--json"]] {
        let platform = Responder::start(&[ok(SUCCESS)]);
        let outcome = run(refresh(&platform, flags).args([EID, OTHER_EID]).stdout(full()));
        assert_eq!(outcome.exit_code, Some(1), "{outcome:?}");
        assert!(outcome.stderr.starts_with(&format!("eiot: EID {EID}: was sent")), "{outcome:?}");
        assert!(outcome.stderr.contains("No space left"), "{outcome:?}");
        assert_eq!(platform.requests().len(), 1);
    }
}

#[test]
fn output_of_every_command_fails_on_a_full_disk_and_ends_quietly_if_closed() {
    for words in [
        &["--help"][..],
        &["--version"],
        &["refresh", "--help"],
        &["completions", "bash"],
        &["man"],
        &["check", "/dev/null"],
        &["doctor", "--timeout=soon"],
        &["sign", "a=1"],
        &["sign", "--explain", "a=1"],
    ] {
        let outcome = run(eiot(words).env("EIOT_SECRET", SECRET).stdout(full()));
        assert_eq!(outcome.exit_code, Some(1), "{words:?} {outcome:?}");
        assert!(outcome.stderr.contains("standard output cannot be written"), "{words:?} {outcome:?}");
        let outcome = run(eiot(words).env("EIOT_SECRET", SECRET).stdout(closed()));
        assert_eq!((outcome.exit_code, outcome.stderr.as_str()), (Some(141), ""), "{words:?} {outcome:?}");
    }
}

#[test]
fn exit_code_does_not_depend_on_a_readable_standard_error() {
    for stream in [closed, full] {
        let refused = Responder::start(&[ok(r#"{"code": "1"}"#)]);
        assert_eq!(run(refresh(&refused, &[EID]).stderr(stream())).exit_code, Some(1));
        assert_eq!(run(refresh(&refused, &["x"]).stderr(stream())).exit_code, Some(2));
        assert_eq!(run(eiot(&["no-such-command"]).stderr(stream())).exit_code, Some(2));
    }
}

#[test]
fn output_is_not_needed_for_a_quiet_success() {
    let platform = Responder::start(&[ok(SUCCESS)]);
    assert_eq!(run(refresh(&platform, &["-q", EID]).stdout(full())).exit_code, Some(0));
}
