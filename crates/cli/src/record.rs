//! One line of `--json`.

use eiot::{Error, Reply};
use serde::Serialize;
use serde_json::value::RawValue;
use std::time::Duration;

/// The outcome of one EID. Names and their meaning never change; new ones may be added.
#[derive(Serialize)]
pub(crate) struct Record<'a> {
    eid: &'a str,
    ok: bool,
    kind: &'static str,
    status: i32,
    code: Option<&'a str>,
    message: String,
    platform_message: Option<&'a str>,
    http_status: Option<u16>,
    attempts: u32,
    retry_after_ms: Option<u64>,
    delivered: &'static str,
    #[serde(rename = "final")]
    is_final: bool,
    data: Option<Box<RawValue>>,
}

impl<'a> Record<'a> {
    /// Of an EID that was refreshed.
    pub(crate) fn of_reply(reply: &'a Reply) -> Result<Self, Error> {
        Ok(Self {
            eid: reply.eid(),
            ok: true,
            kind: "ok",
            status: 0,
            code: None,
            message: reply.message().to_owned(),
            platform_message: Some(reply.message()),
            http_status: None,
            attempts: reply.attempts(),
            retry_after_ms: None,
            delivered: reply.delivered().name(),
            is_final: false,
            data: reply.data_json().map(on_one_line).transpose()?,
        })
    }

    /// Of an EID that was not, or of which that is not known.
    pub(crate) fn of_error(eid: &'a str, error: &'a Error) -> Self {
        Self {
            eid,
            ok: false,
            kind: error.kind().name(),
            status: error.kind().status(),
            code: error.platform_code(),
            message: error.to_string(),
            platform_message: error.platform_message(),
            http_status: error.http_status(),
            attempts: error.attempts(),
            retry_after_ms: error.retry_after().map(milliseconds),
            delivered: error.delivered().name(),
            is_final: error.is_final(),
            data: None,
        }
    }

    /// The JSON text, without a line end.
    pub(crate) fn to_line(&self) -> Result<String, Error> {
        serde_json::to_string(self).map_err(Error::internal)
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The platform's JSON as it came, on one line: inside of its strings line ends are escaped, so those that stand there
/// as they are mean nothing.
fn on_one_line(json: &str) -> Result<Box<RawValue>, Error> {
    RawValue::from_string(json.replace(['\r', '\n'], " ")).map_err(Error::internal)
}
