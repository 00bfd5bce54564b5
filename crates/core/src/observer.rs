//! Observing a call in flight.

use crate::error::{Delivered, Error};
use serde::Serialize;
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

    /// An attempt has ended, or a call was refused before anything was sent (attempt number 0).
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

/// One attempt that has ended, or a call that was refused before anything was sent. Its text is a log line without secret or
/// signature; [`Attempt::to_json`] has all fields.
#[derive(Debug)]
#[non_exhaustive]
pub struct Attempt<'a> {
    /// The path.
    pub path: &'a str,
    /// The EID, if it is malformed the beginning of the input; empty if the call does not concern a card.
    pub eid: &'a str,
    /// Which attempt of the call: 1 is the first. 0: nothing was sent, because the call was refused: the EID is malformed, the card
    /// is in its cooldown, the rate limiter has no permit, or the call was cancelled while it waited for one.
    pub number: u32,
    /// The request's timestamp in Unix seconds. With the nonce, it identifies the request to the platform's support. 0 if nothing
    /// was sent.
    pub timestamp: u64,
    /// The request's nonce; 0 if nothing was sent.
    pub nonce: u32,
    /// How long it took, not counting the wait for a permit.
    pub took: Duration,
    /// The HTTP status of the response, if there was one.
    pub http_status: Option<u16>,
    /// Why it failed; `None` if it succeeded.
    pub failure: Option<&'a Error>,
    /// The time until the retry; `None` if this was the last attempt.
    pub again_after: Option<Duration>,
    /// The call is a refresh, whose path is not in the log line.
    pub(crate) is_refresh: bool,
}

/// The fields of an event, in this order.
#[derive(Serialize)]
struct Event<'a> {
    path: &'a str,
    eid: Option<&'a str>,
    attempt: u32,
    outcome: &'a str,
    delivered: &'a str,
    code: Option<&'a str>,
    http_status: Option<u16>,
    duration_ms: f64,
    next_wait_ms: Option<u64>,
    timestamp: Option<u64>,
    nonce: Option<u32>,
    message: Option<String>,
}

impl<'a> Attempt<'a> {
    /// A call that was refused before anything was sent.
    pub(crate) fn refusal(path: &'a str, eid: &'a str, is_refresh: bool, failure: &'a Error) -> Self {
        Self {
            path,
            eid,
            number: 0,
            timestamp: 0,
            nonce: 0,
            took: Duration::ZERO,
            http_status: None,
            failure: Some(failure),
            again_after: None,
            is_refresh,
        }
    }

    /// `"ok"`, or the name of the failure's kind.
    pub fn outcome(&self) -> &'static str {
        self.failure.map_or("ok", |error| error.kind().name())
    }

    /// Whether the platform received this request.
    pub fn delivered(&self) -> Delivered {
        self.failure.map_or(Delivered::Yes, Error::delivered)
    }

    /// The platform's code; `"200"` if it succeeded.
    pub fn code(&self) -> Option<&str> {
        self.failure.map_or(Some("200"), Error::platform_code)
    }

    /// The event as one line of JSON, with the same fields in every language; `docs/statistics.md` describes each. Later
    /// versions may add fields at the end.
    pub fn to_json(&self) -> String {
        let was_sent = self.number > 0;
        let milliseconds = |wait: Duration| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        let event = Event {
            path: self.path,
            eid: Some(self.eid).filter(|eid| !eid.is_empty()),
            attempt: self.number,
            outcome: self.outcome(),
            delivered: self.delivered().name(),
            code: self.code(),
            http_status: self.http_status,
            duration_ms: self.took.as_micros() as f64 / 1000.0,
            next_wait_ms: self.again_after.map(milliseconds),
            timestamp: Some(self.timestamp).filter(|_| was_sent),
            nonce: Some(self.nonce).filter(|_| was_sent),
            message: self.failure.map(ToString::to_string),
        };
        // Such fields can always be written.
        serde_json::to_string(&event).unwrap_or_default()
    }
}

impl fmt::Display for Attempt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, eid, number, timestamp, nonce, took, .. } = self;
        if !self.is_refresh {
            write!(f, "path={path} ")?;
        }
        // The EID of a refresh consists of digits, unless it is malformed; other calls pass the caller's value.
        match eid.bytes().all(|byte| byte.is_ascii_digit()) {
            true if eid.is_empty() => {}
            true => write!(f, "eid={eid} ")?,
            false => write!(f, "eid={eid:?} ")?,
        }
        write!(f, "attempt={number} ")?;
        if *number > 0 {
            write!(f, "timestamp={timestamp} nonce={nonce} took_ms={} ", took.as_millis())?;
        }
        write!(f, "outcome={}", self.outcome())?;
        if let Some(error) = self.failure {
            write!(f, " delivered={}", error.delivered().name())?;
            if let Some(http_status) = error.http_status() {
                write!(f, " http_status={http_status}")?;
            }
            if let Some(code) = error.platform_code() {
                write!(f, " code={code:?}")?;
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
    use crate::error::ErrorKind;

    const REFRESH: &str = "/api/v3/cloudesim/refreshUsage";

    fn attempt<'a>(path: &'a str, eid: &'a str, failure: Option<&'a Error>) -> Attempt<'a> {
        Attempt {
            path,
            eid,
            number: 2,
            timestamp: 1_700_000_000,
            nonce: 12_345,
            took: Duration::from_micros(12_345),
            http_status: Some(200),
            failure,
            again_after: failure.map(|_| Duration::from_millis(200)),
            is_refresh: path == REFRESH,
        }
    }

    fn refused() -> Error {
        Error::new(ErrorKind::Platform, "x")
            .with_platform(Some("a\nb".to_owned()), None)
            .with_http_status(200)
            .with_delivered(Delivered::Yes)
    }

    #[test]
    fn attempt_is_one_line() {
        fn line(path: &str, eid: &str, failure: Option<&Error>) -> String {
            attempt(path, eid, failure).to_string()
        }
        let request = "attempt=2 timestamp=1700000000 nonce=12345 took_ms=12";
        assert_eq!(line(REFRESH, "89", None), format!("eid=89 {request} outcome=ok"));
        assert_eq!(
            line(REFRESH, "89", Some(&refused())),
            format!(
                "eid=89 {request} outcome=platform delivered=yes http_status=200 code=\"a\\nb\" again_after_ms=200"
            )
        );
        for (eid, said) in [("", ""), ("8\n9", "eid=\"8\\n9\" ")] {
            let line = line("/api/v3/cloudesim/list", eid, None);
            assert_eq!(line, format!("path=/api/v3/cloudesim/list {said}{request} outcome=ok"));
        }
        let refusal = Error::new(ErrorKind::InvalidEid, "x");
        let refusal = Attempt::refusal(REFRESH, "8x", true, &refusal);
        assert_eq!(refusal.to_string(), "eid=\"8x\" attempt=0 outcome=invalid_eid delivered=no");
    }

    #[test]
    fn attempt_as_json_has_the_same_fields_always() {
        assert_eq!(
            attempt(REFRESH, "89", None).to_json(),
            r#"{"path":"/api/v3/cloudesim/refreshUsage","eid":"89","attempt":2,"outcome":"ok","delivered":"yes","code":"200","http_status":200,"duration_ms":12.345,"next_wait_ms":null,"timestamp":1700000000,"nonce":12345,"message":null}"#
        );
        assert_eq!(
            attempt("/a", "", Some(&refused())).to_json(),
            r#"{"path":"/a","eid":null,"attempt":2,"outcome":"platform","delivered":"yes","code":"a\nb","http_status":200,"duration_ms":12.345,"next_wait_ms":200,"timestamp":1700000000,"nonce":12345,"message":"x"}"#
        );
        let refusal = Error::new(ErrorKind::Cooldown, "wait");
        assert_eq!(
            Attempt::refusal(REFRESH, "89", true, &refusal).to_json(),
            r#"{"path":"/api/v3/cloudesim/refreshUsage","eid":"89","attempt":0,"outcome":"cooldown","delivered":"no","code":null,"http_status":null,"duration_ms":0.0,"next_wait_ms":null,"timestamp":null,"nonce":null,"message":"wait"}"#
        );
    }
}
