//! The real machine.

use futures_util::FutureExt;
use rand::TryRng;
use rand::rngs::SysRng;
use std::borrow::Cow;
use std::ffi::OsString;
use std::future::Future;
use std::time::{Duration, Instant, SystemTime};
use tokio::runtime::Runtime;

/// The monotonic clock.
#[inline]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The wall clock, which may be wrong and may jump.
#[inline]
pub(crate) fn wall_clock() -> SystemTime {
    SystemTime::now()
}

/// The time since the machine started: the same for all its processes.
#[cfg(unix)]
#[inline]
pub(crate) fn since_boot() -> Duration {
    // On Linux this clock includes the time asleep, as the platform's does.
    #[cfg(target_os = "linux")]
    let clock = rustix::time::ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    let clock = rustix::time::ClockId::Monotonic;
    Duration::try_from(rustix::time::clock_gettime(clock)).unwrap_or_default()
}

/// The time since the machine started, as the performance counter has it, which all processes share.
///
/// `Instant` is that counter, but does not tell its value. It tells how much can be subtracted from it, which is the same.
#[cfg(not(unix))]
pub(crate) fn since_boot() -> Duration {
    use std::sync::OnceLock;
    static FIRST: OnceLock<(Instant, u64)> = OnceLock::new();
    let (first, value) = FIRST.get_or_init(|| {
        let first = Instant::now();
        let value = (0..u64::BITS).rev().fold(0, |value, bit| {
            let larger = value | 1 << bit;
            if first.checked_sub(Duration::from_nanos(larger)).is_some() { larger } else { value }
        });
        (first, value)
    });
    Duration::from_nanos(*value).saturating_add(first.elapsed())
}

/// The ID of this process. A forked child has another one than the process whose memory it inherited.
#[inline]
pub(crate) fn process_id() -> u32 {
    std::process::id()
}

/// The process whose memory this is, for state that a forked child must not share with its parent.
#[inline]
pub(crate) fn address_space() -> u32 {
    std::process::id()
}

/// The key of an entry in a registry of this process.
#[inline]
pub(crate) fn registry_key(key: &str) -> Cow<'_, str> {
    Cow::Borrowed(key)
}

/// An environment variable.
pub(crate) fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// 64 random bits of the operating system.
pub(crate) fn random() -> u64 {
    // None of these numbers is a secret: nonces must differ, but need not be unpredictable. So if the system has no
    // randomness, the time and the process ID are good enough.
    SysRng.try_next_u64().unwrap_or_else(|_| {
        let now = wall_clock().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        (now.as_nanos() as u64).rotate_left(20) ^ u64::from(process_id())
    })
}

/// Waits on the event loop, whose timer rounds up to a millisecond.
#[inline]
pub(crate) fn sleep_until(time: Instant) -> impl Future<Output = ()> {
    tokio::time::sleep_until(time.into())
}

/// What the future resolves to, or `None` if the deadline passes first.
#[inline]
pub(crate) fn timeout_at<F: Future>(deadline: Instant, future: F) -> impl Future<Output = Option<F::Output>> {
    tokio::time::timeout_at(deadline.into(), future).map(Result::ok)
}

/// Runs the future on this thread until it completes.
#[inline]
pub(crate) fn block_on<F: Future>(runtime: &Runtime, future: F) -> F::Output {
    runtime.block_on(future)
}
