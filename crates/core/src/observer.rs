//! Observing a call in flight.

use crate::error::Error;
use std::fmt;
use std::ops::ControlFlow;
use std::time::Duration;

/// Observes one call, on the caller's own thread. The default methods do nothing.
pub trait Observer: Send {
    /// Whether to continue. Called before anything is sent, and every 50 ms while the call waits; `Break` cancels the call with
    /// [`Cancelled`](crate::ErrorKind::Cancelled).
    fn keep_going(&mut self) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// An attempt has ended.
    fn attempt(&mut self, attempt: &Attempt<'_>) {
        let _ = attempt;
    }

    /// A batch holds its cards, resumes or stops by itself; or a notice about the rate limit or the configuration.
    fn notice(&mut self, notice: &Notice<'_>) {
        let _ = notice;
    }
}

/// Observes nothing.
impl Observer for () {}

/// An event that the caller did not cause. Its text is a log line without secret or signature.
#[derive(Debug)]
#[non_exhaustive]
pub enum Notice<'a> {
    /// The platform, or the Redis that shares the rate, is unreachable: cards are held until it can be reached again.
    /// Repeated before each probe.
    Holding {
        /// What is unreachable, for messages.
        what: &'a str,
        /// The last failure.
        failure: &'a Error,
        /// The time until the next probe.
        next_probe: Duration,
        /// The time until the batch gives up.
        gives_up: Duration,
    },
    /// The platform or the Redis can be reached again.
    Resumed {
        /// Which of them, for messages.
        what: &'a str,
        /// How long it was unreachable.
        after: Duration,
    },
    /// A call waits unusually long for the rate limiter: longer than 2 s, and than the rate limit requires.
    Waiting {
        /// The time until the call may be made.
        wait: Duration,
        /// Where the rate limiter's state is kept, if it is shared.
        set_by: Option<&'a str>,
    },
    /// A call has waited for more than 2 s for another process that holds the lock of the shared rate file.
    Locked {
        /// How long it has waited.
        waited: Duration,
        /// The file.
        file: &'a str,
    },
    /// The rate limit is not shared with other processes, although [`RateScope::Auto`](crate::RateScope::Auto) does so if possible.
    /// Reported once per account and process.
    RateNotShared {
        /// The reason.
        reason: &'a str,
    },
    /// The options are valid, but one of them should be changed. Reported once per client.
    Configuration {
        /// Begins with the option's name.
        warning: &'a str,
    },
    /// No more cards are sent; waiting cards come back unsent.
    Stopped {
        /// The reason.
        reason: &'a str,
    },
}

impl fmt::Display for Notice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Holding { what, failure, next_probe, gives_up } => write!(
                f,
                "{what} cannot be reached, holding back all cards: next probe in {:.1} s, giving up in {:.0} s; \
                 the last failure: {failure}",
                next_probe.as_secs_f64(),
                gives_up.as_secs_f64()
            ),
            Self::Resumed { what, after } => {
                write!(f, "{what} can be reached again, after {:.1} s; resuming", after.as_secs_f64())
            }
            Self::Waiting { wait, set_by } => {
                write!(f, "rate limit: waiting {:.1} s for the next call", wait.as_secs_f64())?;
                set_by.map_or(Ok(()), |set_by| write!(f, ", set by {set_by}"))
            }
            Self::Locked { waited, file } => write!(
                f,
                "rate limit: another process has held the lock of {file} for {:.1} s; still waiting",
                waited.as_secs_f64()
            ),
            Self::RateNotShared { reason } => write!(
                f,
                "rate limit: not shared with other processes, because {reason}; set rate_dir to a directory that they \
                 share, or rate_scope to \"process\""
            ),
            Self::Configuration { warning } => write!(f, "configuration: {warning}"),
            Self::Stopped { reason } => write!(f, "no more cards are sent, because {reason}"),
        }
    }
}

/// One attempt that has ended. Its text is a log line without secret or signature.
#[derive(Debug)]
#[non_exhaustive]
pub struct Attempt<'a> {
    /// The path, unless the call is a refresh.
    pub path: Option<&'a str>,
    /// The EID; empty if the call does not concern a card.
    pub eid: &'a str,
    /// Which attempt of the call: 1 is the first.
    pub number: u32,
    /// The request's timestamp in Unix seconds. With the nonce, it identifies the request to the platform's support.
    pub timestamp: u64,
    /// The request's nonce.
    pub nonce: u32,
    /// How long it took, not counting the wait for a permit.
    pub took: Duration,
    /// Why it failed; `None` if it succeeded.
    pub failure: Option<&'a Error>,
    /// The time until the retry; `None` if this was the last attempt.
    pub again_after: Option<Duration>,
}

impl fmt::Display for Attempt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { eid, number, timestamp, nonce, took, .. } = self;
        if let Some(path) = self.path {
            write!(f, "path={path} ")?;
        }
        // The EID of a refresh consists of digits; other calls pass the caller's value.
        match eid.bytes().all(|byte| byte.is_ascii_digit()) {
            true if eid.is_empty() => {}
            true => write!(f, "eid={eid} ")?,
            false => write!(f, "eid={eid:?} ")?,
        }
        write!(
            f,
            "attempt={number} timestamp={timestamp} nonce={nonce} took_ms={} outcome=",
            took.as_millis()
        )?;
        match self.failure {
            None => f.write_str("ok")?,
            Some(error) => {
                write!(f, "{} delivered={}", error.kind().name(), error.delivered().name())?;
                if let Some(http_status) = error.http_status() {
                    write!(f, " http_status={http_status}")?;
                }
                if let Some(code) = error.platform_code() {
                    write!(f, " code={code:?}")?;
                }
            }
        }
        match self.again_after {
            Some(wait) => write!(f, " again_after_ms={}", wait.as_millis()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Delivered, ErrorKind};

    #[test]
    fn attempt_is_one_line() {
        let error = Error::new(ErrorKind::Platform, "x")
            .with_platform(Some("a\nb".to_owned()), None)
            .with_http_status(200)
            .with_delivered(Delivered::Yes);
        let took = Duration::from_millis(12);
        let mut attempt = Attempt {
            path: None,
            eid: "89",
            number: 2,
            timestamp: 1_700_000_000,
            nonce: 12_345,
            took,
            failure: None,
            again_after: None,
        };
        assert_eq!(
            attempt.to_string(),
            "eid=89 attempt=2 timestamp=1700000000 nonce=12345 took_ms=12 outcome=ok"
        );
        attempt.failure = Some(&error);
        attempt.again_after = Some(Duration::from_millis(200));
        let line = "eid=89 attempt=2 timestamp=1700000000 nonce=12345 took_ms=12 outcome=platform delivered=yes http_status=200 code=\"a\\nb\" \
                    again_after_ms=200";
        assert_eq!(attempt.to_string(), line);
        let path = Some("/api/v3/cloudesim/list");
        for (eid, said) in [("", ""), ("8\n9", "eid=\"8\\n9\" ")] {
            let attempt = Attempt {
                path,
                eid,
                number: 1,
                timestamp: 1_700_000_000,
                nonce: 12_345,
                took,
                failure: None,
                again_after: None,
            };
            let line = format!(
                "path=/api/v3/cloudesim/list {said}attempt=1 timestamp=1700000000 nonce=12345 took_ms=12 outcome=ok"
            );
            assert_eq!(attempt.to_string(), line);
        }
    }
}
