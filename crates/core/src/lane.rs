//! A lane: one connection and the engine that drives it, on the caller's own thread.
//!
//! `reqwest::blocking` would start a thread of its own, hop to it for every call and die in a forked child. A
//! lane is a single-threaded runtime plus connections that hyper speaks HTTP on; whoever holds it drives it with
//! [`Lane::drive`]. `docs/architecture.md` has the measurements.

use crate::clock::Clock;
use crate::config::Config;
use crate::connection::Connector;
use crate::endpoint::{REFRESH_USAGE, below, host_of, is_trusted, usual_port};
use crate::error::{Delivered, Error, ErrorKind};
use crate::reply::RawReply;
use crate::retry_after;
use crate::skew::Sighting;
use crate::transport_error::{broken, not_connected};
use crate::wire::TrackedBody;
use bytes::Bytes;
use http_body::Body;
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::header::{
    ACCEPT, AGE, CONTENT_TYPE, DATE, HOST, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHORIZATION,
    RETRY_AFTER, USER_AGENT,
};
use hyper::{Method, Request, Response, Uri};
use std::future::{Future, poll_fn};
use std::ops::ControlFlow;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use tokio::runtime::{Builder, Runtime};

/// An idle connection is given up before the usual server closes it.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// How often a waiting call looks whether its caller wants to stop.
pub(crate) const KEEP_GOING_CHECK: Duration = Duration::from_millis(50);

/// What all lanes of a client have in common, made once.
pub(crate) struct Transport {
    endpoint: Uri,
    connector: Connector,
    /// What refreshes are addressed to.
    refresh_target: Uri,
    headers: HeaderMap,
}

impl Transport {
    pub(crate) fn new(config: &Config, endpoint: Uri) -> Result<Self, Error> {
        let connector = Connector::new(config, endpoint.clone())?;
        let value = |text: String| HeaderValue::try_from(text).map_err(Error::internal);
        // As the vendor's SDK 1.0.1 sends them.
        let mut headers = HeaderMap::from_iter([
            (HOST, value(host_of(&endpoint))?),
            (CONTENT_TYPE, HeaderValue::from_static("application/json;charset=utf-8")),
            (ACCEPT, HeaderValue::from_static("application/json")),
            (USER_AGENT, value(format!("eiot/{} ({})", crate::VERSION, config.face))?),
        ]);
        if let Some(authorization) = connector.proxy_authorization() {
            headers.insert(PROXY_AUTHORIZATION, authorization.clone());
        }
        let refresh_target = target(&connector, &endpoint, REFRESH_USAGE)?;
        Ok(Self { refresh_target, endpoint, connector, headers })
    }

    /// What a request for this path is addressed to.
    fn target(&self, path: &str) -> Result<Uri, Error> {
        if path == REFRESH_USAGE {
            return Ok(self.refresh_target.clone());
        }
        target(&self.connector, &self.endpoint, path)
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

fn target(connector: &Connector, endpoint: &Uri, path: &str) -> Result<Uri, Error> {
    let address = below(endpoint, path).ok_or_else(|| Error::internal(format!("{path:?} is no path")))?;
    Ok(connector.target_of(&address))
}

/// One request for [`Connections::post`].
pub(crate) struct Post<'a> {
    pub(crate) path: &'a str,
    pub(crate) body: Vec<u8>,
    /// A longer reply is an error.
    pub(crate) max_reply_bytes: usize,
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
#[derive(Clone, Default)]
pub(crate) struct Connections {
    /// Those without a call, the one used last at the end.
    idle: Arc<Mutex<Vec<Idle>>>,
}

/// A connection without a call, and since when.
type Idle = (Instant, SendRequest<TrackedBody>);

impl Lane {
    /// Makes the engine; the connection is made by the first exchange.
    pub(crate) fn open() -> Result<Self, Error> {
        let runtime = Builder::new_current_thread()
            .enable_io()
            .enable_time()
            // Name look-ups are the only work that is done on another thread. It leaves soon after.
            .max_blocking_threads(4)
            .thread_keep_alive(Duration::from_millis(100))
            .build()
            .map_err(|why| Error::new(ErrorKind::Connect, format!("no event loop could be made: {why}")))?;
        Ok(Self { runtime: Some(runtime), connections: Connections::default() })
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
        Post { path, body, max_reply_bytes }: Post<'_>,
        sent: Arc<AtomicBool>,
        clock: &dyn Clock,
    ) -> Result<RawReply, Error> {
        let mut request = Request::new(TrackedBody::new(body, sent.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = transport.target(path)?;
        *request.headers_mut() = transport.headers.clone();
        let failed = |why: hyper::Error| broken(&why, &transport.host(), sent.load(Ordering::Relaxed));
        let sent_at = clock.now();
        let (response, connection) = loop {
            let mut connection = self.take(transport).await?;
            match connection.try_send_request(request).await {
                Ok(response) => break (response, connection),
                Err(mut error) => match error.take_message() {
                    // It was closed before it took anything: the next one may be open, and a new one is.
                    Some(unsent) if !sent.load(Ordering::Relaxed) => request = unsent,
                    _ => return Err(failed(error.into_error())),
                },
            }
        };
        let received_at = clock.now();
        let sighting = Sighting { date: date(&response), sent: sent_at, received: received_at };
        let reply = read_whole(response, sighting, max_reply_bytes, failed).await?;
        self.put(connection);
        Ok(reply)
    }

    /// The idle connection used last, which is the likeliest to be open, or a new one.
    async fn take(&self, transport: &Transport) -> Result<SendRequest<TrackedBody>, Error> {
        loop {
            let idle = self.idle().pop();
            match idle {
                Some((since, mut connection)) => {
                    if since.elapsed() < IDLE_TIMEOUT && connection.ready().await.is_ok() {
                        return Ok(connection);
                    }
                }
                None => {
                    let made = transport.connector.connect().await;
                    return made.map_err(|why| not_connected(why, &transport.host()));
                }
            }
        }
    }

    fn put(&self, connection: SendRequest<TrackedBody>) {
        if !connection.is_closed() {
            self.idle().push((Instant::now(), connection));
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        // Nothing in here can be left half done by a panic.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
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
        let page: Uri = base_url.parse().map_err(Error::internal)?;
        let mut request = Request::new(TrackedBody::none());
        *request.uri_mut() = transport.connector.target_of(&page);
        for name in [HOST, USER_AGENT, PROXY_AUTHORIZATION] {
            if let Some(value) = transport.headers.get(&name) {
                request.headers_mut().insert(name, value.clone());
            }
        }
        // Not one of the idle ones: whether one can be made is what is asked.
        let made = transport.connector.connect().await;
        let mut connection = made.map_err(|why| not_connected(why, &transport.host()))?;
        connected.store(true, Ordering::Relaxed);
        let sent_at = clock.now();
        let answered = connection.send_request(request).await;
        let received_at = clock.now();
        let response = answered.map_err(|why| broken(&why, &transport.host(), true))?;
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
    response: Response<Incoming>,
    sighting: Sighting,
    max_reply_bytes: usize,
    failed: impl Fn(hyper::Error) -> Error,
) -> Result<RawReply, Error> {
    let http_status = response.status().as_u16();
    let content_type = response.headers().get(CONTENT_TYPE).cloned();
    // A date in it is by the server's clock, so the server's clock says how far away it is.
    let now = sighting.date.unwrap_or(sighting.received);
    let retry_after = header(&response, RETRY_AFTER).and_then(|value| retry_after::parse(value, now));
    let mut incoming = response.into_body();
    let mut body = Vec::new();
    while let Some(chunk) = next_chunk(&mut incoming).await.transpose().map_err(&failed)? {
        if body.len() + chunk.len() > max_reply_bytes {
            let text = format!("the reply is larger than {} KiB", max_reply_bytes / 1024);
            return Err(Error::new(ErrorKind::Protocol, text)
                .with_http_status(http_status)
                .with_delivered(Delivered::Yes));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(RawReply { http_status, content_type, retry_after, sighting, body })
}

/// What comes next of a body; trailers, which nobody asked for, are empty.
async fn next_chunk(body: &mut Incoming) -> Option<Result<Bytes, hyper::Error>> {
    let frame = poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await?;
    Some(frame.map(|frame| frame.into_data().unwrap_or_default()))
}

/// What the server's clock shows; a date out of a cache is not that.
fn date(response: &Response<Incoming>) -> Option<SystemTime> {
    let date = header(response, DATE).filter(|_| !response.headers().contains_key(AGE));
    httpdate::parse_http_date(date?).ok()
}

fn header(response: &Response<Incoming>, name: HeaderName) -> Option<&str> {
    response.headers().get(name)?.to_str().ok()
}
