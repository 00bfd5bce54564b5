//! The interface of a simulated machine: what `eiot-night` implements, and how blocking code waits in simulated time.
//!
//! A simulated process runs on a thread with others; the simulation installs the [`Host`] of the one that it resumes. Not part
//! of the API: compiled only with the feature `simulation`.

use super::machine;
use std::cell::RefCell;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant, SystemTime};

/// A simulated machine, as one of its processes sees it.
pub trait Host {
    /// The monotonic clock. Only differences mean something.
    fn now(&self) -> Instant;

    /// The wall clock.
    fn wall_clock(&self) -> SystemTime;

    /// The time since the machine started.
    fn since_boot(&self) -> Duration;

    /// The ID of the process, which no other process of this night has.
    fn process_id(&self) -> u32;

    /// 64 random bits.
    fn random(&self) -> u64;

    /// An environment variable.
    fn variable(&self, name: &str) -> Option<OsString>;

    /// What resumes the process after [`Host::wait`].
    fn waker(&self) -> Waker;

    /// Suspends the process until its waker is called; returns at once if that has happened already.
    fn wait(&self);

    /// Starts something that takes time, and returns its number.
    fn start(&self, operation: Operation) -> u64;

    /// The result of an operation, once; until then `waker` is called when it has one.
    fn poll(&self, operation: u64, waker: &Waker) -> Poll<io::Result<Received>>;

    /// The process no longer waits for the operation. Its effects, such as a request that was sent, remain.
    fn abandon(&self, operation: u64);

    /// Sends a command to a Redis without waiting for its reply, which is discarded.
    fn tell_redis(&self, redis: &str, command: &[u8]);

    /// Opens the rate file; creates it, and its directory, if it is missing. Returns its number.
    fn open_rate_file(&self, path: &Path) -> io::Result<u64>;

    /// Takes the file's lock, unless another process holds it. Returns whether it did.
    fn try_lock(&self, file: u64) -> io::Result<bool>;

    /// Releases the lock.
    fn unlock(&self, file: u64) -> io::Result<()>;

    /// Whether the path leads to the file.
    fn is_at(&self, file: u64, path: &Path) -> io::Result<bool>;

    /// Reads from the file's start, and returns how many bytes there were.
    fn read_at_start(&self, file: u64, bytes: &mut [u8]) -> io::Result<usize>;

    /// Writes from the file's start.
    fn write_at_start(&self, file: u64, bytes: &[u8]) -> io::Result<()>;

    /// Closes the file, which releases its lock.
    fn close(&self, file: u64);
}

/// Something that takes time.
#[derive(Debug)]
pub enum Operation {
    /// Receives [`Received::Nothing`] at this time.
    Sleep(Instant),
    /// Finds or makes a connection for a request: [`Received::Nothing`], or why there is none. `TimedOut` is a connection that
    /// was not made within `connect_timeout`.
    Connect {
        /// Host and port.
        host: String,
        /// How long to try.
        timeout: Duration,
        /// A connection that has served requests will do.
        reuse: bool,
    },
    /// Begins a connection for a later request, unless many are ready; nothing waits for it.
    ConnectAhead {
        /// Host and port.
        host: String,
        /// How long to try.
        timeout: Duration,
    },
    /// Receives [`Received::Nothing`] when a connection that was made for an earlier request is ready or has failed, and an error if
    /// there is none.
    WaitForConnection,
    /// Sends a request on the connection: [`Received::Response`], or why the connection was lost.
    Request(Request),
    /// Sends a command to a Redis: [`Received::Bytes`], its reply.
    Redis {
        /// Host and port.
        redis: String,
        /// In the Redis protocol.
        command: Vec<u8>,
    },
}

/// A request, complete.
#[derive(Debug)]
pub struct Request {
    /// Host and port.
    pub host: String,
    /// `POST` or `GET`.
    pub method: String,
    /// The path.
    pub path: String,
    /// The client's own headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// A response.
#[derive(Debug)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// All headers.
    pub headers: Vec<(String, String)>,
    /// As much of the body as arrived.
    pub body: Vec<u8>,
    /// The connection was lost before the end of the body.
    pub is_cut: bool,
}

/// The result of an operation.
#[derive(Debug)]
pub enum Received {
    /// It is done.
    Nothing,
    /// The response to a request.
    Response(Response),
    /// The reply of a Redis.
    Bytes(Vec<u8>),
}

thread_local! {
    static HOST: RefCell<Option<Rc<dyn Host>>> = const { RefCell::new(None) };
}

/// Installs the host of the process that runs on this thread from now on, and returns the one before.
pub fn install(host: Option<Rc<dyn Host>>) -> Option<Rc<dyn Host>> {
    HOST.replace(host)
}

/// The host of the process that runs on this thread; `None` is the real machine.
pub fn host() -> Option<Rc<dyn Host>> {
    HOST.with_borrow(Clone::clone)
}

/// The result of `ask`, if a simulated process runs on this thread.
pub(super) fn with_host<T>(ask: impl FnOnce(&(dyn Host + 'static)) -> T) -> Option<T> {
    // Not borrowed while it is asked: the process may be suspended meanwhile.
    host().map(|host| ask(host.as_ref()))
}

/// The monotonic clock.
pub fn now() -> Instant {
    with_host(Host::now).unwrap_or_else(machine::now)
}

/// The wall clock.
pub fn wall_clock() -> SystemTime {
    with_host(Host::wall_clock).unwrap_or_else(machine::wall_clock)
}

/// The ID of the process.
pub fn process_id() -> u32 {
    with_host(Host::process_id).unwrap_or_else(machine::process_id)
}

/// 64 random bits.
pub fn random() -> u64 {
    with_host(Host::random).unwrap_or_else(machine::random)
}

/// Suspends the process that runs on this thread, or else the thread.
pub fn sleep(time: Duration) {
    let Some(host) = host() else { return std::thread::sleep(time) };
    let (waker, operation) = (host.waker(), host.start(Operation::Sleep(host.now() + time)));
    while host.poll(operation, &waker).is_pending() {
        host.wait();
    }
}
