//! A step-by-step check of the connection to the platform, without a refresh.

use super::{Client, outside_of_any_runtime};
use crate::error::{Delivered, Error, ErrorKind};
use crate::signing::ClockSample;
use crate::system;
use crate::transport::{EventLoop, Proxy, RunResult};
use std::future::Future;
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// The results of [`Client::probe`]. A step that was not taken, because it is unnecessary or an earlier step failed, is
/// `None`.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Probe {
    /// The host, with its port unless that is the default.
    pub host: String,
    /// The proxy, without user name and password.
    pub proxy: Option<String>,
    /// The addresses of the host name. `None` if the host is an IP address, or if a proxy resolves the name.
    pub addresses: Option<Result<Vec<IpAddr>, Error>>,
    /// Whether a connection could be made: TCP and, with `https`, the TLS handshake.
    pub connection: Option<Result<(), Error>>,
    /// The response to an unsigned GET of `base_url`.
    pub answer: Option<Result<Answer, Error>>,
}

/// The head of an HTTP response.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Answer {
    /// The status code.
    pub http_status: u16,
    /// How far the server's clock is ahead of this machine's, to about half a second; negative if it is behind. `None`
    /// if the response has no `Date` or took too long.
    pub clock_offset_milliseconds: Option<i64>,
}

impl Client {
    /// Checks the connection to the platform step by step: DNS, TCP, TLS, HTTP. Refreshes nothing: sends one GET of
    /// `base_url`, without appkey and signature, with the proxy, trust and timeouts of a call.
    ///
    /// Blocks for at most the client's `timeout`.
    ///
    /// # Errors
    /// [`ErrorKind::Connect`] if the event loop could not be created. Failures of the steps are in the [`Probe`].
    pub fn probe(&self) -> Result<Probe, Error> {
        outside_of_any_runtime(|| self.walk(system::now() + self.config().timeout))
    }

    fn walk(&self, deadline: Instant) -> Result<Probe, Error> {
        // Not from the pool, whose event loops may have an open connection.
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
        let deadline = deadline.min(system::now() + limit);
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
        let patience = deadline.saturating_duration_since(system::now());
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

/// The error of a request that refreshes nothing, without the caveats about a call that may have taken effect.
fn refreshing_nothing(error: Error, host: &str) -> Error {
    if error.kind() != ErrorKind::ConnectionLost {
        return error.with_delivered(Delivered::No);
    }
    let text = format!("the connection to {host} was established, but lost before a response arrived");
    Error::new(ErrorKind::ConnectionLost, text)
}

/// The result of the future, unless the deadline passes first.
fn block_on<T>(event_loop: &EventLoop, deadline: Instant, step: impl Future<Output = T>) -> Option<T> {
    match event_loop.block_on(Some(deadline), &mut || ControlFlow::Continue(()), step) {
        RunResult::Done(done) => Some(done),
        RunResult::TimedOut | RunResult::Interrupted => None,
    }
}

/// Without duplicates, in the order in which the system prefers them.
fn distinct(addresses: impl Iterator<Item = IpAddr>) -> Vec<IpAddr> {
    let mut found = Vec::new();
    for address in addresses {
        if !found.contains(&address) {
            found.push(address);
        }
    }
    found
}
