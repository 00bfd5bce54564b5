//! A lane: one connection and the engine that drives it, on the caller's own thread.
//!
//! `reqwest::blocking` would start a thread of its own, hop to it for every call and die in a forked child. A
//! lane is a single-threaded runtime plus an asynchronous client; whoever holds it drives it with
//! [`Lane::drive`]. `docs/architecture.md` has the measurements.

use crate::clock::Clock;
use crate::config::Config;
use crate::endpoint::is_trusted;
use crate::error::{Delivered, Error, ErrorKind};
use crate::reply::RawReply;
use crate::retry_after;
use crate::skew::Sighting;
use crate::tls;
use crate::transport_error::classify;
use crate::wire::TrackedBody;
use reqwest::header::{ACCEPT, AGE, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Body, Method, Proxy, Request, Response, Url};
use std::future::Future;
use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};
use tokio::runtime::{Builder, Runtime};

/// An idle connection is given up before the usual server closes it.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// The most of a reply that is read; real ones have some hundred bytes.
const MAX_REPLY_BYTES: usize = 64 * 1024;

/// How often a waiting call looks whether its caller wants to stop.
pub(crate) const KEEP_GOING_CHECK: Duration = Duration::from_millis(50);

/// What all lanes of a client have in common, made once.
pub(crate) struct Transport {
    endpoint: Url,
    tls: rustls::ClientConfig,
    proxy: Option<Proxy>,
    connect_timeout: Duration,
    user_agent: String,
    headers: HeaderMap,
}

impl Transport {
    pub(crate) fn new(config: &Config, endpoint: Url) -> Result<Self, Error> {
        let tls = tls::client_config(config.ca_file.as_deref())?;
        let proxy = match &config.proxy {
            None => None,
            // The value is not repeated: it may hold a password.
            Some(proxy) if !proxy.starts_with("http://") || !proxy.is_ascii() => {
                return Err(Error::config("proxy", "must start with http:// and be plain ASCII"));
            }
            Some(proxy) => Some(
                Proxy::all(proxy.as_str())
                    .map_err(|_| Error::config("proxy", "must be http://[user:password@]host:port"))?,
            ),
        };
        // As the vendor's SDK 1.0.1 sends them.
        let headers = HeaderMap::from_iter([
            (CONTENT_TYPE, HeaderValue::from_static("application/json;charset=utf-8")),
            (ACCEPT, HeaderValue::from_static("application/json")),
        ]);
        let user_agent = format!("eiot/{} ({})", crate::VERSION, config.face);
        Ok(Self { endpoint, tls, proxy, connect_timeout: config.connect_timeout, user_agent, headers })
    }

    /// Whether what the platform says of itself, such as the time, can be believed.
    pub(crate) fn is_trusted(&self) -> bool {
        is_trusted(&self.endpoint)
    }

    /// The host and port that connections are made to, where there is no proxy.
    pub(crate) fn host_and_port(&self) -> (&str, u16) {
        let host = self.endpoint.host_str().unwrap_or_default().trim_matches(['[', ']']);
        (host, self.endpoint.port_or_known_default().unwrap_or_default())
    }

    /// The host and port that calls go to, for people.
    pub(crate) fn host(&self) -> String {
        let host = self.endpoint.host_str().unwrap_or_default();
        match self.endpoint.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }
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

/// The connections of a lane, one for each call that is under way on it; clones are the same ones. They work while the lane
/// is driven.
#[derive(Clone)]
pub(crate) struct Connections {
    http: reqwest::Client,
}

impl Lane {
    /// Makes the engine; the connection is made by the first exchange.
    pub(crate) fn open(transport: &Transport) -> Result<Self, Error> {
        let runtime = Builder::new_current_thread()
            .enable_io()
            .enable_time()
            // Name look-ups are the only work that is done on another thread. It leaves soon after.
            .max_blocking_threads(4)
            .thread_keep_alive(Duration::from_millis(100))
            .build()
            .map_err(|why| Error::new(ErrorKind::Connect, format!("no event loop could be made: {why}")))?;
        let builder = reqwest::Client::builder()
            .tls_backend_preconfigured(transport.tls.clone())
            .http1_only()
            .tcp_nodelay(true)
            .connect_timeout(transport.connect_timeout)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            // A repeated request needs a new signature, so repeating is ours alone.
            .retry(reqwest::retry::never())
            .user_agent(&transport.user_agent)
            // No environment reads: the environment's proxies are not ours to use.
            .no_proxy();
        let builder = match &transport.proxy {
            Some(proxy) => builder.proxy(proxy.clone()),
            None => builder,
        };
        let http = builder.build().map_err(Error::internal)?;
        Ok(Self { runtime: Some(runtime), connections: Connections { http } })
    }

    pub(crate) fn connections(&self) -> &Connections {
        &self.connections
    }

    /// Lets the engine notice what happened while nobody drove it, above all that the server has closed the
    /// connection; without this one empty turn, half of the calls after an idle close fail.
    pub(crate) fn catch_up(&self) {
        if let Some(runtime) = &self.runtime {
            runtime.block_on(tokio::task::yield_now());
        }
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
            loop {
                let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
                if left.is_some_and(|left| left.is_zero()) {
                    return Driven::TimedOut;
                }
                let wait = left.unwrap_or(KEEP_GOING_CHECK).min(KEEP_GOING_CHECK);
                if let Ok(done) = tokio::time::timeout(wait, call.as_mut()).await {
                    return Driven::Done(done);
                }
                if keep_going().is_break() {
                    return Driven::Interrupted;
                }
            }
        })
    }
}

impl Connections {
    /// Posts one body and reads the whole reply. `sent` becomes true when the connection takes the request.
    pub(crate) async fn post(
        &self,
        transport: &Transport,
        body: Vec<u8>,
        sent: Arc<AtomicBool>,
        clock: &dyn Clock,
    ) -> Result<RawReply, Error> {
        let mut request = Request::new(Method::POST, transport.endpoint.clone());
        *request.headers_mut() = transport.headers.clone();
        *request.body_mut() = Some(Body::wrap(TrackedBody::new(body, sent.clone())));
        let failed = |why: reqwest::Error| classify(&why, &transport.host(), sent.load(Ordering::Relaxed));
        let sent_at = clock.now();
        let response = self.http.execute(request).await.map_err(failed)?;
        let received_at = clock.now();
        let sighting = Sighting { date: date(&response), sent: sent_at, received: received_at };
        read_whole(response, sighting, failed).await
    }

    /// Asks for the page at `base_url` with nothing that says who is asking, and reads the head of the answer: its status and
    /// the time. `connected` becomes true when there is a connection.
    pub(crate) async fn get(
        &self,
        transport: &Transport,
        base_url: &str,
        connected: &AtomicBool,
        clock: &dyn Clock,
    ) -> Result<(u16, Sighting), Error> {
        let page = Url::parse(base_url).map_err(Error::internal)?;
        let sent_at = clock.now();
        let answered = self.http.execute(Request::new(Method::GET, page)).await;
        let received_at = clock.now();
        connected.store(!answered.as_ref().is_err_and(reqwest::Error::is_connect), Ordering::Relaxed);
        let failed = |why| classify(&why, &transport.host(), connected.load(Ordering::Relaxed));
        let response = answered.map_err(failed)?;
        let sighting = Sighting { date: date(&response), sent: sent_at, received: received_at };
        Ok((response.status().as_u16(), sighting))
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Does not wait for a name look-up that hangs, and may be called from inside an asynchronous program.
            runtime.shutdown_background();
        }
    }
}

async fn read_whole(
    mut response: Response,
    sighting: Sighting,
    failed: impl Fn(reqwest::Error) -> Error,
) -> Result<RawReply, Error> {
    let http_status = response.status().as_u16();
    let content_type = response.headers().get(CONTENT_TYPE).cloned();
    // A date in it is by the server's clock, so the server's clock says how far away it is.
    let now = sighting.date.unwrap_or(sighting.received);
    let retry_after = header(&response, RETRY_AFTER).and_then(|value| retry_after::parse(value, now));
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(&failed)? {
        if body.len() + chunk.len() > MAX_REPLY_BYTES {
            let text = format!("the reply is larger than {} KiB", MAX_REPLY_BYTES / 1024);
            return Err(Error::new(ErrorKind::Protocol, text)
                .with_http_status(http_status)
                .with_delivered(Delivered::Yes));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(RawReply { http_status, content_type, retry_after, sighting, body })
}

/// What the server's clock shows; a date out of a cache is not that.
fn date(response: &Response) -> Option<SystemTime> {
    let date = header(response, DATE).filter(|_| !response.headers().contains_key(AGE));
    httpdate::parse_http_date(date?).ok()
}

fn header(response: &Response, name: HeaderName) -> Option<&str> {
    response.headers().get(name)?.to_str().ok()
}
