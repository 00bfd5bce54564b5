//! The simulated network, in the place of reqwest's connections. Responses and lost connections take the same way through
//! this module as real ones.

use super::Transport;
use super::error::Stage;
use crate::error::Error;
use crate::system::simulation::{self, Request};
use crate::system::{connect, send};
use bytes::Bytes;
use http_body::{Body as _, Frame};
use reqwest::{Body, Response};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Sends a request, and reads the head of the response.
pub(super) async fn execute(
    mut request: reqwest::Request,
    transport: &Transport,
    reuse: bool,
    stage: impl Fn() -> Stage,
) -> Result<Response, Error> {
    let host = transport.host();
    if let Err(why) = connect(host.clone(), transport.http.connect_timeout, reuse).await {
        return Err(match why.kind() {
            io::ErrorKind::TimedOut => transport.unreachable_in_time(),
            _ => transport.unreachable(&why.to_string()),
        });
    }
    // The connection accepts the request: from here on, the body counts as sent.
    let body = match request.body_mut().take() {
        Some(body) => whole(body).await.map_err(|why| transport.unreachable(&why.to_string()))?,
        None => Vec::new(),
    };
    let headers = request.headers().iter();
    let headers =
        headers.filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())));
    let sent = send(Request {
        host,
        method: request.method().to_string(),
        path: request.url().path().to_owned(),
        headers: headers.collect(),
        body,
    });
    match sent.await {
        Ok(answer) => response(answer).map_err(Error::internal),
        Err(why) => Err(transport.failed(lost(why).await?, stage()).await),
    }
}

async fn whole(mut body: Body) -> Result<Vec<u8>, reqwest::Error> {
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        bytes.extend(frame?.into_data().unwrap_or_default());
    }
    Ok(bytes)
}

fn response(answer: simulation::Response) -> Result<Response, hyper::http::Error> {
    let simulation::Response { status, headers, body, is_cut } = answer;
    let builder = hyper::Response::builder().status(status);
    let builder = headers.iter().fold(builder, |builder, (name, value)| builder.header(name, value));
    let end = is_cut.then(|| io::Error::new(io::ErrorKind::ConnectionReset, "the connection was reset"));
    Ok(builder.body(Body::wrap(Cut { bytes: Some(body.into()), end }))?.into())
}

/// The error of reqwest for a connection that was lost: only it can make one, here when it reads a body.
async fn lost(why: io::Error) -> Result<reqwest::Error, Error> {
    let mut unread: Response = hyper::Response::new(Body::wrap(Cut { bytes: None, end: Some(why) })).into();
    match unread.chunk().await {
        Err(error) => Ok(error),
        Ok(_) => Err(Error::internal("a body without a start has no end")),
    }
}

/// A body that ends with a lost connection, if `end` is set.
struct Cut {
    bytes: Option<Bytes>,
    end: Option<io::Error>,
}

impl http_body::Body for Cut {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let bytes = self.bytes.take().map(|bytes| Ok(Frame::data(bytes)));
        Poll::Ready(bytes.or_else(|| self.end.take().map(Err)))
    }
}
