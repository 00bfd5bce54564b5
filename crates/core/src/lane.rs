//! A lane: one connection and the engine that drives it, on the caller's own thread.
//!
//! `reqwest::blocking` would start a thread of its own, hop to it for every call and die in a forked child. A
//! lane is a single-threaded runtime plus an asynchronous client of reqwest whose connections belong to it; its owner
//! drives it with [`Lane::drive`]. `docs/architecture.md` has the measurements.

use crate::clock::Clock;
use crate::config::Config;
use crate::endpoint::{REFRESH_USAGE, below, host_of, is_trusted, usual_port};
use crate::error::{Delivered, Error, ErrorKind, Evidence};
use crate::http::Http;
use crate::proxy::{Proxy, Refusal};
use crate::reply::{MAX_BODY_BYTES, RawReply};
use crate::request;
use crate::retry_after;
use crate::skew::Sighting;
use crate::transport_error::Stage;
use crate::wire::TrackedBody;
use hyper::Uri;
use reqwest::header::{ACCEPT, AGE, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Body, Method, Request, Response, StatusCode, Url};
use std::future::Future;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};
use tokio::runtime::{Builder, Runtime};

/// After so many steps of its tasks an engine looks at sockets and at the time. hyper reads on for as long as there is
/// something to read, so that a flood makes each step a long one; where there is one connection, few steps lose nothing.
const STEPS_OF_ONE: u32 = 2;

/// The same with many connections, whose replies come together.
const STEPS_OF_MANY: u32 = 61;

/// How often a waiting call looks whether its caller wants to stop.
pub(crate) const KEEP_GOING_CHECK: Duration = Duration::from_millis(50);

/// What all lanes of a client have in common, made once.
pub(crate) struct Transport {
    endpoint: Uri,
    pub(crate) http: Http,
    /// For messages.
    pub(crate) ca_file: Option<PathBuf>,
    /// What refreshes are addressed to.
    refresh_url: Url,
    headers: HeaderMap,
}

impl Transport {
    pub(crate) fn new(config: &Config, endpoint: Uri) -> Result<Self, Error> {
        let http = Http::new(config, &endpoint)?;
        // As the vendor's SDK 1.0.1 sends them.
        let headers = HeaderMap::from_iter([
            (CONTENT_TYPE, HeaderValue::from_static("application/json;charset=utf-8")),
            (ACCEPT, HeaderValue::from_static("application/json")),
        ]);
        let refresh_url = url(&endpoint, REFRESH_USAGE).map_err(|why| Error::config("base_url", why))?;
        Ok(Self { refresh_url, endpoint, http, ca_file: config.ca_file.clone(), headers })
    }

    /// What a request for this path is addressed to.
    fn url(&self, path: &str) -> Result<Url, Error> {
        if path == REFRESH_USAGE {
            return Ok(self.refresh_url.clone());
        }
        url(&self.endpoint, path).map_err(Error::invalid_argument)
    }

    pub(crate) fn endpoint(&self) -> &Uri {
        &self.endpoint
    }

    /// The proxy that sees requests and answers them: for plain http. Others see a tunnel.
    fn answering_proxy(&self) -> Option<String> {
        let is_plain = self.endpoint.scheme_str() == Some("http");
        self.http.proxy.as_ref().filter(|proxy| is_plain && proxy.is_http()).map(Proxy::name)
    }

    /// The error of a reply that is not the platform's own and may be that of a proxy, which need not have passed the request on.
    pub(crate) fn with_proxy(&self, error: Error) -> Error {
        match self.answering_proxy().filter(|_| error.platform_code().is_none()) {
            Some(proxy) => error
                .with_note(&format!("this may be a response of the proxy {proxy}"))
                .with_delivered(Delivered::Unknown),
            None => error,
        }
    }

    /// Whether what the platform says of itself, such as the time, can be believed.
    pub(crate) fn is_trusted(&self) -> bool {
        is_trusted(&self.endpoint)
    }

    /// The host and port that connections are made to, where there is no proxy.
    pub(crate) fn host_and_port(&self) -> (&str, u16) {
        let host = self.endpoint.host().unwrap_or_default().trim_matches(['[', ']']);
        (host, self.endpoint.port_u16().unwrap_or(usual_port(&self.endpoint)))
    }

    /// The host and port that calls go to, for people.
    pub(crate) fn host(&self) -> String {
        host_of(&self.endpoint)
    }
}

/// The address of a path below the base URL, or why there is none.
fn url(endpoint: &Uri, path: &str) -> Result<Url, String> {
    let address = below(endpoint, path).ok_or_else(|| format!("{path:?} is not a valid URL path"))?;
    let address = address.to_string();
    Url::parse(&address).map_err(|why| format!("{address:?} is not a valid URL: {why}"))
}

/// One request for [`Connections::post`].
pub(crate) struct Post<'a> {
    pub(crate) body: Vec<u8>,
    pub(crate) request: request::Request<'a>,
}

/// How a drive ended.
pub(crate) enum Driven<T> {
    Done(T),
    /// The deadline passed first.
    TimedOut,
    /// The caller asked to stop.
    Interrupted,
}

/// A connection and its engine. One thread at a time; it moves freely between threads.
pub(crate) struct Lane {
    /// `None` only while it is being dropped.
    runtime: Option<Runtime>,
    connections: Connections,
}

/// The connections of a lane, one for each call in flight on it; clones are the same ones. They work while the lane
/// is driven.
#[derive(Clone)]
pub(crate) struct Connections(reqwest::Client);

impl Lane {
    /// Makes the engine; the connection is made by the first exchange.
    pub(crate) fn open(transport: &Transport) -> Result<Self, Error> {
        Self::open_telling(transport, STEPS_OF_ONE, None)
    }

    /// As [`Lane::open`], for many calls at once.
    pub(crate) fn open_for_many(transport: &Transport) -> Result<Self, Error> {
        Self::open_telling(transport, STEPS_OF_MANY, None)
    }

    /// As [`Lane::open`]; `connected` becomes true when a connection was made.
    pub(crate) fn open_for_probe(transport: &Transport, connected: Arc<AtomicBool>) -> Result<Self, Error> {
        Self::open_telling(transport, STEPS_OF_ONE, Some(connected))
    }

    fn open_telling(
        transport: &Transport,
        steps: u32,
        connected: Option<Arc<AtomicBool>>,
    ) -> Result<Self, Error> {
        let runtime = Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .event_interval(steps)
            // DNS lookups are the only work on another thread. It ends soon after.
            .max_blocking_threads(4)
            .thread_keep_alive(Duration::from_millis(100))
            .build()
            .map_err(|why| {
                Error::new(ErrorKind::Connect, format!("the event loop could not be created: {why}"))
            })?;
        let connections = Connections(transport.http.client(true, connected)?);
        Ok(Self { runtime: Some(runtime), connections })
    }

    pub(crate) fn connections(&self) -> &Connections {
        &self.connections
    }

    /// Runs `call` on this thread until it is done, the deadline (if there is one) passes, or `keep_going` says to break
    /// off; dropping the call is what cancels it.
    pub(crate) fn drive<T>(
        &self,
        deadline: Option<Instant>,
        keep_going: &mut dyn FnMut() -> ControlFlow<()>,
        call: impl Future<Output = T>,
    ) -> Driven<T> {
        let Some(runtime) = &self.runtime else { return Driven::Interrupted };
        runtime.block_on(async {
            let mut call = pin!(call);
            let driven = loop {
                let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
                if left.is_some_and(|left| left.is_zero()) {
                    break Driven::TimedOut;
                }
                let wait = left.unwrap_or(KEEP_GOING_CHECK).min(KEEP_GOING_CHECK);
                if let Ok(done) = tokio::time::timeout(wait, call.as_mut()).await {
                    break Driven::Done(done);
                }
                if keep_going().is_break() {
                    break Driven::Interrupted;
                }
            };
            if deadline.is_none() {
                // The calls of a batch live on, and what one of them has put off until the engine's next turn (a yield) would
                // never be taken up again: the engine forgets that when it stops.
                tokio::task::yield_now().await;
            }
            driven
        })
    }
}

impl Connections {
    /// Posts one body and reads the whole reply. `sent` becomes true when the connection takes the request.
    pub(crate) async fn post(
        &self,
        transport: &Transport,
        Post { body, request: call }: Post<'_>,
        sent: Arc<AtomicBool>,
        clock: &dyn Clock,
    ) -> Result<RawReply, Error> {
        let mut request = Request::new(Method::POST, transport.url(call.path())?);
        *request.headers_mut() = transport.headers.clone();
        *request.body_mut() = Some(Body::wrap(TrackedBody::new(body, sent.clone())));
        // A reply says nothing of which request it answers. So one that is sent twice is the answer of the next call, where it
        // comes after that was sent; where that would do harm, no connection carries two requests.
        let single_use;
        let http = if call.is_idempotent() {
            &self.0
        } else {
            single_use = transport.http.client(false, Some(Arc::default()))?;
            &single_use
        };
        // Lets the engine notice what happened while it was not driven: that the server has closed the connection, or has sent
        // unsolicited data. Such a connection is not used.
        tokio::task::yield_now().await;
        let sent_at = clock.now();
        let response = match http.execute(request).await {
            Ok(response) => response,
            Err(why) => {
                let stage = if sent.load(Ordering::Relaxed) { Stage::Sent } else { Stage::Unsent };
                return Err(transport.failed(why, stage).await);
            }
        };
        let received_at = clock.now();
        let sighting = Sighting { date: date(&response), sent: sent_at, received: received_at };
        if let Some(proxy) = transport.answering_proxy().filter(|_| is_for_proxies(&response)) {
            let refusal = Refusal { http_status: response.status().as_u16(), retry_after: None };
            return Err(refusal.error(&proxy, &transport.host()));
        }
        read_whole(transport, response, sighting, call.max_reply_bytes()).await
    }

    /// Asks for the page at `base_url` with nothing that says who is asking, and reads the head of the answer: its status and
    /// the time.
    pub(crate) async fn get(
        &self,
        transport: &Transport,
        clock: &dyn Clock,
    ) -> Result<(u16, Sighting), Error> {
        let page = Url::parse(&transport.endpoint.to_string()).map_err(Error::internal)?;
        let sent_at = clock.now();
        let answered = self.0.execute(Request::new(Method::GET, page)).await;
        let received_at = clock.now();
        let response = match answered {
            Ok(response) => response,
            Err(why) => return Err(transport.failed(why, Stage::Sent).await),
        };
        let sighting = Sighting { date: date(&response), sent: sent_at, received: received_at };
        Ok((response.status().as_u16(), sighting))
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Does not wait for a DNS lookup that hangs, and may be called from inside an asynchronous program.
            runtime.shutdown_background();
        }
    }
}

async fn read_whole(
    transport: &Transport,
    mut response: Response,
    sighting: Sighting,
    max_reply_bytes: usize,
) -> Result<RawReply, Error> {
    let http_status = response.status().as_u16();
    // A date in it is by the server's clock, so the server's clock says how far away it is.
    let now = sighting.date.unwrap_or(sighting.received);
    let retry_after = header(&response, RETRY_AFTER).and_then(|value| retry_after::parse(value, now));
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
    Ok(RawReply { http_status, headers, retry_after, sighting, body })
}

/// The headers by which the support of the platform, or of what stands before it, finds a request.
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

/// A longer value is cut.
const MAX_HEADER_BYTES: usize = 256;

pub(crate) fn support_headers(headers: &HeaderMap) -> Vec<(&'static str, String)> {
    let present = SUPPORT_HEADERS.iter().filter_map(|name| {
        let value = headers.get(*name)?.as_bytes();
        let value = value.get(..value.len().min(MAX_HEADER_BYTES))?;
        Some((*name, String::from_utf8_lossy(value).into_owned()))
    });
    present.collect()
}

/// Only a proxy answers this, before it has sent anything on.
fn is_for_proxies(response: &Response) -> bool {
    response.status() == StatusCode::PROXY_AUTHENTICATION_REQUIRED
}

/// What the server's clock shows; a date out of a cache is not that.
fn date(response: &Response) -> Option<SystemTime> {
    let date = header(response, DATE).filter(|_| !response.headers().contains_key(AGE));
    httpdate::parse_http_date(date?).ok()
}

fn header(response: &Response, name: HeaderName) -> Option<&str> {
    response.headers().get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::endpoint;

    #[test]
    fn names_in_other_scripts_are_taken_as_a_resolver_wants_them() {
        // "中国.example", as the base URL must be written.
        let base = endpoint("https://xn--fiqs8s.example/gateway", false).expect("valid");
        let address = url(&base, REFRESH_USAGE).expect("an address");
        assert_eq!(address.as_str(), "https://xn--fiqs8s.example/gateway/api/v3/cloudesim/refreshUsage");
    }
}
