//! Flags take precedence over the environment, which takes precedence over defaults. Errors are detected before
//! anything is sent.

use crate::responder::{Responder, SUCCESS, Untouched, ok};
use crate::run::{EID, OTHER_EID, SECRET, eiot, refresh, refresh_at, run};
use std::path::PathBuf;

/// A file with this content, in a separate directory.
fn file(name: &str, content: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, content).expect("a writable directory");
    path
}

#[test]
fn configuration_can_come_from_flags_alone() {
    let platform = Responder::start(&[ok(SUCCESS)]);
    let secret = file("flags-alone", &format!("{SECRET}\n"));
    let mut command =
        eiot(&["refresh", "--appkey=k", "--timeout=9", "--connect-timeout=2.5", "--sign-method=sha1"]);
    command.arg("--base-url").arg(platform.url()).arg("--secret-file").arg(secret).arg("--").arg(EID);
    let outcome = run(&mut command);
    assert_eq!(outcome.exit_code, Some(0), "{outcome:?}");
}

#[test]
fn configuration_by_flag_overrides_the_variable() {
    let platform = Responder::start(&[ok(SUCCESS)]);
    let mut command = refresh_at("http://127.0.0.1:1", &["--appkey=flag", "--strict-eid=off", OTHER_EID]);
    command.arg("--base-url").arg(platform.url()).env("EIOT_STRICT_EID", "on");
    let outcome = run(&mut command);
    assert_eq!(outcome.exit_code, Some(0), "{outcome:?}");
    assert_eq!(platform.requests()[0].body["appkey"], "flag");
}

#[test]
fn configuration_by_flag_overrides_an_invalid_variable() {
    let platform = Responder::start(&[ok(SUCCESS)]);
    let outcome = run(refresh(&platform, &["--timeout=9", EID]).env("EIOT_TIMEOUT", "soon"));
    assert_eq!(outcome.exit_code, Some(0), "{outcome:?}");
}

#[test]
fn configuration_of_a_secret_file_by_flag_overrides_the_environment() {
    let platform = Responder::start(&[ok(SUCCESS)]);
    let mut command = refresh(&platform, &[EID, "--secret-file"]);
    command.arg(file("overriding", "another-secret\n")).env("EIOT_SECRET_FILE", "/nonexistent");
    let outcome = run(&mut command);
    assert_eq!(outcome.exit_code, Some(0), "{outcome:?}");
    // The signature shows which of the two secrets was used.
    let body = &platform.requests()[0].body;
    let secret = eiot_secret_that_signed(body, &["another-secret", SECRET]);
    assert_eq!(secret, Some("another-secret"));
}

fn eiot_secret_that_signed<'a>(body: &serde_json::Value, secrets: &[&'a str]) -> Option<&'a str> {
    let text = |name: &str| body[name].to_string().trim_matches('"').to_owned();
    let values = ["appkey", "eid", "nonce", "timestamp"].map(|name| (name, text(name)));
    let params: Vec<_> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let signature = |secret: &str| eiot::sign(&params, &secret.into(), eiot::SignMethod::Sha1).expect("flat");
    secrets.iter().copied().find(|secret| body["sign"] == signature(secret))
}

#[test]
fn configuration_can_select_md5() {
    for (flag, variable) in [(Some("--sign-method=md5"), "sha1"), (None, "md5")] {
        let platform = Responder::start(&[ok(SUCCESS)]);
        let outcome = run(refresh(&platform, &[EID]).args(flag).env("EIOT_SIGN_METHOD", variable));
        assert_eq!(outcome.exit_code, Some(0), "{outcome:?}");
        assert_eq!(platform.requests()[0].body["sign"].as_str().expect("signed").len(), 32);
    }
}

#[test]
fn configuration_that_is_missing_is_named_with_its_variable() {
    for (variable, value, missing) in
        [("EIOT_SECRET", SECRET, "EIOT_APPKEY"), ("EIOT_APPKEY", "k", "EIOT_SECRET")]
    {
        let outcome = run(eiot(&["refresh", EID]).env(variable, value));
        assert_eq!((outcome.exit_code, outcome.stdout.as_str()), (Some(2), ""), "{outcome:?}");
        assert!(outcome.stderr.starts_with("eiot: ") && outcome.stderr.contains(missing), "{outcome:?}");
    }
}

#[test]
fn configuration_with_an_invalid_option_is_named_and_nothing_is_sent() {
    let platform = Untouched::listen();
    let cases = [
        ("--appkey=", "appkey"),
        ("--appkey=a b", "appkey"),
        ("--secret-file=/nonexistent/secret", "/nonexistent/secret"),
        ("--base-url=http://oapi.eiotclub.com", "base_url"),
        ("--base-url=oapi", "base_url"),
        ("--timeout=soon", "timeout"),
        ("--timeout=0", "timeout"),
        ("--connect-timeout=-1", "connect_timeout"),
        ("--strict-eid=maybe", "strict_eid"),
        ("--sign-method=sha256", "sign_method"),
        ("--ca-file=/nonexistent/ca.pem", "/nonexistent/ca.pem"),
        ("--proxy=socks://127.0.0.1:1", "proxy"),
    ];
    for (flag, names) in cases {
        let outcome = run(&mut refresh_at(&platform.url(), &[flag, EID]));
        assert_eq!((outcome.exit_code, outcome.stdout.as_str()), (Some(2), ""), "{flag} {outcome:?}");
        assert!(outcome.stderr.starts_with("eiot: ") && outcome.stderr.contains(names), "{flag} {outcome:?}");
    }
    platform.check();
}

#[test]
fn configuration_with_an_invalid_variable_is_named() {
    let outcome = run(refresh_at("http://127.0.0.1:1", &[EID]).env("EIOT_TIMEOUT", "soon"));
    assert_eq!(outcome.exit_code, Some(2), "{outcome:?}");
    assert!(outcome.stderr.contains("EIOT_TIMEOUT"), "{outcome:?}");
}

#[test]
fn configuration_with_a_secret_in_a_flag_is_refused_without_quoting_it() {
    let platform = Untouched::listen();
    for words in [&["--secret", SECRET][..], &[&format!("--secret={SECRET}")]] {
        let outcome = run(refresh_at(&platform.url(), words).arg(EID));
        assert_eq!(outcome.exit_code, Some(2), "{outcome:?}");
        assert!(outcome.stderr.contains("--secret-file"), "{outcome:?}");
    }
    platform.check();
}

#[test]
fn configuration_ignores_other_variables() {
    let platform = Responder::start(&[ok(SUCCESS)]);
    let mut command = refresh(&platform, &[EID]);
    for variable in ["http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        command.env(variable, "http://127.0.0.1:1");
    }
    assert_eq!(run(&mut command).exit_code, Some(0));
}

#[cfg(unix)]
#[test]
fn rate_is_not_shared_in_an_untrusted_directory_and_the_log_says_so_once() {
    use std::os::unix::fs::{PermissionsExt, chown};
    use std::os::unix::process::CommandExt;
    // A directory that belongs to another user than the one who runs the command.
    const USER: u32 = 54_321;
    let directory = PathBuf::from(format!("/tmp/eiot-{USER}"));
    let _ = std::fs::create_dir(&directory);
    std::fs::set_permissions(&directory, PermissionsExt::from_mode(0o777))
        .expect("ours, or a leftover of ours");
    if chown(&directory, Some(USER + 1), None).is_err() {
        let _ = std::fs::remove_dir(&directory);
        return println!("skipped: it takes root to be several users");
    }
    let platform = Responder::start(&[ok(SUCCESS), ok(SUCCESS)]);
    let Ok(output) = refresh(&platform, &[EID, OTHER_EID]).uid(USER).output() else {
        return println!("skipped: another user cannot start the command where it was built");
    };
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert_eq!(stderr.matches("not shared with other processes, because").count(), 1, "{stderr}");
    assert!(stderr.contains("/tmp/eiot-54321: it belongs to user 54322"), "{stderr}");
    let error =
        refresh(&platform, &["--rate-scope=host", EID]).uid(USER).output().expect("it has started before");
    let stderr = String::from_utf8_lossy(&error.stderr);
    assert_eq!(error.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("rate_scope: /tmp/eiot-54321/rate-"), "{stderr}");
    std::fs::remove_dir(&directory).expect("empty");
}
