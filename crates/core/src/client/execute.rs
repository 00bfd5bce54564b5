//! The path of a call: permit → sign → send → read → classify, and a retry after a wait if it is worthwhile.

use super::attempt_tracker::AttemptTracker;
use super::inner::{ClientInner, ProcessState};
use super::permits::Permits;
use crate::config::Config;
use crate::error::{Delivered, Error, ErrorKind, redact};
use crate::protocol::{Reply, Request, classify};
use crate::rate_limit::{Cooldown, Permit, RateLimiter, Refused};
use crate::retry::{self, RetryDecision};
use crate::signing::{ClockSample, timestamp};
use crate::system;
use crate::transport::{Connections, Post};
use futures_util::future::{Either, join, select};
use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long all calls of the account pause after "too many requests" without a `Retry-After`.
const DEFAULT_PAUSE: Duration = Duration::from_secs(1);

/// How many permits an attempt takes because the thread was held up, by a slow disk or a callback, and not the connection; it uses
/// the last one, however late it is.
const MAX_HELD_UP: u32 = 8;

/// One call: what it needs of its client, and its progress.
pub(super) struct Execution<'a> {
    pub(super) inner: &'a ClientInner,
    pub(super) process: &'a ProcessState,
    /// The options of this call.
    pub(super) options: &'a Config,
    pub(super) request: Request<'a>,
    pub(super) deadline: Instant,
    pub(super) tracker: &'a AttemptTracker<'a>,
}

/// State that is kept across the attempts of a call.
#[derive(Default)]
struct Memory {
    /// The request was re-signed with a corrected timestamp, which happens at most once.
    clock_was_corrected: bool,
    /// The last "too many requests" rejection.
    refused_before: Option<Refused>,
}

/// An attempt whose permit was too old when its connection was ready.
#[derive(Default)]
struct Begun {
    before: bool,
    /// How often no connection was the reason.
    held_up: u32,
}

impl Execution<'_> {
    /// Makes attempts until one succeeds or the failure is final.
    pub(super) async fn run(
        &self,
        connections: &Connections,
        mut permits: Permits<'_>,
    ) -> Result<Reply, Error> {
        let limiter = self.process.limiter()?;
        let mut memory = Memory::default();
        let mut last_failure: Option<Error> = None;
        let mut begun = Begun::default();
        loop {
            let permit = self.permit(permits.first.take(), connections, &permits, limiter, begun.before);
            // An attempt that waits for its connection is in flight, and completes.
            let stopped_before = async {
                match begun.before {
                    false => permits.stopped().await,
                    true => pending().await,
                }
            };
            let permit = match select(pin!(permit), pin!(stopped_before)).await {
                Either::Left((permit, _)) => permit,
                Either::Right(_) => return Err(stopped(last_failure)),
            };
            let permit = match permit {
                Ok(permit) => permit,
                // The failure of the last attempt is more useful than the missing permit for another one.
                Err(refusal) => {
                    let error = last_failure.map_or(refusal, |error| {
                        error.with_note(
                            "not retried: the rate limit allows no further attempt before the deadline",
                        )
                    });
                    // An attempt that waits for its connection ends with this.
                    self.tracker.report(self.request, Err(&error), None);
                    return Err(error);
                }
            };
            let error = match self.attempt(permit, connections, &mut begun).await {
                Ok(None) => continue,
                Ok(Some(reply)) => {
                    self.process.account.backpressure.succeeded(memory.refused_before);
                    self.tracker.report(self.request, Ok(reply.http_status()), None);
                    return Ok(reply);
                }
                Err(error) => error,
            };
            begun = Begun::default();
            self.tracker.end_attempt(&error);
            if error.kind() == ErrorKind::RateLimited {
                self.pause_account(limiter, &error, &mut memory).await?;
            }
            match self.decide(&error, &mut memory) {
                RetryDecision::RetryAfter(wait) => {
                    self.tracker.report(self.request, Err(&error), Some(wait));
                    let wait = wait_until(system::now() + wait);
                    if let Either::Right(_) = select(pin!(wait), pin!(permits.stopped())).await {
                        return Err(stopped(Some(error)));
                    }
                    last_failure = Some(error);
                }
                RetryDecision::Stop(why) => {
                    self.tracker.report(self.request, Err(&error), None);
                    return Err(match why {
                        Some(why) => error.with_note(&why),
                        None => error,
                    });
                }
            }
        }
    }

    /// The first permit, or else the next one, when the connections are ready for a request.
    async fn permit(
        &self,
        first: Option<Permit>,
        connections: &Connections,
        permits: &Permits<'_>,
        limiter: &Arc<RateLimiter>,
        is_begun: bool,
    ) -> Result<Permit, Error> {
        let wait = self.options.rate_wait || is_begun;
        // An attempt that waits for its connection has one already.
        let begin = || {
            if !is_begun {
                self.inner.begin_connection(connections, self.request);
            }
        };
        let permit = match first {
            Some(permit) => permit,
            None => permits.acquire(limiter, self.deadline, wait, &begin).await?,
        };
        connections.catch_up().await;
        Ok(permit)
    }

    /// One request and its response; timestamp, nonce and signature are fresh in each attempt. `None` if no connection took
    /// it while the permit could be used: nothing was sent, and the connection, or its failure, is for the next permit.
    async fn attempt(
        &self,
        mut permit: Permit,
        connections: &Connections,
        begun: &mut Begun,
    ) -> Result<Option<Reply>, Error> {
        let Self { inner, request, tracker, .. } = self;
        let is_last = begun.held_up >= MAX_HELD_UP;
        if is_last {
            permit.make_way().await;
        }
        let clock = inner.sources.clock.as_ref();
        let timestamp = timestamp(inner.skew.correct(clock.now()))?;
        let nonce = permit.spend();
        let body = request.body(&inner.credentials, timestamp, nonce, inner.config.sign_method)?;
        let post = Post {
            path: request.path(),
            body: body.json,
            is_idempotent: request.is_idempotent(),
            max_reply_bytes: request.max_reply_bytes(),
            latest: permit.latest().filter(|_| !is_last),
        };
        let sent = tracker.begin_attempt(timestamp, nonce, begun.before);
        let secrets = [inner.credentials.secret.expose().as_bytes(), body.sign.as_bytes()];
        let exchange = connections.post(&inner.transport, post, sent, &|| clock.now()).await;
        let Some(mut response) = exchange.map_err(|error| error.with_redacted_evidence(secrets))? else {
            // In this order: on a slow disk the release takes long, and only those that wait are told that a connection failed.
            let (was_made, ()) = join(connections.made(), async { permit.take_back() }).await;
            begun.before = true;
            begun.held_up += u32::from(!was_made);
            return Ok(None);
        };
        if inner.config.clock_skew && inner.transport.is_trusted() {
            let sample = ClockSample::from(response.times);
            self.process.account.offset.update(&sample);
            tracker.note_clock(inner.skew.update(sample));
        }
        redact(&mut response.body, secrets);
        classify(response, *request, tracker.attempts(), &self.options.error_codes)
            .map(Some)
            .map_err(|error| inner.transport.with_proxy(error))
            .map_err(|error| error.with_redacted_evidence(secrets))
    }

    /// Pauses all calls of the account after "too many requests".
    async fn pause_account(
        &self,
        limiter: &Arc<RateLimiter>,
        error: &Error,
        memory: &mut Memory,
    ) -> Result<(), Error> {
        let pause = match (error.retry_after(), error.meaning()) {
            // A code may concern the card; HTTP 429 concerns the caller, and a Retry-After must be obeyed.
            (None, Some(_)) => {
                let backpressure = &self.process.account.backpressure;
                let (pause, refused) = backpressure.refused(system::now(), memory.refused_before);
                memory.refused_before = Some(refused);
                pause
            }
            (None, None) => Some(DEFAULT_PAUSE),
            (Some(wait), _) => Some(wait.min(retry::MAX_RETRY_AFTER)),
        };
        match pause {
            Some(pause) => limiter.pause(pause).await,
            None => Ok(()),
        }
    }

    fn decide(&self, error: &Error, memory: &mut Memory) -> RetryDecision {
        let policy = retry::Policy {
            max_attempts: self.options.max_attempts,
            idempotent: self.request.is_idempotent(),
        };
        let attempts = self.tracker.attempts();
        // The code for a stale timestamp is not published. So if a rejection reveals clock skew, the request is
        // re-signed once with a corrected timestamp.
        let refused = matches!(error.kind(), ErrorKind::Platform | ErrorKind::Auth) && !error.is_final();
        let may_be_stale = refused
            && self.tracker.clock_moved()
            && !memory.clock_was_corrected
            && attempts < policy.max_attempts;
        if may_be_stale && policy.idempotent {
            memory.clock_was_corrected = true;
            return RetryDecision::RetryAfter(Duration::ZERO);
        }
        let random = self.inner.sources.random.as_ref();
        policy.decide(error, attempts, retry::time_left(self.deadline), &self.process.retry_tokens, random)
    }

    /// The error of a call that ended without an answer.
    pub(super) fn unanswered(&self, kind: ErrorKind) -> Error {
        let (delivered, outcome) = match self.tracker.is_sent() {
            true => (Delivered::Unknown, "the request was sent and may have taken effect"),
            false if self.tracker.earlier().is_some() => (Delivered::No, "the last attempt sent nothing"),
            false => (Delivered::No, "nothing was sent"),
        };
        let (host, timeout) = (self.inner.transport.host(), self.options.timeout);
        let text = match kind {
            ErrorKind::Timeout => format!("no response from {host} within {timeout:?}; {outcome}"),
            _ => format!("cancelled by the caller; {outcome}"),
        };
        let error = Error::new(kind, text).with_delivered(delivered);
        self.tracker.report(self.request, Err(&error), None);
        error
    }

    /// What a call leaves to later ones: updates the retry budget, and keeps or cancels the cooldown.
    pub(super) fn conclude(
        &self,
        cooldown: Option<Cooldown>,
        result: Result<Reply, Error>,
    ) -> Result<Reply, Error> {
        if let Ok(reply) = &result {
            self.process.retry_tokens.success(reply.attempts());
        }
        // A cooldown that the platform reports is new information; one that was known before is not.
        let is_cooling_down =
            |error: &Error| error.kind() == ErrorKind::Cooldown && error.delivered() != Delivered::No;
        let refreshed = result.as_ref().map_or_else(is_cooling_down, |_| true);
        if let Some(cooldown) = cooldown.filter(|_| refreshed) {
            cooldown.keep();
        }
        let result = result
            .map(|reply| reply.with_attempts_before(self.tracker.attempts_before()))
            .map_err(|error| self.tracker.conclude(error, self.request));
        self.tracker.end(self.request, result.as_ref().err());
        result
    }
}

/// The error of a call whose batch wants no more attempts.
fn stopped(last_failure: Option<Error>) -> Error {
    match last_failure {
        Some(error) => error.with_note("not retried: the batch was stopped"),
        None => Error::cancelled("cancelled by the caller; nothing was sent"),
    }
}

/// Waits on the event loop; returns immediately if the time is past, because the loop's timer rounds up to a
/// millisecond.
async fn wait_until(time: Instant) {
    if time > system::now() {
        system::sleep_until(time).await;
    }
}
