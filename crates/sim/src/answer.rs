//! What the simulator answers, before it becomes HTTP.

use crate::options::Options;
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
            Self::IpNotAllowed   => ("sim.ip-not-allowed", 403),
            Self::UnknownAppkey  => ("sim.unknown-appkey", 401),
            Self::BadSign        => ("sim.bad-sign", 401),
            Self::StaleTimestamp => ("sim.stale-timestamp", 401),
            Self::NonceReused    => ("sim.nonce-reused", 401),
            Self::RateLimit      => ("sim.rate-limit", 429),
            Self::UnknownEid     => ("sim.unknown-eid", 404),
            Self::Cooldown       => ("sim.cooldown", 429),
        }
    }

    /// The code, recognisably the simulator's own: the platform's are not published.
    pub(crate) fn code(self) -> &'static str {
        self.row().0
    }

    /// An answer that refuses, with a sentence that says why.
    pub(crate) fn because(self, message: impl Into<String>) -> Answer {
        Answer { code: self.code().to_owned(), message: message.into(), refusal_status: self.row().1 }
    }
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: String,
    pub(crate) message: String,
    /// The HTTP status, where refusals have one of their own.
    refusal_status: u16,
}

impl Answer {
    pub(crate) fn success() -> Self {
        Self { code: "200".to_owned(), message: "success".to_owned(), refusal_status: 200 }
    }

    /// A refusal that is rehearsed rather than decided.
    pub(crate) fn rehearsed(code: &str) -> Self {
        Self { code: code.to_owned(), message: "this refusal is rehearsed".to_owned(), refusal_status: 400 }
    }

    pub(crate) fn is_success(&self) -> bool {
        self.refusal_status == 200
    }

    /// The whole HTTP reply, ready to be written.
    pub(crate) fn to_http(&self, options: &Options) -> Vec<u8> {
        let code = match self.code.parse::<u32>() {
            Ok(number) if options.integer_codes => serde_json::Value::from(number),
            _ => serde_json::Value::from(self.code.as_str()),
        };
        let body = serde_json::json!({ "code": code, "message": self.message }).to_string();
        let no_such_call = self.code == Refusal::NoSuchCall.code();
        let status = if options.http_refusals || no_such_call { self.refusal_status } else { 200 };
        reply(status, &body, now(options))
    }
}

/// What the simulator's clock reads.
pub(crate) fn now(options: &Options) -> SystemTime {
    let offset = Duration::from_secs(options.clock_offset_seconds.unsigned_abs());
    let shifted = match options.clock_offset_seconds {
        0.. => SystemTime::now().checked_add(offset),
        _ => SystemTime::now().checked_sub(offset),
    };
    shifted.unwrap_or(SystemTime::UNIX_EPOCH)
}

/// An HTTP reply with a JSON body.
pub(crate) fn reply(status: u16, body: &str, date: SystemTime) -> Vec<u8> {
    let reason = match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        411 => "Length Required",
        413 => "Content Too Large",
        429 => "Too Many Requests",
        _ => "Unknown",
    };
    let date = httpdate::fmt_http_date(date);
    format!(
        "HTTP/1.1 {status} {reason}\r\nDate: {date}\r\nContent-Type: application/json;charset=utf-8\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
