//! Exit codes: every command returns the codes that its help lists.

use crate::responder::{Reply, Responder, SUCCESS, Untouched, ok};
use crate::run::{EID, Outcome, SECRET, eiot, refresh, refresh_at, run};
use std::path::PathBuf;
use std::process::Stdio;

/// The exit codes that `--help` of a command lists, with their texts.
fn listed(command: &[&str]) -> Vec<(i32, String)> {
    let help = run(eiot(command).arg("--help")).stdout;
    let (_, table) = help.split_once("Exit codes:\n").expect("a table");
    let mut rows: Vec<(i32, String)> = Vec::new();
    for line in table.lines().take_while(|line| line.starts_with("  ")) {
        match line.trim().split_once(' ') {
            Some((code, text)) if code.parse::<i32>().is_ok() && !line.starts_with("   ") => {
                rows.push((code.parse().expect("a number"), text.trim().to_owned()));
            }
            _ => rows.last_mut().expect("a row").1.push_str(&format!(" {}", line.trim())),
        }
    }
    rows
}

fn text(command: &[&str], code: i32) -> String {
    let rows = listed(command);
    rows.into_iter()
        .find(|row| row.0 == code)
        .unwrap_or_else(|| panic!("{command:?}: {code} is not listed"))
        .1
}

/// Asserts that a command returned this code, and that its help lists it with this text.
fn check(command: &[&str], outcome: &Outcome, code: i32, words: &str) {
    assert_eq!(outcome.exit_code, Some(code), "{command:?} {outcome:?}");
    let text = text(command, code);
    assert!(text.contains(words), "{command:?}: {code} {text}");
}

fn refusal(status: u64, code: &str) -> Responder {
    Responder::start(&[Reply {
        status,
        header: "",
        body: format!(r#"{{"code": "{code}", "message": "no"}}"#),
    }])
}

fn file(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("exit-codes-{name}"));
    std::fs::write(&path, text).expect("a writable directory");
    path
}

#[cfg(target_os = "linux")]
fn full() -> Stdio {
    std::fs::File::options().write(true).open("/dev/full").expect("Linux has it").into()
}

#[cfg(target_os = "linux")]
fn closed() -> Stdio {
    let (writer, _reader) = std::os::unix::net::UnixStream::pair().expect("a pair of sockets");
    std::os::fd::OwnedFd::from(writer).into()
}

#[test]
fn exit_codes_of_refresh_are_those_of_its_help() {
    let command = &["refresh"];
    let accepted = Responder::start(&[ok(SUCCESS)]);
    check(command, &run(&mut refresh(&accepted, &[EID])), 0, "every EID was refreshed");
    check(command, &run(&mut refresh(&refusal(200, "45109"), &[EID])), 1, "refused by the platform");
    check(command, &run(&mut refresh(&refusal(200, "502"), &[EID])), 3, "does not accept the credentials");
    check(command, &run(&mut refresh(&accepted, &["--timeout=soon", EID])), 2, "invalid configuration");
    check(command, &run(&mut refresh(&accepted, &["--no-such-flag", EID])), 2, "wrong usage");
}

#[test]
fn exit_code_2_of_refresh_means_that_nothing_was_sent_only_for_arguments() {
    let platform = Untouched::listen();
    let outcome = run(&mut refresh_at(&platform.url(), &[EID, "89x"]));
    platform.check();
    check(&["refresh"], &outcome, 2, "If an argument is not a valid EID, nothing was sent");

    let platform = Responder::start(&[ok(SUCCESS)]);
    let cards = file("cards.txt", &format!("{EID}\n89x\n"));
    let outcome = run(refresh(&platform, &["--from"]).arg(&cards));
    check(&["refresh"], &outcome, 2, "with --from, the valid EIDs were sent");
    assert_eq!(platform.requests().len(), 1, "{outcome:?}");
    assert!(outcome.stdout.contains(&format!("{EID}\tok\t")), "{outcome:?}");
}

#[test]
fn exit_codes_of_the_other_commands_are_those_of_their_help() {
    let platform = Responder::start(&[ok(SUCCESS)]);
    let call = |platform: &Responder, arguments: &[&str]| {
        let mut command = eiot(&["call", "/api/v3/cloudesim/get"]);
        command.args(arguments).env("EIOT_APPKEY", "k").env("EIOT_SECRET", SECRET);
        run(command.env("EIOT_BASE_URL", platform.url()).env("EIOT_TIMEOUT", "10"))
    };
    check(&["call"], &call(&platform, &[]), 0, "accepted the call");
    check(&["call"], &call(&refusal(200, "45109"), &[]), 1, "refused by the platform");
    check(&["call"], &call(&platform, &["[]"]), 2, "invalid parameters");
    check(&["call"], &call(&refusal(200, "403"), &[]), 3, "does not accept the credentials");

    let valid = file("valid.txt", &format!("{EID}\n"));
    let invalid = file("invalid.txt", "89x\n");
    check(&["check"], &run(eiot(&["check"]).arg(valid)), 0, "every EID is valid");
    check(&["check"], &run(eiot(&["check"]).arg(invalid)), 2, "an invalid EID");
    check(&["check"], &run(&mut eiot(&["check", "/nonexistent"])), 2, "the file cannot be read");

    let sign = || {
        let mut command = eiot(&["sign", "a=1"]);
        command.env("EIOT_SECRET", SECRET);
        command
    };
    check(&["sign"], &run(&mut sign()), 0, "success");
    check(&["sign"], &run(sign().arg("secret=x")), 2, "wrong usage");

    let forged = file("forged.json", r#"{"nonce": 12345, "timestamp": 1, "sign": "0"}"#);
    let verify = ["webhook", "verify"];
    let outcome = run(eiot(&verify).arg(forged).env("EIOT_SECRET", SECRET));
    check(&verify, &outcome, 3, "the signature is invalid");
    let outcome = run(eiot(&verify).arg("/nonexistent").env("EIOT_SECRET", SECRET));
    check(&verify, &outcome, 2, "the file cannot be read");

    check(&["completions"], &run(&mut eiot(&["completions", "bash"])), 0, "success");
    check(&["man"], &run(&mut eiot(&["man", "refrsh"])), 2, "wrong usage");
    check(&["doctor"], &run(&mut eiot(&["doctor", "--timeout=soon"])), 2, "invalid configuration");
}

#[cfg(target_os = "linux")]
#[test]
fn exit_codes_of_an_output_that_fails_are_those_of_every_help() {
    let cards = file("output.txt", "1\n");
    let cards = cards.to_str().expect("UTF-8");
    let check_cards = ["check", cards];
    for (command, arguments) in [
        (&["check"][..], &check_cards[1..]),
        (&["sign"], &["a=1"]),
        (&["completions"], &["bash"]),
        (&["man"], &[]),
        (&["doctor"], &["--timeout=soon"]),
    ] {
        let run_with = |stdout| run(eiot(command).args(arguments).env("EIOT_SECRET", SECRET).stdout(stdout));
        check(command, &run_with(full()), 1, "the output cannot be written");
        check(command, &run_with(closed()), 141, "standard output was closed");
    }
    let platform = Responder::start(&[ok(SUCCESS)]);
    check(&["refresh"], &run(refresh(&platform, &[EID]).stdout(full())), 1, "output cannot be written");
    let outcome = run(refresh(&platform, &[EID]).stdout(closed()));
    check(&["refresh"], &outcome, 141, "remaining EIDs were not sent");
}

#[test]
fn exit_codes_in_the_help_of_every_command_are_in_ascending_order() {
    for command in [
        &["refresh"][..],
        &["call"],
        &["check"],
        &["doctor"],
        &["sign"],
        &["webhook", "verify"],
        &["completions"],
        &["man"],
    ] {
        let codes: Vec<_> = listed(command).into_iter().map(|row| row.0).collect();
        assert!(codes.len() >= 5 && codes.is_sorted_by(|one, other| one < other), "{command:?} {codes:?}");
    }
}
