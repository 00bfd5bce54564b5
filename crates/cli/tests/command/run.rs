//! Runs the command.

use crate::responder::Responder;
use serde_json::Value;
use std::process::{Command, Stdio};

/// A secret that must not appear in any output.
pub(crate) const SECRET: &str = "canary-hunter2";

/// The card of most tests.
pub(crate) const EID: &str = "89044011112233441122334411223321";

/// The owner's example.
pub(crate) const OTHER_EID: &str = "11111111111111111111111111";

/// The output and exit code of a run.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) exit_code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The command with these arguments and an empty environment.
pub(crate) fn eiot(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eiot"));
    command.args(arguments).env_clear().stdin(Stdio::null());
    command
}

/// `eiot refresh` for an account at this platform.
pub(crate) fn refresh(platform: &Responder, arguments: &[&str]) -> Command {
    refresh_at(&platform.url(), arguments)
}

/// `eiot refresh` for an account at this address.
pub(crate) fn refresh_at(url: &str, arguments: &[&str]) -> Command {
    let mut command = eiot(&["refresh"]);
    command.args(arguments);
    command.env("EIOT_APPKEY", "k").env("EIOT_SECRET", SECRET).env("EIOT_BASE_URL", url);
    // An unexpected call must not delay the tests for long.
    command.env("EIOT_TIMEOUT", "10");
    command
}

/// Runs the command. In every test, the secret is in no output, and there was no panic.
pub(crate) fn run(command: &mut Command) -> Outcome {
    let output = command.output().expect("the command starts");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let outcome =
        Outcome { exit_code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
    for stream in [&outcome.stdout, &outcome.stderr] {
        assert!(!stream.contains(SECRET), "the secret is shown: {outcome:?}");
        assert!(!stream.contains("panicked"), "{outcome:?}");
    }
    outcome
}

impl Outcome {
    /// The objects of `--json`, one per line.
    pub(crate) fn records(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }

    /// The only object of `--json`.
    pub(crate) fn record(&self) -> Value {
        let records = self.records();
        assert_eq!(records.len(), 1, "{self:?}");
        records[0].clone()
    }
}

/// One of the vector files that all languages share.
pub(crate) fn vectors(text: &str) -> Value {
    serde_json::from_str(text).expect("the vector file is JSON")
}
