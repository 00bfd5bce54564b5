//! A complete HTTP response.

use super::error::Stage;
use super::{Transport, retry_after};
use crate::error::{Delivered, Error, ErrorKind, Evidence};
use reqwest::Response;
use reqwest::header::{AGE, DATE, HeaderMap, HeaderName, RETRY_AFTER};
use std::time::{Duration, SystemTime};

/// How much of an unparsable body is kept with the error.
pub(crate) const MAX_BODY_BYTES: usize = 2048;

/// A complete HTTP response.
pub(crate) struct HttpResponse {
    pub(crate) http_status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) times: Times,
    pub(crate) body: Vec<u8>,
}

/// When a request was sent and its response arrived.
#[derive(Clone, Copy)]
pub(crate) struct Times {
    /// The `Date` header; `None` if it is absent, invalid, or comes from a cache (there is an `Age` header).
    pub(crate) date: Option<SystemTime>,
    /// When the request was sent, by this machine's clock.
    pub(crate) sent: SystemTime,
    /// When the head of the response arrived.
    pub(crate) received: SystemTime,
}

pub(super) async fn read_whole(
    transport: &Transport,
    response: &mut Response,
    times: Times,
    max_reply_bytes: usize,
) -> Result<HttpResponse, Error> {
    let http_status = response.status().as_u16();
    // A date in it is by the server's clock, so it is relative to the server's time.
    let now = times.date.unwrap_or(times.received);
    let retry_after = header(response, RETRY_AFTER).and_then(|value| retry_after::parse(value, now));
    let headers = std::mem::take(response.headers_mut());
    let mut body = Vec::new();
    loop {
        let chunk = match response.chunk().await {
            Ok(Some(chunk)) => chunk,
            Ok(None) => break,
            Err(why) => {
                let error = transport.failed(why, Stage::Answered).await;
                body.truncate(MAX_BODY_BYTES);
                return Err(error
                    .with_evidence(Evidence { body: Some(body), headers: support_headers(&headers) })
                    .with_http_status(http_status));
            }
        };
        if body.len() + chunk.len() > max_reply_bytes {
            let text = format!("the reply is larger than {} KiB", max_reply_bytes / 1024);
            body.truncate(MAX_BODY_BYTES);
            return Err(Error::new(ErrorKind::Protocol, text)
                .with_evidence(Evidence { body: Some(body), headers: support_headers(&headers) })
                .with_http_status(http_status)
                .with_delivered(Delivered::Yes));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(HttpResponse { http_status, headers, retry_after, times, body })
}

/// The response headers that help the support of the platform, or of a gateway, to find a request.
const SUPPORT_HEADERS: [&str; 11] = [
    "content-type",
    "date",
    "server",
    "via",
    "x-request-id",
    "x-trace-id",
    "x-correlation-id",
    "traceparent",
    "eagleeye-traceid",
    "cf-ray",
    "x-cache",
];

/// Longer values are truncated.
const MAX_HEADER_BYTES: usize = 256;

pub(crate) fn support_headers(headers: &HeaderMap) -> Vec<(&'static str, String)> {
    let present = SUPPORT_HEADERS.iter().filter_map(|name| {
        let value = headers.get(*name)?.as_bytes();
        let value = value.get(..value.len().min(MAX_HEADER_BYTES))?;
        Some((*name, String::from_utf8_lossy(value).into_owned()))
    });
    present.collect()
}

/// The server's time; a date from a cache does not qualify.
pub(super) fn date(response: &Response) -> Option<SystemTime> {
    let date = header(response, DATE).filter(|_| !response.headers().contains_key(AGE));
    httpdate::parse_http_date(date?).ok()
}

fn header(response: &Response, name: HeaderName) -> Option<&str> {
    response.headers().get(name)?.to_str().ok()
}
