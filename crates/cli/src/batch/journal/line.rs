//! The lines of a journal. Names and their meaning never change; new ones may be added.

use crate::batch::card_result::CardResult;
use eiot::Client;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Write;
use std::time::SystemTime;

/// Longer lines were not written by this program.
pub(super) const MAX_LINE_BYTES: u64 = 1024 * 1024;

/// The `kind` of a card that was refreshed.
pub(super) const OK: &str = "ok";

/// The version of the format.
pub(super) const FORMAT: u32 = 1;

/// Identifies the job that a journal belongs to: an account, a platform and an input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct JobKey {
    /// A fingerprint of account and platform, which reveals neither.
    account: String,
    /// Where the cards come from, such as a file name.
    input: String,
}

impl JobKey {
    /// The job of this client's account over `input`.
    pub(crate) fn new(client: &Client, input: impl Into<String>) -> Self {
        Self { account: client.account_fingerprint(), input: input.into() }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) eiot_journal: u32,
    #[serde(flatten)]
    pub(super) job: JobKey,
    pub(super) started: String,
}

/// A line that holds a result. Names and their meaning never change; new ones may be added.
#[derive(Serialize)]
pub(super) struct Entry<'a> {
    pub(super) eid: &'a str,
    /// `ok`, or the kind of the error.
    pub(super) kind: &'a str,
    pub(super) code: Option<&'a str>,
    pub(super) message: String,
    /// The same call would fail again.
    pub(super) r#final: bool,
    pub(super) attempts: u32,
    pub(super) delivered: &'a str,
    /// UTC, as in RFC 3339.
    pub(super) time: String,
}

impl<'a> Entry<'a> {
    /// The line of a result.
    pub(super) fn new(card: &CardResult<'a>) -> Self {
        match card.result {
            Ok(reply) => Self {
                eid: card.eid,
                kind: OK,
                code: None,
                message: reply.message().to_owned(),
                r#final: true,
                attempts: reply.attempts(),
                delivered: reply.delivered().name(),
                time: now(),
            },
            Err(error) => Self {
                eid: card.eid,
                kind: error.kind().name(),
                code: error.platform_code(),
                message: card.describe(error),
                r#final: error.is_final(),
                attempts: error.attempts(),
                delivered: error.delivered().name(),
                time: now(),
            },
        }
    }
}

/// The last line of a run that left nothing to do.
#[derive(Serialize)]
pub(super) struct Finish {
    /// UTC, as in RFC 3339.
    pub(super) finished: String,
}

/// The parts of a line that are read again.
#[derive(Deserialize)]
pub(super) struct StoredLine {
    pub(super) eid: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) message: Option<String>,
    #[serde(default)]
    pub(super) r#final: bool,
    pub(super) finished: Option<String>,
}

/// The current time, in UTC as in RFC 3339.
pub(super) fn now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}

/// Writes a line at once, so that a killed process leaves whole lines except for the last.
pub(super) fn write_line(file: &mut File, line: &impl Serialize) -> std::io::Result<()> {
    let mut bytes = serde_json::to_vec(line)?;
    bytes.push(b'\n');
    file.write_all(&bytes)
}

/// Checks that the first line of a journal is the header of this job.
pub(super) fn check_header(line: &[u8], job: &JobKey) -> Result<(), String> {
    let Ok(Header { eiot_journal, job: found, .. }) = serde_json::from_slice(line) else {
        return Err("it is not a journal of eiot; name a file that does not exist yet".to_owned());
    };
    if eiot_journal != FORMAT {
        return Err(format!("its format is {eiot_journal}, and this version reads format {FORMAT}"));
    }
    if found.input != job.input {
        return Err(format!(
            "it belongs to another run, over {:?} and not {:?}; use a separate journal for each input",
            found.input, job.input
        ));
    }
    if found.account != job.account {
        return Err(
            "it belongs to another account or platform; use a separate journal for each account".to_owned()
        );
    }
    Ok(())
}
