//! An HTTP reply, and how it becomes bytes.

use std::io::Write;
use std::time::SystemTime;

/// One HTTP reply.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) date: Option<SystemTime>,
    /// Further header lines, each with its line end.
    pub(crate) more: String,
    /// The body is sent in chunks.
    pub(crate) chunked: bool,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn json(status: u16, body: impl Into<Vec<u8>>, date: SystemTime) -> Self {
        Self {
            status,
            content_type: "application/json;charset=utf-8",
            date: Some(date),
            more: String::new(),
            chunked: false,
            body: body.into(),
        }
    }

    pub(crate) fn html(status: u16, date: SystemTime) -> Self {
        let title = reason(status);
        let body = format!("<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n");
        Self { content_type: "text/html", ..Self::json(status, body, date) }
    }

    /// The whole reply, ready to be written.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256 + self.body.len());
        // Writing to memory cannot fail.
        let _ = write!(bytes, "HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        if let Some(date) = self.date {
            let _ = write!(bytes, "Date: {}\r\n", httpdate::HttpDate::from(date));
        }
        let _ = write!(bytes, "Content-Type: {}\r\n{}", self.content_type, self.more);
        let _ = if self.chunked {
            write!(bytes, "Transfer-Encoding: chunked\r\n\r\n")
        } else {
            write!(bytes, "Content-Length: {}\r\n\r\n", self.body.len())
        };
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
