//! A look at the way to the platform, step by step, without a refresh.

use super::{Client, outside_of_any_runtime};
use crate::error::{Delivered, Error, ErrorKind};
use crate::signing::ClockSample;
use crate::transport::{EventLoop, Proxy, RunResult};
use std::future::Future;
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// What [`Client::probe`] has seen of the way to the platform. A step that was not taken is `None`: it is not needed, or one
/// before it has failed.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Probe {
    /// The host, with its port where that is not the usual one.
    pub host: String,
    /// The proxy on the way, without user name and password.
    pub proxy: Option<String>,
    /// The addresses of the host's name. Not looked up where the host is an address already, and where there is a proxy,
    /// which looks it up itself.
    pub addresses: Option<Result<Vec<IpAddr>, Error>>,
    /// Whether a connection could be made: TCP, and with `https` the TLS handshake.
    pub connection: Option<Result<(), Error>>,
    /// What was answered to an unsigned GET of `base_url`.
    pub answer: Option<Result<Answer, Error>>,
}

/// The head of an HTTP answer.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Answer {
    /// Its status, whatever that is.
    pub http_status: u16,
    /// How far the server's clock is ahead of this machine's, to about half a second; negative where it is behind. `None`
    /// where the answer has no `Date`, or took too long to tell.
    pub clock_offset_milliseconds: Option<i64>,
}

impl Client {
    /// Looks at the way to the platform: name, connection, TLS, answer. Nothing is refreshed: what is sent is one GET of
    /// `base_url`, without appkey and signature, through the same proxy and with the same trust and timeouts as a call.
    ///
    /// Blocks for at most the client's `timeout`.
    ///
    /// # Errors
    /// [`ErrorKind::Connect`] when no event loop can be made. What fails on the way is in the [`Probe`].
    pub fn probe(&self) -> Result<Probe, Error> {
        outside_of_any_runtime(|| self.walk(Instant::now() + self.config().timeout))
    }

    fn walk(&self, deadline: Instant) -> Result<Probe, Error> {
        // Not one of the pool's event_loops, whose connection would be open already.
        let connected = Arc::new(AtomicBool::new(false));
        let event_loop = EventLoop::open_for_probe(&self.inner.transport, connected.clone())?;
        let transport = &self.inner.transport;
        let proxy = transport.http.proxy.as_ref().map(Proxy::name);
        let mut probe = Probe { host: transport.host(), proxy, ..Probe::default() };
        probe.addresses = self.look_up(&event_loop, deadline);
        if !matches!(probe.addresses, Some(Err(_))) {
            self.ask(&event_loop, deadline, &connected, &mut probe);
        }
        Ok(probe)
    }

    fn look_up(&self, event_loop: &EventLoop, deadline: Instant) -> Option<Result<Vec<IpAddr>, Error>> {
        let (name, port) = self.inner.transport.host_and_port();
        if name.parse::<IpAddr>().is_ok() || self.inner.transport.http.proxy.is_some() {
            return None;
        }
        let limit = self.config().connect_timeout;
        let deadline = deadline.min(Instant::now() + limit);
        let failed = |kind, why: &str| Error::new(kind, format!("DNS lookup of {name} failed: {why}"));
        Some(match block_on(event_loop, deadline, tokio::net::lookup_host((name, port))) {
            Some(Ok(found)) => Ok(distinct(found.map(|address| address.ip()))),
            Some(Err(why)) => Err(failed(ErrorKind::Connect, &why.to_string())),
            None => Err(failed(ErrorKind::Timeout, &format!("no response within {limit:?}"))),
        })
    }

    fn ask(&self, event_loop: &EventLoop, deadline: Instant, connected: &AtomicBool, probe: &mut Probe) {
        let (transport, clock) = (&self.inner.transport, self.inner.sources.clock.as_ref());
        let now = || clock.now();
        let patience = deadline.saturating_duration_since(Instant::now());
        let get = event_loop.connections().get(transport, &now);
        let answer = match block_on(event_loop, deadline, get) {
            Some(Ok((http_status, times))) => Ok(Answer {
                http_status,
                clock_offset_milliseconds: ClockSample::from(times).offset_milliseconds(),
            }),
            Some(Err(error)) => Err(refreshing_nothing(error, &probe.host)),
            None => {
                let text = format!("no response from {} within {patience:.1?}", probe.host);
                Err(Error::new(ErrorKind::Timeout, text))
            }
        };
        match answer {
            Err(error) if error.kind() == ErrorKind::Tls || !connected.load(Ordering::Relaxed) => {
                probe.connection = Some(Err(error));
            }
            answer => {
                probe.connection = Some(Ok(()));
                probe.answer = Some(answer);
            }
        }
    }
}

/// The error of a request that refreshes nothing, which those of calls must be careful about.
fn refreshing_nothing(error: Error, host: &str) -> Error {
    if error.kind() != ErrorKind::ConnectionLost {
        return error.with_delivered(Delivered::No);
    }
    let text = format!("the connection to {host} was established, but lost before a response arrived");
    Error::new(ErrorKind::ConnectionLost, text)
}

/// What comes of it before the deadline.
fn block_on<T>(event_loop: &EventLoop, deadline: Instant, step: impl Future<Output = T>) -> Option<T> {
    match event_loop.block_on(Some(deadline), &mut || ControlFlow::Continue(()), step) {
        RunResult::Done(done) => Some(done),
        RunResult::TimedOut | RunResult::Interrupted => None,
    }
}

/// Each once, in the order in which the system prefers them.
fn distinct(addresses: impl Iterator<Item = IpAddr>) -> Vec<IpAddr> {
    let mut found = Vec::new();
    for address in addresses {
        if !found.contains(&address) {
            found.push(address);
        }
    }
    found
}
