//! The JSON object of `--json`.

use eiot::{Error, Reply, escaped, is_unsafe};
use serde::Serialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

/// The `kind` of a success.
pub(crate) const OK: &str = "ok";

/// The result of one EID. Names and their meaning never change; new ones may be added.
#[derive(Serialize)]
pub(crate) struct Record<'a> {
    pub(crate) eid: &'a str,
    pub(crate) ok: bool,
    pub(crate) kind: &'a str,
    pub(crate) status: i32,
    pub(crate) code: Option<&'a str>,
    pub(crate) message: Cow<'a, str>,
    pub(crate) platform_message: Option<&'a str>,
    pub(crate) http_status: Option<u16>,
    pub(crate) attempts: u32,
    pub(crate) retry_after_ms: Option<u64>,
    pub(crate) delivered: &'a str,
    #[serde(rename = "final")]
    pub(crate) is_final: bool,
    pub(crate) headers: Option<BTreeMap<&'a str, &'a str>>,
    pub(crate) body: Option<Cow<'a, str>>,
    pub(crate) data: Option<Cow<'a, RawValue>>,
    /// With `--then-get`, the data of the card after the refresh. Untyped, because its fields are not published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) card: Option<Cow<'a, RawValue>>,
    /// Why the card could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) card_error: Option<Cow<'a, str>>,
    /// Of `eiot call --from`: the row.
    #[serde(flatten)]
    pub(crate) row: Option<RowRecord<'a>>,
}

/// The row of a call.
#[derive(Serialize)]
pub(crate) struct RowRecord<'a> {
    /// Its line in the input.
    pub(crate) line: u64,
    /// The fingerprint of the call: what tells it from others in a journal.
    pub(crate) call: Cow<'a, str>,
    /// All parameters.
    pub(crate) parameters: Cow<'a, RawValue>,
    /// The platform may have acted, and acts again if the call is repeated.
    pub(crate) unknown: bool,
}

/// How an outcome that is unknown is called where there is room for one word.
pub(crate) const UNKNOWN: &str = "unknown";

impl<'a> Record<'a> {
    /// The record of a success.
    pub(crate) fn of_reply(reply: &'a Reply) -> Result<Self, Error> {
        Ok(Self {
            eid: reply.eid(),
            ok: true,
            kind: OK,
            status: 0,
            code: None,
            message: reply.message().into(),
            platform_message: Some(reply.message()),
            http_status: None,
            attempts: reply.attempts(),
            retry_after_ms: None,
            delivered: reply.delivered().name(),
            is_final: false,
            headers: None,
            body: None,
            data: reply.data_json().map(raw).transpose()?.map(Cow::Owned),
            card: None,
            card_error: None,
            row: None,
        })
    }

    /// The record of a failure.
    pub(crate) fn of_error(eid: &'a str, error: &'a Error) -> Self {
        let headers: BTreeMap<_, _> =
            error.headers().iter().map(|(name, value)| (*name, value.as_str())).collect();
        Self {
            eid,
            ok: false,
            kind: error.kind().name(),
            status: error.kind().status(),
            code: error.platform_code(),
            message: error.to_string().into(),
            platform_message: error.platform_message(),
            http_status: error.http_status(),
            attempts: error.attempts(),
            retry_after_ms: error.retry_after().map(milliseconds),
            delivered: error.delivered().name(),
            is_final: error.is_final(),
            headers: (!headers.is_empty()).then_some(headers),
            body: error.body().map(String::from_utf8_lossy),
            data: None,
            card: None,
            card_error: None,
            row: None,
        }
    }

    /// The same, with the row of the call.
    pub(crate) fn with_row(self, row: RowRecord<'a>) -> Self {
        Self { row: Some(row), ..self }
    }

    /// The same, with another message.
    pub(crate) fn with_message(self, message: String) -> Self {
        Self { message: message.into(), ..self }
    }

    /// Three fields separated by tabs, without a line end: EID, `ok` or the kind of failure, message. With `--then-get`, there is a
    /// fourth one: the card, or why it could not be read. Of `eiot call --from`, the first one is the line of the row, and the
    /// fourth one the data of the reply.
    pub(crate) fn to_text(&self) -> String {
        if let Some(row) = &self.row {
            let kind = if row.unknown { UNKNOWN } else { self.kind };
            let data =
                self.data.as_ref().map(|data| format!("\t{}", safe_json(data.get()))).unwrap_or_default();
            return format!("{}\t{kind}\t{}{data}", row.line, escaped(&self.message));
        }
        let card = match (&self.card, &self.card_error) {
            (Some(card), _) => format!("\t{}", safe_json(card.get())),
            (None, Some(why)) => format!("\t{}", escaped(why)),
            (None, None) => String::new(),
        };
        format!("{}\t{}\t{}{card}", self.eid, self.kind, escaped(&self.message))
    }

    /// The same, with what reading the card has returned.
    pub(crate) fn with_card(self, card: Result<&'a Reply, String>) -> Result<Self, Error> {
        Ok(match card {
            Ok(reply) => Self { card: Some(Cow::Owned(raw(reply.data_json().unwrap_or("null"))?)), ..self },
            Err(why) => Self { card_error: Some(why.into()), ..self },
        })
    }

    /// The JSON text, without a line end.
    pub(crate) fn to_line(&self) -> Result<String, Error> {
        Ok(safe_json(&serde_json::to_string(self).map_err(Error::internal)?))
    }
}

/// Equivalent JSON on one line, with characters escaped that could control a terminal or reorder the line. They occur only
/// inside of strings; line breaks between tokens become spaces.
pub(crate) fn safe_json(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\r' | '\n' | '\t' => safe.push(' '),
            c if is_unsafe(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    safe.push_str(&format!("\\u{unit:04x}"));
                }
            }
            c => safe.push(c),
        }
    }
    safe
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The platform's JSON, verbatim.
fn raw(json: &str) -> Result<Box<RawValue>, Error> {
    RawValue::from_string(json.to_owned()).map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn safe_json_is_equivalent_and_one_safe_line() {
        let json = "{\"a\u{202e}\":\n[1,\t\"\u{9b}2J 中 \u{e0041}\\n\"]}";
        let safe = safe_json(json);
        assert!(!safe.contains(is_unsafe), "{safe:?}");
        assert_eq!(safe, "{\"a\\u202e\": [1, \"\\u009b2J 中 \\udb40\\udc41\\n\"]}");
        let parsed = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
        assert_eq!(parsed(&safe), parsed(json));
    }
}
