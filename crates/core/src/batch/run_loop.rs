//! How a batch runs: the event loop is driven until a card comes back.

use super::circuit_breaker::LIMITER;
use super::{Batch, Calls, Card, IN_CHILD, Outcome, ReservationFuture, Running, Stopped};
use crate::client::Reservation;
use crate::error::{Delivered, Error, ErrorKind};
use crate::locked::locked;
use crate::observer::{Attempt, Notice};
use crate::protocol::Reply;
use crate::transport::{Connections, KEEP_GOING_CHECK, RunResult};
use futures_util::FutureExt;
use futures_util::future::{Either, MaybeDone, maybe_done, pending, select};
use futures_util::stream::StreamExt;
use std::future::Future;
use std::ops::ControlFlow;
use std::pin::{Pin, pin};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How often a batch that holds its cards back looks whether it should stop.
const STOP_CHECK: Duration = Duration::from_millis(250);

impl Batch {
    /// Runs the calls until one has ended, or the observer wants to stop.
    pub(super) fn drive(&mut self) {
        if self.pid != std::process::id() {
            return self.leave_to_parent();
        }
        self.client.tell_warnings(|notice| self.tell(notice));
        // Taken out for the drive, so that they can be borrowed apart from the rest.
        let Some(Running { event_loop, mut calls }) = self.running.take() else { return };
        if let Some(driven) = self.driven {
            self.active_timeout.add(driven.elapsed());
        }
        let observer = self.observer.clone();
        let mut keep_going = || locked(&observer).keep_going();
        let interrupted = self.is_unwanted(&mut keep_going)
            || matches!(
                event_loop.block_on(
                    None,
                    &mut keep_going,
                    self.until_one_ends(event_loop.connections(), &mut calls)
                ),
                RunResult::Interrupted
            );
        if interrupted {
            self.cancel();
            // Whatever the observer says now, the calls come to their end, which is near.
            let mut to_the_end = || ControlFlow::Continue(());
            event_loop.block_on(
                None,
                &mut to_the_end,
                self.until_one_ends(event_loop.connections(), &mut calls),
            );
        }
        self.running = Some(Running { event_loop, calls });
        self.driven = Some(Instant::now());
    }

    /// Asks the observer, where that has not been done for a while: drives may be much shorter than it is asked.
    fn is_unwanted(&mut self, keep_going: &mut dyn FnMut() -> ControlFlow<()>) -> bool {
        let now = Instant::now();
        if self.asked.is_some_and(|asked| now.duration_since(asked) < KEEP_GOING_CHECK) {
            return false;
        }
        self.asked = Some(now);
        keep_going().is_break()
    }

    async fn until_one_ends(&mut self, connections: &Connections, calls: &mut Calls) {
        loop {
            self.start(connections, calls);
            // What has ended together comes back together.
            while let Some(Some((card, result))) = calls.next().now_or_never() {
                self.take(card, result);
            }
            self.review(calls.is_empty());
            if !self.ended.is_empty() {
                return;
            }
            let waits = matches!(self.reservation, Some(MaybeDone::Future(_)));
            if !waits && !self.waiting.is_empty() && !self.breaker.is_open() && calls.len() < self.concurrency
            {
                // What has ended has made room.
                continue;
            }
            let timer = self.wakes_at(calls.is_empty());
            let reservation =
                self.reservation.as_mut().filter(|reservation| matches!(reservation, MaybeDone::Future(_)));
            if calls.is_empty() && reservation.is_none() && timer.is_none() {
                return;
            }
            let ended = next_event(calls, reservation, timer).await;
            if let Some((card, result)) = ended {
                self.take(card, result);
                self.review(calls.is_empty());
                if !self.ended.is_empty() {
                    return;
                }
            }
        }
    }

    /// When there is something to do before a call ends and before the turn of the next card comes.
    fn wakes_at(&self, is_idle: bool) -> Option<Instant> {
        let probe = self.breaker.probe_at().filter(|_| self.may_probe(is_idle))?;
        let (now, check) = (Instant::now(), Instant::now() + STOP_CHECK);
        // Where it is time already, the probe waits for its turn.
        Some(if probe > now { probe.min(check) } else { check })
    }

    /// Starts the calls whose turn has come.
    fn start(&mut self, connections: &Connections, calls: &mut Calls) {
        if self.stop.load(Ordering::Relaxed) {
            self.stop();
        }
        while calls.len() < self.concurrency {
            if self.breaker.is_open() && !self.is_time_to_probe(calls.is_empty()) {
                return;
            }
            let Some(card) = self.waiting.front() else { return };
            let (client, gate) = (&self.client, &self.gate);
            let mut reservation = self.reservation.take().unwrap_or_else(|| {
                maybe_done(Box::pin(client.clone().reserve(card.eid.clone(), gate.clone())))
            });
            let _ = (&mut reservation).now_or_never();
            let reservation = match Pin::new(&mut reservation).take_output() {
                None => {
                    self.reservation = Some(reservation);
                    return;
                }
                // The only connection that a permit may need is that to a Redis.
                Some(Err(error)) if error.kind() == ErrorKind::Connect => {
                    self.hold_for_permits(error);
                    continue;
                }
                Some(Ok(reservation)) => {
                    if let Some(after) = self.breaker.permitted(Instant::now()) {
                        self.tell(&Notice::Resumed { after, what: LIMITER });
                    }
                    if reservation.is_stale() {
                        continue;
                    }
                    reservation
                }
                Some(Err(error)) => {
                    self.ended.push_back(Outcome::refused(error.with_eid(card.eid.as_str())));
                    self.waiting.pop_front();
                    continue;
                }
            };
            if let Some(card) = self.waiting.pop_front() {
                self.breaker.probe();
                self.in_flight.insert(card.eid.clone());
                calls.push(Box::pin(self.call(connections.clone(), card, reservation)));
            }
        }
    }

    fn call(
        &self,
        connections: Connections,
        card: Card,
        reservation: Reservation,
    ) -> impl Future<Output = (Card, Result<Reply, Error>)> + Send + use<> {
        let (client, observer, active_timeout, gate, mut cancel) = (
            self.client.clone(),
            self.observer.clone(),
            self.active_timeout.clone(),
            self.gate.clone(),
            self.cancel.subscribe(),
        );
        async move {
            let tell = |attempt: &Attempt<'_>| locked(&observer).attempt(attempt);
            // The sender lives as long as the batch, and the batch longer than the call.
            let cancelled = async { drop(cancel.wait_for(|cancelled| *cancelled).await) };
            let start = (reservation, gate, card.history);
            let timed_out = active_timeout.passed(client.config().timeout);
            let call = client.call_reserved(&connections, &card.eid, start, &tell, timed_out, cancelled);
            let result = call.await;
            (card, result)
        }
    }

    /// In a forked child there is nothing to wait for: the calls are the parent's. Every card comes back with an error.
    fn leave_to_parent(&mut self) {
        self.forget_running();
        for eid in std::mem::take(&mut self.in_flight) {
            let error = Error::new(ErrorKind::Cancelled, IN_CHILD).with_eid(eid.as_str());
            // The parent has sent it.
            self.ended.push_back(Outcome::refused(error.with_delivered(Delivered::Unknown)));
        }
        self.end_with(Stopped::InChild);
    }

    /// Leaves the parent's sockets alone: what is dropped is closed, and what is reserved would be given back.
    pub(super) fn forget_running(&mut self) {
        std::mem::forget(self.reservation.take());
        std::mem::forget(self.running.take());
    }
}

/// Waits until a call ends, which it gives back, or until there is something else to do.
async fn next_event(
    calls: &mut Calls,
    reservation: Option<&mut MaybeDone<ReservationFuture>>,
    timer: Option<Instant>,
) -> Option<(Card, Result<Reply, Error>)> {
    let next = pin!(or_never((!calls.is_empty()).then(|| calls.next())));
    let reservation = pin!(or_never(reservation));
    let timer = pin!(or_never(timer.map(|time| tokio::time::sleep_until(time.into()))));
    match select(next, select(reservation, timer)).await {
        Either::Left((ended, _)) => ended,
        Either::Right(_) => None,
    }
}

async fn or_never<T>(future: Option<impl Future<Output = T>>) -> T {
    match future {
        Some(future) => future.await,
        None => pending().await,
    }
}
