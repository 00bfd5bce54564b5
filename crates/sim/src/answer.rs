//! The simulator's answers, before they become HTTP.

use crate::published::Published;
use crate::reply::{Reply, ReplyFormat};
use serde_json::{Value, json};

/// The reasons for a refusal, each with its code and its HTTP status with `http_refusals`.
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
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) code: String,
    pub(crate) message: String,
    /// The reason, for the log only; empty if the message says it.
    detail: String,
    /// The `data` of a success.
    data: Option<Value>,
    /// The HTTP status with `http_refusals`.
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

    /// A refusal on demand, with any code.
    pub(crate) fn on_demand(code: &str) -> Self {
        let status = Published::of(code).map_or(400, Published::http_status);
        Self::refused(code, status, "refused on demand".to_owned())
    }

    /// The same answer in Chinese.
    pub(crate) fn in_chinese(&self) -> Self {
        let message = match Published::of(&self.code) {
            _ if self.is_success() => "操作成功",
            Some(published) => published.chinese,
            None => "请求被拒绝",
        };
        Self { message: message.to_owned(), ..self.clone() }
    }

    /// The same answer with this many letters more in its message.
    pub(crate) fn with_longer_message(&self, letters: usize) -> Self {
        Self { message: format!("{}{}", self.message, "a".repeat(letters)), ..self.clone() }
    }

    /// Code, message and detail, for the log.
    pub(crate) fn logged(&self) -> String {
        let Self { code, message, detail, .. } = self;
        if detail.is_empty() { format!("{code} {message}") } else { format!("{code} {message} ({detail})") }
    }

    pub(crate) fn is_success(&self) -> bool {
        self.refusal_status == 200
    }

    /// The HTTP reply.
    pub(crate) fn reply(&self, format: &ReplyFormat) -> Reply {
        let code = match self.code.parse::<u32>() {
            Ok(number) if format.integer_codes => Value::from(number),
            _ => Value::from(self.code.as_str()),
        };
        let body = match &self.data {
            Some(data) => json!({ "code": code, "message": self.message, "data": data }),
            None => json!({ "code": code, "message": self.message }),
        };
        let body = body.to_string();
        let no_such_call = self.code == Refusal::NoSuchCall.code();
        let status = if format.http_refusals || no_such_call { self.refusal_status } else { 200 };
        Reply::json(status, body, format.date)
    }
}
