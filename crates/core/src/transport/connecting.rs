//! Connections that are being made.
//!
//! The rate limit says when a request may be sent, and a handshake can take longer than a request may be late. So a handshake
//! does not end with the request that it was begun for: the connection is kept for the next one. Requests that need one of their
//! own begin it while they wait for their permits.

use super::Transport;
use super::http::{ConnectionsFor, IDLE_TIMEOUT};
use crate::locked::locked;
use crate::system;
use futures_util::FutureExt;
use hyper::rt::{Read, ReadBuf};
use reqwest::{Method, Request};
use std::any::Any;
use std::collections::VecDeque;
use std::error::Error as StdError;
use std::future::{Future, ready};
use std::io;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, oneshot};
use tower_layer::Layer;
use tower_service::Service;

/// How many connections are made ahead of their requests, at most: enough for handshakes that take a second and a half.
const MAX_AHEAD: usize = 16;

/// How long a failure is told to a request, if no call waits for a connection at that moment.
const FAILURE_AGE: Duration = Duration::from_secs(1);

type BoxError = Box<dyn StdError + Send + Sync>;

/// A connection of a type that only reqwest can name, or why there is none.
type Made = Result<Box<dyn Any + Send>, BoxError>;

/// The connections of an event loop that are being made, and those that no request uses yet.
#[derive(Default)]
pub(crate) struct Connecting {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    /// How many are being made.
    making: usize,
    /// How many calls wait for one of them.
    waiting: usize,
    /// Made or failed, before its request or after it had given up; until when it is of use.
    kept: VecDeque<(Instant, Made)>,
}

impl Connecting {
    /// Waits until a connection is kept, or none is being made. Returns whether there was one to wait for.
    pub(super) async fn made(&self) -> bool {
        let _waiting = Waiting::begin(self);
        let mut has_waited = false;
        loop {
            let changed = self.changed.notified();
            {
                let state = locked(&self.state);
                if state.making == 0 || !state.kept.is_empty() {
                    return has_waited || !state.kept.is_empty();
                }
            }
            changed.await;
            has_waited = true;
        }
    }

    /// Begins a connection for a request that is not idempotent and waits for its permit: the handshake may take longer than the
    /// permit can be late.
    pub(crate) fn begin(self: &Arc<Self>, transport: &Transport) {
        #[cfg(feature = "simulation")]
        if system::is_simulated() {
            return system::begin_connection(transport.host(), transport.http.connect_timeout);
        }
        if !self.has_room() {
            return;
        }
        // On an error, the request fails with it.
        if let Ok(http) = transport.http.client(ConnectionsFor::LaterRequests, None, self) {
            // The first step of a request is its connection, which outlives it. There is no second step.
            drop(http.execute(Request::new(Method::POST, transport.default_url.clone())).now_or_never());
        }
    }

    fn has_room(&self) -> bool {
        let state = locked(&self.state);
        state.making + state.kept.len() < MAX_AHEAD
    }

    /// The oldest connection that is kept, or its failure.
    fn take(&self) -> Option<Made> {
        let mut state = locked(&self.state);
        while let Some((until, made)) = state.kept.pop_front() {
            if system::now() < until {
                return Some(made);
            }
        }
        None
    }
}

/// A call that waits for a connection.
struct Waiting<'a>(&'a Connecting);

impl<'a> Waiting<'a> {
    fn begin(connecting: &'a Connecting) -> Self {
        locked(&connecting.state).waiting += 1;
        Self(connecting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        locked(&self.0.state).waiting -= 1;
    }
}

/// Makes the connections of reqwest, and keeps those that their requests do not wait for.
#[derive(Clone)]
pub(super) struct KeptConnections<T> {
    inner: T,
    connecting: Arc<Connecting>,
    timeout: Duration,
    /// Requests get no connection that is kept: theirs are made for later ones.
    is_ahead: bool,
}

impl KeptConnections<()> {
    pub(super) fn new(connecting: Arc<Connecting>, timeout: Duration, is_ahead: bool) -> Self {
        Self { inner: (), connecting, timeout, is_ahead }
    }
}

impl<T> KeptConnections<T> {
    fn take(&self) -> Option<Made> {
        if self.is_ahead { None } else { self.connecting.take() }
    }
}

impl<S> Layer<S> for KeptConnections<()> {
    type Service = KeptConnections<S>;

    fn layer(&self, inner: S) -> Self::Service {
        let Self { connecting, timeout, is_ahead, .. } = self.clone();
        KeptConnections { inner, connecting, timeout, is_ahead }
    }
}

impl<S, R> Service<R> for KeptConnections<S>
where
    S: Service<R, Error = BoxError>,
    S::Response: Read + Unpin + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        while let Some(kept) = self.take() {
            let mut kept = kept.and_then(known);
            // A failure is told, and a connection that is of no use is not.
            if kept.as_mut().map_or(true, is_quiet) {
                return Box::pin(ready(kept));
            }
        }
        let (sender, receiver) = oneshot::channel();
        let handshake = Handshake::begin(self.connecting.clone(), sender);
        let (connecting, timeout) = (self.inner.call(request), self.timeout);
        // A task of its own: it continues if the request gives up.
        let task = tokio::spawn(async move {
            let made = match system::timeout_at(system::now() + timeout, connecting).await {
                Some(made) => made.map(|connection| Box::new(connection) as Box<dyn Any + Send>),
                None => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
            };
            handshake.end(made);
        });
        Box::pin(async move {
            match receiver.await {
                Ok(made) => made.and_then(known),
                Err(lost) => match task.await {
                    // It ends the call, as if there were no task.
                    Err(why) if why.is_panic() => resume_unwind(why.into_panic()),
                    _ => Err(lost.into()),
                },
            }
        })
    }
}

/// All connections of an event loop have the same type.
fn known<C: 'static>(connection: Box<dyn Any + Send>) -> Result<C, BoxError> {
    let known = connection.downcast().map_err(|_| BoxError::from("a connection of another type"))?;
    Ok(*known)
}

/// Whether the server has neither closed the connection nor sent anything.
fn is_quiet(connection: &mut (impl Read + Unpin)) -> bool {
    let mut buffer = [0];
    let mut buffer = ReadBuf::new(&mut buffer);
    Pin::new(connection).poll_read(&mut Context::from_waker(Waker::noop()), buffer.unfilled()).is_pending()
}

/// A handshake. However it ends, those that wait learn of it.
struct Handshake {
    connecting: Arc<Connecting>,
    request: Option<oneshot::Sender<Made>>,
}

impl Handshake {
    fn begin(connecting: Arc<Connecting>, request: oneshot::Sender<Made>) -> Self {
        locked(&connecting.state).making += 1;
        Self { connecting, request: Some(request) }
    }

    /// The connection goes to its request, or is kept.
    fn end(mut self, made: Made) {
        let Some(request) = self.request.take() else { return };
        if let Err(made) = request.send(made) {
            let mut state = locked(&self.connecting.state);
            // A failure concerns the calls that wait. The one that it was begun for may wait for its permit.
            let age = if made.is_ok() || state.waiting > 0 { IDLE_TIMEOUT } else { FAILURE_AGE };
            state.kept.push_back((system::now() + age, made));
        }
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        locked(&self.connecting.state).making -= 1;
        self.connecting.changed.notify_waiters();
    }
}
