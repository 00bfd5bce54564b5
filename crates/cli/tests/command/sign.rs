//! `eiot sign`.

use crate::run::{Outcome, SECRET, eiot, run, vectors};
use serde_json::Value;
use std::path::PathBuf;

fn cases() -> Vec<Value> {
    let file = vectors(include_str!("../../../../tests/vectors/signing.json"));
    file["cases"].as_array().expect("a list").clone()
}

fn text<'a>(case: &'a Value, field: &str) -> &'a str {
    case[field].as_str().expect("a text")
}

/// `eiot sign` with a vector's parameters and secret.
fn sign(case: &Value, flags: &[&str]) -> Outcome {
    let mut command = eiot(&["sign"]);
    command.args(flags).env("EIOT_SECRET", text(case, "secret")).arg("--");
    for (name, value) in case["params"].as_object().expect("an object") {
        command.arg(format!("{name}={}", value.as_str().expect("a text")));
    }
    run(&mut command)
}

#[test]
fn sign_agrees_with_every_vector_and_the_vendors_sample() {
    for case in cases() {
        for (flags, expected) in [(&[][..], "sha1"), (&["--sign-method", "md5"], "md5")] {
            let outcome = sign(&case, flags);
            assert_eq!(outcome.exit_code, Some(0), "{outcome:?}");
            assert_eq!(outcome.stdout, format!("{}\n", text(&case, expected)), "{case}");
            assert_eq!(outcome.stderr, "");
        }
    }
}

#[test]
fn sign_explain_shows_the_string_to_sign_and_neither_secret_nor_signature() {
    for case in cases() {
        let outcome = sign(&case, &["--explain"]);
        assert_eq!(outcome.exit_code, Some(0), "{outcome:?}");
        let secret = format!("secret={}", text(&case, "secret"));
        let masked = text(&case, "string_to_sign").strip_suffix(&secret).expect("ends with the secret");
        assert!(outcome.stdout.contains(&format!("\njoin       {masked}secret=[redacted]\n")), "{outcome:?}");
        assert!(!outcome.stdout.contains(&secret), "{outcome:?}");
        for hash in ["sha1", "md5"] {
            assert!(!outcome.stdout.contains(text(&case, hash)), "{outcome:?}");
        }
    }
}

#[test]
fn sign_explain_needs_no_secret_and_names_the_hash() {
    for (method, name) in [("sha1", "SHA-1"), ("md5", "MD5")] {
        let outcome = run(&mut eiot(&["sign", "--explain", "--sign-method", method, "b=2", "a=1"]));
        assert_eq!(outcome.exit_code, Some(0), "{outcome:?}");
        assert!(outcome.stdout.contains(" a=1&b=2&secret=[redacted]\n"), "{outcome:?}");
        assert!(outcome.stdout.contains(name), "{outcome:?}");
        assert_eq!(outcome.stdout.lines().count(), 5, "one step a line");
    }
}

#[test]
fn sign_reads_the_secret_from_a_file() {
    let case = &cases()[0];
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("signing-secret");
    std::fs::write(&path, format!("{}\r\n", text(case, "secret"))).expect("a writable directory");
    let outcome = sign(case, &["--secret-file", path.to_str().expect("a text")]);
    assert_eq!(outcome.stdout, format!("{}\n", text(case, "sha1")));
}

#[test]
fn sign_needs_a_secret_and_no_appkey() {
    let outcome = run(&mut eiot(&["sign", "a=1"]));
    assert_eq!((outcome.exit_code, outcome.stdout.as_str()), (Some(2), ""), "{outcome:?}");
    assert!(outcome.stderr.contains("EIOT_SECRET"), "{outcome:?}");
    assert_eq!(run(eiot(&["sign", "a=1"]).env("EIOT_SECRET", SECRET)).exit_code, Some(0));
}

#[test]
fn sign_refuses_invalid_parameters_without_quoting_them() {
    let secret = format!("secret={SECRET}");
    for (words, says) in [
        (&["a=1", SECRET][..], "parameter 2"),
        (&["a=1", &secret], "EIOT_SECRET"),
        (&["=1"], "name is empty"),
        (&["a=1", "a=2"], "duplicate"),
    ] {
        for explain in [None, Some("--explain")] {
            let outcome = run(eiot(&["sign"]).args(explain).args(words).env("EIOT_SECRET", SECRET));
            assert_eq!((outcome.exit_code, outcome.stdout.as_str()), (Some(2), ""), "{outcome:?}");
            assert!(outcome.stderr.contains(says), "{outcome:?}");
        }
    }
}
