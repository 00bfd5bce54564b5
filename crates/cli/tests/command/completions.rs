//! `eiot completions`: completion scripts for shells.

use crate::run::{eiot, run};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

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

/// A directory with a configuration file, and with the command under its name, for `PATH`.
fn with_profiles(test: &str) -> (PathBuf, String) {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("completions-profiles-{test}"));
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).expect("writable");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_eiot"), directory.join("eiot")).expect("writable");
    let profiles = "[profile.billing]\n[profile.berlin]\n[profile.lab]\n[profile.\"two words\"]\n";
    std::fs::write(directory.join("config.toml"), profiles).expect("writable");
    let path = format!("{}:{}", directory.display(), std::env::var("PATH").expect("a path"));
    (directory, path)
}

/// What a shell prints; `None` if it is not installed. With `EIOT_TEST_REQUIRE=tools`, that is a failure.
fn ask(shell: &str, arguments: &[&str], directory: &Path, path: &str) -> Option<String> {
    let mut command = Command::new(shell);
    command.args(arguments).env_clear().env("PATH", path).env("HOME", directory).env("TERM", "dumb");
    command.env("EIOT_CONFIG", directory.join("config.toml")).stdin(Stdio::null());
    let output = match command.output() {
        Ok(output) => output,
        Err(why) => {
            let required = std::env::var_os("EIOT_TEST_REQUIRE").is_some_and(|value| value == "tools");
            assert!(!required, "{shell} is not installed (on Debian: apt-get install {shell}): {why}");
            println!("skipped: {shell} is not installed (on Debian: apt-get install {shell})");
            return None;
        }
    };
    assert!(output.status.success() && output.stderr.is_empty(), "{shell}: {output:?}");
    Some(String::from_utf8(output.stdout).expect("UTF-8"))
}

#[test]
fn completions_of_bash_offer_the_names_of_profiles() {
    let (_, script) = script("profiles", "bash");
    let (directory, path) = with_profiles("bash");
    let question = format!(
        "compopt() {{ :; }}; . {}; COMP_WORDS=(eiot refresh --profile b); COMP_CWORD=3; _eiot eiot b --profile; echo \"${{COMPREPLY[@]}}\"",
        script.display()
    );
    let told = ask("bash", &["--norc", "-c", &question], &directory, &path).expect("bash");
    assert_eq!(told, "berlin billing\n");
}

#[test]
fn completions_of_fish_complete_commands_flags_and_the_names_of_profiles() {
    let (_, script) = script("fish", "fish");
    let (directory, path) = with_profiles("fish");
    for (words, expected) in [
        ("eiot do", &["doctor"][..]),
        ("eiot check --col", &["--column"]),
        ("eiot refresh --sign-method m", &["md5"]),
        ("eiot refresh --retry un", &["unknown"]),
        ("eiot refresh --profile b", &["berlin", "billing"]),
        ("eiot call /a --profile l", &["lab"]),
    ] {
        let question = format!("source {}; complete -C '{words}'", script.display());
        let Some(told) = ask("fish", &["--no-config", "-c", &question], &directory, &path) else { return };
        // The word, a tab, its description.
        let words_told: Vec<_> = told.lines().filter_map(|line| line.split('\t').next()).collect();
        assert_eq!(words_told, expected, "{words}: {told}");
    }
}

#[test]
fn completions_of_zsh_are_loaded_and_complete_commands_flags_and_the_names_of_profiles() {
    let (_, script) = script("zsh", "zsh");
    let (directory, path) = with_profiles("zsh");
    std::fs::copy(script, directory.join("_eiot")).expect("writable");
    // zsh completes in its line editor only: a terminal, in which the completion is requested and what it offers is printed.
    let setup = format!(
        "fpath=({} $fpath); autoload -U compinit; compinit -u -D; zstyle ':completion:*' list-colors ''; \
         LISTMAX=0; PS1='ready> '; unset zle_bracketed_paste; bindkey '^I' complete-word",
        directory.display()
    );
    std::fs::write(directory.join(".zshrc"), setup).expect("writable");
    for (words, expected) in [
        ("eiot do", "doctor"),
        ("eiot check --col", "--column"),
        ("eiot refresh --sign-method m", "md5"),
        ("eiot refresh --profile bi", "billing"),
        ("eiot call /a --profile l", "lab"),
    ] {
        let question = format!(
            "zmodload zsh/zpty; zpty -b shell zsh -i; zpty -w -n shell {}; \
             text=''; for i in {{1..200}}; do zpty -r -t shell part && text+=$part; \
             [[ $text == *{expected}* ]] && break; sleep 0.05; done; zpty -d shell; print -rn -- $text",
            quoted(&format!("{words}\t")),
        );
        let Some(told) = ask("zsh", &["-f", "-c", &question], &directory, &path) else { return };
        assert!(told.contains(expected), "{words}: {told:?}");
    }
}

/// The text in quotes of zsh, in which `\t` is a tab.
fn quoted(text: &str) -> String {
    format!("$'{}'", text.replace('\t', "\\t"))
}

#[test]
fn completions_of_an_unknown_shell_are_wrong_usage_and_list_the_valid_ones() {
    let outcome = run(&mut eiot(&["completions", "csh"]));
    assert_eq!((outcome.exit_code, outcome.stdout.as_str()), (Some(2), ""), "{outcome:?}");
    assert!(outcome.stderr.contains("bash"), "{outcome:?}");
}
