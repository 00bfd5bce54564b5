//! An HTTP reply, and how it becomes bytes.

use std::io::Write;
use std::time::SystemTime;

/// How answers of the platform become HTTP replies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReplyFormat {
    /// Refusals have an HTTP status of 4xx or 500.
    pub(crate) http_refusals: bool,
    /// Numeric codes are sent as integers.
    pub(crate) integer_codes: bool,
    /// The `Date` header.
    pub(crate) date: SystemTime,
}

/// One HTTP reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
    pub(crate) content_type: &'static str,
    pub(crate) date: Option<SystemTime>,
    /// A further header.
    pub(crate) more: Option<(&'static str, String)>,
    /// The body is sent in chunks, separately from this reply.
    pub(crate) chunked: bool,
}

impl Reply {
    pub(crate) fn json(status: u16, body: impl Into<Vec<u8>>, date: SystemTime) -> Self {
        Self {
            status,
            content_type: "application/json;charset=utf-8",
            date: Some(date),
            more: None,
            chunked: false,
            body: body.into(),
        }
    }

    pub(crate) fn html(status: u16, date: SystemTime) -> Self {
        let title = reason(status);
        let body = format!("<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n");
        Self { content_type: "text/html", ..Self::json(status, body, date) }
    }

    /// The headers in their order: names and values.
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let date = self.date.map(|date| ("Date", httpdate::fmt_http_date(date)));
        let length = match self.chunked {
            true => ("Transfer-Encoding", "chunked".to_owned()),
            false => ("Content-Length", self.body.len().to_string()),
        };
        let content_type = ("Content-Type", self.content_type.to_owned());
        date.into_iter().chain([content_type]).chain(self.more.clone()).chain([length]).collect()
    }

    /// The whole reply, ready to be written.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256 + self.body.len());
        // Writing to memory cannot fail.
        let _ = write!(bytes, "HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        for (name, value) in self.headers() {
            let _ = write!(bytes, "{name}: {value}\r\n");
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        302 => "Found",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        408 => "Request Timeout",
        411 => "Length Required",
        413 => "Content Too Large",
        418 => "I'm a teapot",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Unknown",
    }
}
