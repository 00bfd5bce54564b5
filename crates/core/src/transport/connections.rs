//! The HTTP connections of an event loop.

use super::Transport;
use super::connecting::Connecting;
use super::error::Stage;
use super::http::ConnectionsFor;
use super::proxy::Refusal;
use super::response::{HttpResponse, Times, date, read_whole};
use super::tracked_body::TrackedBody;
use crate::error::Error;
use crate::system;
use reqwest::{Body, Method, Request, Response, StatusCode, Url};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Instant, SystemTime};

/// One request for [`Connections::post`].
pub(crate) struct Post<'a> {
    /// Relative to the base URL.
    pub(crate) path: &'a str,
    pub(crate) body: Vec<u8>,
    /// Whether the server may receive it twice.
    pub(crate) is_idempotent: bool,
    /// A longer reply is an error.
    pub(crate) max_reply_bytes: usize,
    /// The request is not sent later than this; `None` is no limit.
    pub(crate) latest: Option<Instant>,
}

/// The connection pool of an event loop; clones share it. Connections make progress only while the event loop runs.
#[derive(Clone)]
pub(crate) struct Connections {
    pub(super) http: reqwest::Client,
    pub(crate) connecting: Arc<Connecting>,
}

/// Reads this machine's clock.
pub(crate) type Now<'a> = &'a (dyn Fn() -> SystemTime + Sync);

impl Connections {
    /// Lets the event loop process what happened while it was not running: the server may have closed the connection or sent
    /// unsolicited data. Such a connection is not used. To be called right before a request.
    pub(crate) async fn catch_up(&self) {
        // On Windows, sockets are asked about when the event loop looks, and the answer may come too late for that look; under
        // wine it came by the second one, most of the time.
        for _ in 0..if cfg!(windows) { 4 } else { 1 } {
            tokio::task::yield_now().await;
        }
    }

    /// Waits until a connection that was made for an earlier request is ready or has failed. Returns whether there was one.
    pub(crate) async fn made(&self) -> bool {
        #[cfg(feature = "simulation")]
        if system::is_simulated() {
            return system::wait_for_connection().await;
        }
        self.connecting.made().await
    }

    /// Posts a body and reads the whole reply. `sent` becomes true when the connection accepts the request. Returns `None` if no
    /// connection took it in time: nothing was sent then, and the one that is being made serves a later request.
    pub(crate) async fn post(
        &self,
        transport: &Transport,
        post: Post<'_>,
        sent: Arc<AtomicBool>,
        now: Now<'_>,
    ) -> Result<Option<HttpResponse>, Error> {
        let mut request = Request::new(Method::POST, transport.url(post.path)?);
        *request.headers_mut() = transport.headers.clone();
        *request.body_mut() = Some(Body::wrap(TrackedBody::new(post.body, sent.clone(), post.latest)));
        // A reply does not identify its request. So if a server answers one request twice, the second reply could be
        // taken for the answer to the next request. A connection therefore carries only one request, unless the request
        // is idempotent.
        let single_use;
        let http = if post.is_idempotent {
            &self.http
        } else {
            single_use =
                transport.http.client(ConnectionsFor::OneRequest, Some(Arc::default()), &self.connecting)?;
            &single_use
        };
        let sent_at = now();
        let response =
            execute(http, request, transport, post.is_idempotent, || match sent.load(Ordering::Relaxed) {
                true => Stage::Sent,
                false => Stage::Unsent,
            });
        let mut response = pin!(response);
        let in_time = match post.latest {
            None => None,
            Some(latest) => system::timeout_at(latest, response.as_mut()).await,
        };
        // At that very time, the wait has ended.
        let is_late = || post.latest.is_some_and(|latest| system::now() >= latest);
        let mut response = match in_time {
            Some(Err(_)) | None if is_late() && !sent.load(Ordering::Relaxed) => return Ok(None),
            Some(response) => response?,
            None => response.await?,
        };
        let received_at = now();
        let times = Times { date: date(&response), sent: sent_at, received: received_at };
        if let Some(proxy) = transport.answering_proxy().filter(|_| is_for_proxies(&response)) {
            let refusal = Refusal { http_status: response.status().as_u16(), retry_after: None };
            return Err(refusal.error(&proxy, &transport.host()));
        }
        read_whole(transport, &mut response, times, post.max_reply_bytes).await.map(Some)
    }

    /// Sends an anonymous GET of `base_url`, and reads the head of the response: its status and the time.
    pub(crate) async fn get(&self, transport: &Transport, now: Now<'_>) -> Result<(u16, Times), Error> {
        let page = Url::parse(&transport.endpoint.to_string()).map_err(Error::internal)?;
        let sent_at = now();
        let answered =
            execute(&self.http, Request::new(Method::GET, page), transport, true, || Stage::Sent).await;
        let received_at = now();
        let response = answered?;
        let times = Times { date: date(&response), sent: sent_at, received: received_at };
        Ok((response.status().as_u16(), times))
    }
}

/// Sends a request, and reads the head of the response. The only place where calls leave this library; `stage` is asked
/// how far the request came if there is no response.
async fn execute(
    http: &reqwest::Client,
    request: Request,
    transport: &Transport,
    #[allow(unused_variables, reason = "the real client knows")] reuse: bool,
    stage: impl Fn() -> Stage,
) -> Result<Response, Error> {
    #[cfg(feature = "simulation")]
    if system::is_simulated() {
        return super::simulated::execute(request, transport, reuse, stage).await;
    }
    match http.execute(request).await {
        Ok(response) => Ok(response),
        Err(why) => Err(transport.failed(why, stage()).await),
    }
}

/// Only a proxy responds with this, before it has forwarded anything.
fn is_for_proxies(response: &Response) -> bool {
    response.status() == StatusCode::PROXY_AUTHENTICATION_REQUIRED
}
