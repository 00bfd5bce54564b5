//! Malformed EIDs are detected before anything is sent.

use crate::responder::Untouched;
use crate::run::{EID, OTHER_EID, refresh_at, run, vectors};

#[test]
fn malformed_eid_of_every_vector_exits_with_2_and_sends_nothing() {
    let file = vectors(include_str!("../../../../tests/vectors/eids.json"));
    let platform = Untouched::listen();
    for case in file["invalid"].as_array().expect("a list") {
        let (eid, says) = (case["eid"].as_str().expect("a text"), case["says"].as_str().expect("a text"));
        // No argument can contain a NUL.
        if eid.contains('\0') {
            continue;
        }
        let outcome = run(&mut refresh_at(&platform.url(), &["--", eid]));
        assert_eq!((outcome.exit_code, outcome.stdout.as_str()), (Some(2), ""), "{outcome:?}");
        assert!(outcome.stderr.starts_with("eiot: EID ") && outcome.stderr.contains(says), "{outcome:?}");
    }
    platform.check();
}

#[test]
fn malformed_eids_are_all_named_and_nothing_is_sent() {
    let platform = Untouched::listen();
    let outcome = run(&mut refresh_at(&platform.url(), &[EID, "89x", OTHER_EID, "8.9E+31"]));
    platform.check();
    assert_eq!((outcome.exit_code, outcome.stdout.as_str()), (Some(2), ""), "{outcome:?}");
    let lines: Vec<_> = outcome.stderr.lines().collect();
    assert_eq!(lines.len(), 3, "{outcome:?}");
    assert!(lines[0].contains("89x") && lines[1].contains("8.9E+31"), "{outcome:?}");
    assert_eq!(lines[2], "eiot: nothing was sent");
}

#[cfg(unix)]
#[test]
fn malformed_eid_may_be_invalid_utf_8() {
    use std::os::unix::ffi::OsStrExt;
    let platform = Untouched::listen();
    let bytes = std::ffi::OsStr::from_bytes(b"8904\xff\xfe");
    let outcome = run(refresh_at(&platform.url(), &["--json"]).arg(bytes));
    platform.check();
    assert_eq!(outcome.exit_code, Some(2), "{outcome:?}");
    assert_eq!(outcome.record()["kind"], "invalid_eid");
    assert!(outcome.stdout.contains("UTF-8"), "{outcome:?}");
}

#[test]
fn strict_eid_requires_gsma_eids() {
    let file = vectors(include_str!("../../../../tests/vectors/eids.json"));
    let platform = Untouched::listen();
    for case in file["valid"].as_array().expect("a list") {
        if case["strict"] == true {
            continue;
        }
        let eid = case["eid"].as_str().expect("a text");
        for strict in ["--strict-eid", "--strict-eid=on"] {
            let outcome = run(&mut refresh_at(&platform.url(), &[strict, eid]));
            assert_eq!(outcome.exit_code, Some(2), "{outcome:?}");
            assert!(outcome.stderr.contains("GSMA"), "{outcome:?}");
        }
    }
    let outcome = run(refresh_at(&platform.url(), &[EID, OTHER_EID]).env("EIOT_STRICT_EID", "on"));
    assert_eq!(outcome.exit_code, Some(2), "{outcome:?}");
    platform.check();
}

#[test]
fn usage_without_an_eid_is_wrong() {
    let platform = Untouched::listen();
    let outcome = run(&mut refresh_at(&platform.url(), &[]));
    platform.check();
    assert_eq!((outcome.exit_code, outcome.stdout.as_str()), (Some(2), ""), "{outcome:?}");
    assert!(outcome.stderr.contains("<EID>"), "{outcome:?}");
}
