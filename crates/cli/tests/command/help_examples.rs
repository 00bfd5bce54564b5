//! The examples in `--help` are not wrapped, and they run.

use crate::run::{EID, eiot, run};
use eiot_sim::{Account, Options, Simulator};
use std::path::{Path, PathBuf};
use std::process::Command;

const COMMANDS: [&[&str]; 10] = [
    &[],
    &["refresh"],
    &["call"],
    &["check"],
    &["doctor"],
    &["explain"],
    &["sign"],
    &["webhook", "verify"],
    &["completions"],
    &["man"],
];

/// The lines of the examples, as a terminal of 80 columns shows them.
fn examples(command: &[&str]) -> Vec<String> {
    let help = run(eiot(command).arg("--help").env("COLUMNS", "80")).stdout;
    let mut lines = help.lines().skip_while(|line| !matches!(*line, "Example:" | "Examples:"));
    assert!(lines.next().is_some(), "{command:?} has no example");
    lines.take_while(|line| line.starts_with("  ")).map(str::to_owned).collect()
}

/// A directory with the files that the examples read.
fn directory(command: &[&str]) -> PathBuf {
    let name = format!("examples-{}", command.join("-"));
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    for folder in [
        ".local/share/bash-completion/completions",
        ".zfunc",
        ".config/fish/completions",
        ".local/share/man/man1",
    ] {
        std::fs::create_dir_all(directory.join(folder)).expect("a writable directory");
    }
    std::fs::write(directory.join("cards.csv"), format!("name,eid\na,{EID}\nb,2\n")).expect("written");
    let webhook = eiot_sim::signed_webhook(r#"{"event": "usage"}"#, "my-secret", eiot_sim::SignMethod::Sha1);
    std::fs::write(directory.join("webhook.json"), webhook.expect("a webhook")).expect("written");
    directory
}

#[test]
fn help_examples_run_as_a_terminal_of_80_columns_shows_them() {
    let accounts = vec![Account { appkey: "my-appkey".to_owned(), secret: "my-secret".to_owned() }];
    let platform = Simulator::start(Options { accounts, ..Options::unlimited() }).expect("a free port");
    let program = Path::new(env!("CARGO_BIN_EXE_eiot")).parent().expect("a directory").display();
    for command in COMMANDS {
        let directory = directory(command);
        // Programs that may not be installed here only print their input.
        let script = format!(
            "set -eo pipefail\njq() {{ cat; }}\nman() {{ cat; }}\n{}\n",
            examples(command).join("\n")
        );
        let output = Command::new("bash")
            .args(["--norc", "-c", &script])
            .current_dir(&directory)
            .env_clear()
            .env("HOME", &directory)
            .env("PATH", format!("{program}:/usr/bin:/bin"))
            .env("EIOT_BASE_URL", platform.url())
            .env("EIOT_APPKEY", "my-appkey")
            .env("EIOT_SECRET", "my-secret")
            .env("EIOT_RATE_SCOPE", "process")
            .output()
            .expect("bash");
        assert!(output.status.success(), "{command:?}: {script}{output:?}");
    }
    assert!(directory(&["man"]).join(".local/share/man/man1/eiot-webhook-verify.1").exists());
}
