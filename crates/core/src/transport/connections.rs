//! The HTTP connections of an event loop.

use super::Transport;
use super::error::Stage;
use super::proxy::Refusal;
use super::response::{HttpResponse, Times, date, read_whole};
use super::tracked_body::TrackedBody;
use crate::error::Error;
use reqwest::{Body, Method, Request, Response, StatusCode, Url};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

/// One request for [`Connections::post`].
pub(crate) struct Post<'a> {
    /// Relative to the base URL.
    pub(crate) path: &'a str,
    pub(crate) body: Vec<u8>,
    /// Whether the server may receive it twice.
    pub(crate) is_idempotent: bool,
    /// A longer reply is an error.
    pub(crate) max_reply_bytes: usize,
}

/// The connection pool of an event loop; clones share it. Connections make progress only while the event loop runs.
#[derive(Clone)]
pub(crate) struct Connections(pub(super) reqwest::Client);

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

    /// Posts a body and reads the whole reply. `sent` becomes true when the connection accepts the request.
    pub(crate) async fn post(
        &self,
        transport: &Transport,
        post: Post<'_>,
        sent: Arc<AtomicBool>,
        now: Now<'_>,
    ) -> Result<HttpResponse, Error> {
        let mut request = Request::new(Method::POST, transport.url(post.path)?);
        *request.headers_mut() = transport.headers.clone();
        *request.body_mut() = Some(Body::wrap(TrackedBody::new(post.body, sent.clone())));
        // A reply does not identify its request. So if a server answers one request twice, the second reply could be
        // taken for the answer to the next request. A connection therefore carries only one request, unless the request
        // is idempotent.
        let single_use;
        let http = if post.is_idempotent {
            &self.0
        } else {
            single_use = transport.http.client(false, Some(Arc::default()))?;
            &single_use
        };
        let sent_at = now();
        let response = execute(http, request, transport, || match sent.load(Ordering::Relaxed) {
            true => Stage::Sent,
            false => Stage::Unsent,
        });
        let mut response = response.await?;
        let received_at = now();
        let times = Times { date: date(&response), sent: sent_at, received: received_at };
        if let Some(proxy) = transport.answering_proxy().filter(|_| is_for_proxies(&response)) {
            let refusal = Refusal { http_status: response.status().as_u16(), retry_after: None };
            return Err(refusal.error(&proxy, &transport.host()));
        }
        read_whole(transport, &mut response, times, post.max_reply_bytes).await
    }

    /// Sends an anonymous GET of `base_url`, and reads the head of the response: its status and the time.
    pub(crate) async fn get(&self, transport: &Transport, now: Now<'_>) -> Result<(u16, Times), Error> {
        let page = Url::parse(&transport.endpoint.to_string()).map_err(Error::internal)?;
        let sent_at = now();
        let answered = execute(&self.0, Request::new(Method::GET, page), transport, || Stage::Sent).await;
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
    stage: impl Fn() -> Stage,
) -> Result<Response, Error> {
    #[cfg(feature = "simulation")]
    if crate::system::is_simulated() {
        return super::simulated::execute(request, transport, stage).await;
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
