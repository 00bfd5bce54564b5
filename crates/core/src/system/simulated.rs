//! The machine of the process that runs on this thread: simulated, or else the real one.

use super::simulation::{Host, Operation, Received, Response, host, with_host};
use super::{Directory, machine, rate_file};
use futures_util::future::{Either, select};
use std::borrow::Cow;
use std::ffi::OsString;
use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

pub(crate) use super::simulation::{now, process_id, random, wall_clock};

pub(crate) fn since_boot() -> Duration {
    with_host(Host::since_boot).unwrap_or_else(machine::since_boot)
}

/// Simulated processes share the memory of the real one.
pub(crate) use machine::address_space;

/// Each simulated process has a registry of its own.
pub(crate) fn registry_key(key: &str) -> Cow<'_, str> {
    match with_host(Host::process_id) {
        None => machine::registry_key(key),
        Some(process) => Cow::Owned(registry_prefix(process) + key),
    }
}

/// What the keys of a simulated process begin with. Each thread may simulate other processes, with the same numbers.
pub(crate) fn registry_prefix(process: u32) -> String {
    format!("{:?} process {process}\n", std::thread::current().id())
}

pub(crate) fn variable(name: &str) -> Option<OsString> {
    with_host(|host| host.variable(name)).unwrap_or_else(|| machine::variable(name))
}

pub(crate) fn sleep_until(time: Instant) -> impl Future<Output = ()> {
    match host() {
        None => Either::Left(machine::sleep_until(time)),
        Some(_) => Either::Right(async move { drop(Pending::start(Operation::Sleep(time)).await) }),
    }
}

pub(crate) fn timeout_at<F: Future>(deadline: Instant, future: F) -> impl Future<Output = Option<F::Output>> {
    match host() {
        None => Either::Left(machine::timeout_at(deadline, future)),
        Some(_) => Either::Right(async move {
            match select(pin!(future), pin!(sleep_until(deadline))).await {
                Either::Left((done, _)) => Some(done),
                Either::Right(_) => None,
            }
        }),
    }
}

pub(crate) fn block_on<F: Future>(runtime: &Runtime, future: F) -> F::Output {
    let Some(host) = host() else { return machine::block_on(runtime, future) };
    let mut future = pin!(future);
    let waker = host.waker();
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return done;
        }
        host.wait();
    }
}

/// Whether a simulated process runs on this thread.
pub(crate) fn is_simulated() -> bool {
    with_host(|_| ()).is_some()
}

/// Finds or makes a connection in the simulated network.
pub(crate) async fn connect(host: String, timeout: Duration, reuse: bool) -> io::Result<()> {
    Pending::start(Operation::Connect { host, timeout, reuse }).await.map(drop)
}

/// Begins a connection in the simulated network, for a later request.
pub(crate) fn begin_connection(host: String, timeout: Duration) {
    with_host(|ours| {
        let operation = ours.start(Operation::ConnectAhead { host, timeout });
        ours.abandon(operation);
    });
}

/// Waits until a connection that was made for an earlier request is ready. Returns whether there was one.
pub(crate) async fn wait_for_connection() -> bool {
    Pending::start(Operation::WaitForConnection).await.is_ok()
}

/// Sends a request in the simulated network.
pub(crate) async fn send(request: super::simulation::Request) -> io::Result<Response> {
    match Pending::start(Operation::Request(request)).await? {
        Received::Response(response) => Ok(response),
        other => Err(io::Error::other(format!("not a response: {other:?}"))),
    }
}

/// Sends a command to a simulated Redis.
pub(crate) async fn ask_redis(redis: String, command: Vec<u8>) -> io::Result<Vec<u8>> {
    match Pending::start(Operation::Redis { redis, command }).await? {
        Received::Bytes(reply) => Ok(reply),
        other => Err(io::Error::other(format!("not a reply: {other:?}"))),
    }
}

/// Sends a command to a simulated Redis without waiting; returns whether there is one.
pub(crate) fn tell_redis(redis: &str, command: &[u8]) -> bool {
    with_host(|host| host.tell_redis(redis, command)).is_some()
}

/// An operation that was started.
struct Pending(u64);

impl Pending {
    async fn start(operation: Operation) -> io::Result<Received> {
        match with_host(|host| host.start(operation)) {
            Some(number) => Self(number).await,
            None => Err(io::Error::other("the simulated process has ended")),
        }
    }
}

impl Future for Pending {
    type Output = io::Result<Received>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        with_host(|host| host.poll(self.0, context.waker())).unwrap_or(Poll::Pending)
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        with_host(|host| host.abandon(self.0));
    }
}

/// A rate file of the simulated host, or else of the real machine.
pub(crate) enum RateFile {
    Real(rate_file::RateFile),
    Simulated(u64),
}

impl RateFile {
    pub(crate) fn open(directory: &Directory, path: &Path) -> io::Result<Self> {
        match with_host(|host| host.open_rate_file(path)) {
            Some(file) => file.map(Self::Simulated),
            None => rate_file::RateFile::open(directory, path).map(Self::Real),
        }
    }

    pub(crate) fn try_lock(&self) -> io::Result<bool> {
        match self {
            Self::Real(file) => file.try_lock(),
            Self::Simulated(file) => ask(|host| host.try_lock(*file)),
        }
    }

    pub(crate) fn unlock(&self) -> io::Result<()> {
        match self {
            Self::Real(file) => file.unlock(),
            Self::Simulated(file) => ask(|host| host.unlock(*file)),
        }
    }

    pub(crate) fn is_at(&self, path: &Path) -> io::Result<bool> {
        match self {
            Self::Real(file) => file.is_at(path),
            Self::Simulated(file) => ask(|host| host.is_at(*file, path)),
        }
    }

    pub(crate) fn read_at_start(&self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Real(file) => file.read_at_start(bytes),
            Self::Simulated(file) => ask(|host| host.read_at_start(*file, bytes)),
        }
    }

    pub(crate) fn write_at_start(&self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Real(file) => file.write_at_start(bytes),
            Self::Simulated(file) => ask(|host| host.write_at_start(*file, bytes)),
        }
    }
}

impl Drop for RateFile {
    fn drop(&mut self) {
        if let Self::Simulated(file) = self {
            with_host(|host| host.close(*file));
        }
    }
}

fn ask<T>(ask: impl FnOnce(&(dyn Host + 'static)) -> io::Result<T>) -> io::Result<T> {
    with_host(ask).unwrap_or_else(|| Err(io::Error::other("the simulated process has ended")))
}
