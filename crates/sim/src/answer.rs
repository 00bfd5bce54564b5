//! What the simulator answers, before it becomes HTTP.

use crate::options::Options;
use crate::published::Published;
use crate::reply::Reply;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};

/// The reasons for a refusal, each with its code, and the HTTP status it has with `http_refusals`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    NoSuchCall,
    BadContentType,
    BadJson,
    BadField,
    IpNotAllowed,
    UnknownAppkey,
    BadSign,
    StaleTimestamp,
    NonceReused,
    RateLimit,
    UnknownEid,
    Cooldown,
}

impl Refusal {
    #[rustfmt::skip]
    fn row(self) -> (&'static str, u16) {
        match self {
            Self::NoSuchCall     => ("sim.no-such-call", 404),
            Self::BadContentType => ("sim.bad-content-type", 400),
            Self::BadJson        => ("sim.bad-json", 400),
            Self::BadField       => ("sim.bad-field", 400),
            Self::IpNotAllowed   => ("502", 403),
            Self::UnknownAppkey  => ("sim.unknown-appkey", 401),
            Self::BadSign        => ("sim.bad-sign", 401),
            Self::StaleTimestamp => ("sim.stale-timestamp", 401),
            Self::NonceReused    => ("sim.nonce-reused", 401),
            Self::RateLimit      => ("501", 429),
            Self::UnknownEid     => ("sim.unknown-eid", 404),
            Self::Cooldown       => ("sim.cooldown", 429),
        }
    }

    /// The code: the platform's where one is published, else one of the simulator's own, which begin with `sim.`.
    pub(crate) fn code(self) -> &'static str {
        self.row().0
    }

    /// An answer that refuses, with a sentence that says why.
    pub(crate) fn because(self, detail: impl Into<String>) -> Answer {
        self.with_code(self.code(), detail)
    }

    /// The same with another code.
    pub(crate) fn with_code(self, code: &str, detail: impl Into<String>) -> Answer {
        Answer::refused(code, self.row().1, detail.into())
    }
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: String,
    pub(crate) message: String,
    /// Why, for the log only; empty where the message says it.
    detail: String,
    /// What comes with success.
    data: Option<Value>,
    /// The HTTP status, where refusals have one of their own.
    refusal_status: u16,
}

impl Answer {
    pub(crate) fn success(data: Option<Value>) -> Self {
        Self {
            code: "200".to_owned(),
            message: "success".to_owned(),
            detail: String::new(),
            data,
            refusal_status: 200,
        }
    }

    /// A refusal in the platform's words where the code is published, else in the simulator's.
    fn refused(code: &str, refusal_status: u16, detail: String) -> Self {
        let (message, detail) = match Published::of(code) {
            Some(published) => (published.english.to_owned(), detail),
            None => (detail, String::new()),
        };
        Self { code: code.to_owned(), message, detail, data: None, refusal_status }
    }

    /// A rejection that an option or a fault asks for.
    pub(crate) fn rehearsed(code: &str) -> Self {
        let status = Published::of(code).map_or(400, Published::http_status);
        Self::refused(code, status, "this rejection is simulated".to_owned())
    }

    /// The same answer in Chinese.
    pub(crate) fn in_chinese(self) -> Self {
        let message = match Published::of(&self.code) {
            _ if self.is_success() => "操作成功",
            Some(published) => published.chinese,
            None => "请求被拒绝",
        };
        Self { message: message.to_owned(), ..self }
    }

    /// Code, message and detail, as the log has them.
    pub(crate) fn logged(&self) -> String {
        let Self { code, message, detail, .. } = self;
        if detail.is_empty() { format!("{code} {message}") } else { format!("{code} {message} ({detail})") }
    }

    pub(crate) fn is_success(&self) -> bool {
        self.refusal_status == 200
    }

    /// The HTTP reply, with a code that is a number as text or as an integer.
    pub(crate) fn reply(&self, options: &Options, integer_code: bool) -> Reply {
        let code = match self.code.parse::<u32>() {
            Ok(number) if integer_code => Value::from(number),
            _ => Value::from(self.code.as_str()),
        };
        let body = match &self.data {
            Some(data) => json!({ "code": code, "message": self.message, "data": data }),
            None => json!({ "code": code, "message": self.message }),
        };
        let body = body.to_string();
        let no_such_call = self.code == Refusal::NoSuchCall.code();
        let status = if options.http_refusals || no_such_call { self.refusal_status } else { 200 };
        Reply::json(status, body, now(options))
    }
}

/// What the simulator's clock reads.
pub(crate) fn now(options: &Options) -> SystemTime {
    shifted(SystemTime::now(), options.clock_offset_seconds)
}

/// A time that is off by so much, and still one that HTTP can write: from 1970 to 9999.
pub(crate) fn shifted(time: SystemTime, seconds: i64) -> SystemTime {
    const LATEST: u64 = 253_402_300_799;
    let since_1970 = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let by = Duration::from_secs(seconds.unsigned_abs());
    let since_1970 = if seconds < 0 { since_1970.saturating_sub(by) } else { since_1970.saturating_add(by) };
    SystemTime::UNIX_EPOCH + since_1970.min(Duration::from_secs(LATEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_offset_is_too_large_for_a_date() {
        let written = |seconds| httpdate::fmt_http_date(shifted(SystemTime::UNIX_EPOCH, seconds));
        assert_eq!(written(i64::MIN), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(written(-1), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(written(3600), "Thu, 01 Jan 1970 01:00:00 GMT");
        assert_eq!(written(i64::MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
    }
}
