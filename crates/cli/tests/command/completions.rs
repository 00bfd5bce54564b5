//! `eiot completions`: completion scripts for shells.

use crate::run::{eiot, run};
use std::path::PathBuf;
use std::process::Command;

/// The script for a shell, in a separate file per test, because tests run in parallel.
fn script(test: &str, shell: &str) -> (String, PathBuf) {
    let outcome = run(&mut eiot(&["completions", shell]));
    assert_eq!((outcome.exit_code, outcome.stderr.as_str()), (Some(0), ""), "{outcome:?}");
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("completions-{test}.{shell}"));
    std::fs::write(&path, &outcome.stdout).expect("a writable directory");
    (outcome.stdout, path)
}

#[test]
fn completions_of_every_shell_have_the_commands_and_their_flags() {
    for shell in ["bash", "zsh", "fish"] {
        let (text, _) = script("words", shell);
        for word in ["refresh", "check", "doctor", "sign", "completions", "man", "strict-eid", "column"] {
            assert!(text.contains(word), "{shell}: {word}");
        }
    }
}

#[test]
fn completions_of_bash_are_valid_syntax() {
    let (_, path) = script("syntax", "bash");
    let output = Command::new("bash").arg("-n").arg(path).output().expect("bash");
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn completions_of_bash_complete_commands_flags_and_values() {
    let (_, path) = script("completes", "bash");
    for (words, begin, completed) in [
        ("eiot do", "do", "doctor\n"),
        ("eiot check --col", "--col", "--column\n"),
        ("eiot refresh --sign-method m", "m", "md5\n"),
        ("eiot refresh --rate-scope p", "p", "process\n"),
        ("eiot refresh --retry i", "i", "invalid\n"),
        ("eiot journal failed --kind una", "una", "unavailable\n"),
        ("eiot man jou", "jou", "journal\n"),
        ("eiot explain una", "una", "unavailable\n"),
        ("eiot explain --lang z", "z", "zh\n"),
        ("eiot completions fi", "fi", "fish\n"),
        ("eiot refresh --secret-file Cargo", "Cargo", "Cargo.toml\n"),
        // Not a file: the word stays as it is.
        ("eiot refresh --profile Cargo", "Cargo", "Cargo\n"),
        ("eiot refresh --timeout Cargo", "Cargo", "Cargo\n"),
        // Its value would be taken for an EID.
        ("eiot refresh --strict-eid on", "on", "\n"),
    ] {
        let previous = words.split(' ').rev().nth(1).expect("a word before the last");
        let question = format!(
            ". {}; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             _eiot eiot {begin} {previous}; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            path.display()
        );
        let output = Command::new("bash").args(["--norc", "-c", &question]).output().expect("bash");
        assert_eq!(String::from_utf8_lossy(&output.stdout), completed, "{words} {output:?}");
    }
}

#[test]
fn completions_of_an_unknown_shell_are_wrong_usage_and_list_the_valid_ones() {
    let outcome = run(&mut eiot(&["completions", "csh"]));
    assert_eq!((outcome.exit_code, outcome.stdout.as_str()), (Some(2), ""), "{outcome:?}");
    assert!(outcome.stderr.contains("bash"), "{outcome:?}");
}
