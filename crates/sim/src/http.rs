//! Reads HTTP/1.1 requests with a Content-Length; the calls need nothing else.

use std::io::{self, Read};
use std::ops::Range;

/// The largest head.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// The largest body.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// One HTTP request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// The method, such as `POST`.
    pub method: String,
    /// The path, such as `/api/v3/cloudesim/refreshUsage`.
    pub path: String,
    /// The `Content-Type`; empty if there is none.
    pub content_type: String,
    /// The `User-Agent`; empty if there is none.
    pub user_agent: String,
    /// The body.
    pub body: Vec<u8>,
    /// The client wants the connection closed after the reply.
    pub last: bool,
}

/// Why there is no request.
#[derive(Debug)]
pub(crate) enum NoRequest {
    /// The client closed the connection, or sent nothing for too long.
    Ended,
    /// The request is invalid; the reply is this status.
    Refused(u16),
}

/// Reads the requests of one connection.
pub(crate) struct Reader {
    /// Bytes that were received and not used yet.
    data: Vec<u8>,
}

impl Reader {
    pub(crate) fn new() -> Self {
        Self { data: Vec::with_capacity(2048) }
    }

    /// Waits for the next request.
    pub(crate) fn next(&mut self, stream: &mut impl Read) -> Result<HttpRequest, NoRequest> {
        loop {
            if let Some((mut request, body)) = parse_head(&self.data)? {
                while self.data.len() < body.end {
                    self.read_more(stream)?;
                }
                request.body = self.data.get(body.clone()).unwrap_or_default().to_vec();
                self.data.drain(..body.end);
                return Ok(request);
            }
            if self.data.len() > MAX_HEAD_BYTES {
                return Err(NoRequest::Refused(400));
            }
            self.read_more(stream)?;
        }
    }

    fn read_more(&mut self, stream: &mut impl Read) -> Result<(), NoRequest> {
        let mut buffer = [0; 4096];
        loop {
            match stream.read(&mut buffer) {
                Ok(0) => return Err(NoRequest::Ended),
                Ok(count) => {
                    self.data.extend_from_slice(buffer.get(..count).unwrap_or_default());
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(NoRequest::Ended),
            }
        }
    }
}

/// The head, once it is complete, and where the body starts.
fn parse_head(data: &[u8]) -> Result<Option<(HttpRequest, Range<usize>)>, NoRequest> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut parsed = httparse::Request::new(&mut headers);
    let end = match parsed.parse(data) {
        Ok(httparse::Status::Complete(end)) => end,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(NoRequest::Refused(400)),
    };
    let header = |name: &str| {
        let found = parsed.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        found.map(|header| String::from_utf8_lossy(header.value).trim().to_owned())
    };
    if header("transfer-encoding").is_some() {
        return Err(NoRequest::Refused(411));
    }
    let length: usize = match header("content-length") {
        Some(length) => length.parse().map_err(|_| NoRequest::Refused(400))?,
        None => 0,
    };
    if length > MAX_BODY_BYTES {
        return Err(NoRequest::Refused(413));
    }
    let request = HttpRequest {
        method: parsed.method.unwrap_or_default().to_owned(),
        path: parsed.path.unwrap_or_default().to_owned(),
        content_type: header("content-type").unwrap_or_default(),
        user_agent: header("user-agent").unwrap_or_default(),
        body: Vec::new(),
        last: parsed.version == Some(0)
            || header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")),
    };
    Ok(Some((request, end..end + length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(mut text: &[u8]) -> (Vec<HttpRequest>, NoRequest) {
        let mut reader = Reader::new();
        let mut requests = Vec::new();
        loop {
            match reader.next(&mut text) {
                Ok(request) => requests.push(request),
                Err(end) => return (requests, end),
            }
        }
    }

    #[test]
    fn requests_are_read_one_after_another() {
        let text =
            b"POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\nConnection: close\r\n\r\n";
        let (requests, end) = read_all(text);
        let seen: Vec<_> = requests.iter().map(|r| (r.path.as_str(), r.body.as_slice(), r.last)).collect();
        assert_eq!(seen, [("/a", &b"abc"[..], false), ("/b", b"", true)]);
        assert!(matches!(end, NoRequest::Ended));
    }

    #[test]
    fn http_request_that_is_invalid_is_refused() {
        let refused = |text: &[u8]| match read_all(text).1 {
            NoRequest::Refused(status) => status,
            NoRequest::Ended => 0,
        };
        assert_eq!(refused(b"\x16\x03\x01\x02\x00 garbage\r\n\r\n"), 400);
        assert_eq!(refused(b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n"), 400);
        assert_eq!(refused(b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n"), 413);
        assert_eq!(refused(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"), 411);
        assert_eq!(refused(format!("GET / HTTP/1.1\r\nx: {}", "a".repeat(20_000)).as_bytes()), 400);
    }
}
