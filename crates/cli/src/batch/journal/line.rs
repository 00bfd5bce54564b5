//! The lines of a journal. Names and their meaning never change; new ones may be added.

use crate::output::record::{OK, Record};
use crate::system::wall_clock;
use eiot::{Client, ErrorKind};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Longer lines were not written by this program.
pub(super) const MAX_LINE_BYTES: u64 = 1024 * 1024;

/// Longer data is not recorded, so that a line is never too long.
const MAX_DATA_BYTES: usize = 384 * 1024;

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

/// A line that holds a result: what the output has, except for what follows from other members. What is null may be absent.
#[derive(Serialize)]
pub(super) struct Entry<'a> {
    pub(super) eid: &'a str,
    /// `ok`, or the kind of the error.
    pub(super) kind: &'a str,
    pub(super) code: Option<&'a str>,
    pub(super) message: &'a str,
    /// The same call would fail again.
    pub(super) r#final: bool,
    pub(super) attempts: u32,
    pub(super) delivered: &'a str,
    /// UTC, as in RFC 3339.
    pub(super) time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) platform_message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) http_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) retry_after_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) headers: Option<&'a BTreeMap<&'a str, &'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) body: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) data: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) card: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) card_error: Option<&'a str>,
}

impl<'a> Entry<'a> {
    /// The line of a result.
    pub(super) fn new(record: &'a Record<'a>) -> Self {
        Self {
            eid: record.eid,
            kind: record.kind,
            code: record.code,
            message: &record.message,
            r#final: record.is_final || record.ok,
            attempts: record.attempts,
            delivered: record.delivered,
            time: now(),
            // The message of a success is the platform's.
            platform_message: record.platform_message.filter(|_| !record.ok),
            http_status: record.http_status,
            retry_after_ms: record.retry_after_ms,
            headers: record.headers.as_ref(),
            body: record.body.as_deref(),
            data: record.data.as_deref().filter(|data| data.get().len() <= MAX_DATA_BYTES),
            card: record.card.as_deref().filter(|card| card.get().len() <= MAX_DATA_BYTES),
            card_error: record.card_error.as_deref(),
        }
    }
}

/// The last line of a run that left nothing to do.
#[derive(Serialize)]
pub(super) struct Finish {
    /// UTC, as in RFC 3339.
    pub(super) finished: String,
}

/// The first line of a run. If it writes its results to a file, the next run finds those that are recorded here and were not
/// written there.
#[derive(Debug, Serialize)]
pub(super) struct Run {
    /// When it began; UTC, as in RFC 3339.
    pub(super) run: String,
    pub(super) output: Option<OutputMark>,
}

/// The state of an output file when a run begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OutputMark {
    /// The file, however it is called.
    pub(crate) device: u64,
    pub(crate) inode: u64,
    /// Its length.
    pub(crate) offset: u64,
    /// Refreshed cards are not written.
    pub(crate) quiet: bool,
}

/// The parts of a line that are read again when a run is resumed.
#[derive(Deserialize)]
pub(super) struct StoredLine {
    pub(super) eid: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) message: Option<String>,
    #[serde(default)]
    pub(super) r#final: bool,
    pub(super) finished: Option<String>,
    pub(super) run: Option<String>,
    pub(super) output: Option<OutputMark>,
    pub(super) time: Option<String>,
}

/// A result as it was recorded.
#[derive(Deserialize)]
pub(super) struct StoredResult<'a> {
    eid: Cow<'a, str>,
    kind: Cow<'a, str>,
    code: Option<Cow<'a, str>>,
    #[serde(default)]
    message: Cow<'a, str>,
    #[serde(default)]
    r#final: bool,
    #[serde(default)]
    attempts: u32,
    #[serde(default)]
    delivered: Cow<'a, str>,
    platform_message: Option<Cow<'a, str>>,
    http_status: Option<u16>,
    retry_after_ms: Option<u64>,
    headers: Option<BTreeMap<Cow<'a, str>, Cow<'a, str>>>,
    body: Option<Cow<'a, str>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    card: Option<&'a RawValue>,
    card_error: Option<Cow<'a, str>>,
}

impl StoredResult<'_> {
    /// What the output has of this result.
    pub(super) fn record(&self) -> Record<'_> {
        let ok = self.kind == OK;
        Record {
            eid: &self.eid,
            ok,
            kind: &self.kind,
            status: ErrorKind::from_name(&self.kind).map_or(0, ErrorKind::status),
            code: self.code.as_deref(),
            message: Cow::Borrowed(&self.message),
            platform_message: if ok { Some(&self.message) } else { self.platform_message.as_deref() },
            http_status: self.http_status,
            attempts: self.attempts,
            retry_after_ms: self.retry_after_ms,
            delivered: &self.delivered,
            is_final: self.r#final && !ok,
            headers: self
                .headers
                .as_ref()
                .map(|headers| headers.iter().map(|(name, value)| (name.as_ref(), value.as_ref())).collect()),
            body: self.body.as_deref().map(Cow::Borrowed),
            data: self.data.map(Cow::Borrowed),
            card: self.card.map(Cow::Borrowed),
            card_error: self.card_error.as_deref().map(Cow::Borrowed),
        }
    }
}

/// The current time, in UTC as in RFC 3339.
pub(super) fn now() -> String {
    humantime::format_rfc3339_seconds(wall_clock()).to_string()
}

/// Checks that the first line of a journal is a header for this account.
pub(super) fn check_account(line: &[u8], job: &JobKey) -> Result<JobKey, String> {
    let Ok(Header { eiot_journal, job: found, .. }) = serde_json::from_slice(line) else {
        return Err("it is not a journal of eiot; name a file that does not exist yet".to_owned());
    };
    if eiot_journal != FORMAT {
        return Err(format!("its format is {eiot_journal}, and this version reads format {FORMAT}"));
    }
    if found.account != job.account {
        return Err(
            "it belongs to another account or platform; use a separate journal for each account".to_owned()
        );
    }
    Ok(found)
}

/// Checks that the first line of a journal is the header of this job.
pub(super) fn check_header(line: &[u8], job: &JobKey) -> Result<(), String> {
    let found = check_account(line, job)?;
    if found.input != job.input {
        return Err(format!(
            "it belongs to another run, over {:?} and not {:?}; use a separate journal for each input",
            found.input, job.input
        ));
    }
    Ok(())
}
