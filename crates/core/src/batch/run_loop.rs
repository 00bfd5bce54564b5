//! The loop of a batch: runs the event loop until a card is done.

use super::circuit_breaker::LIMITER;
use super::{Batch, Calls, Card, IN_CHILD, ReservationFuture, Running, Stopped};
use crate::client::Reservation;
use crate::error::{Delivered, Error, ErrorKind};
use crate::locked::locked;
use crate::observer::{Attempt, Notice};
use crate::protocol::Reply;
use crate::system;
use crate::transport::{Connections, KEEP_GOING_CHECK, RunResult};
use futures_util::FutureExt;
use futures_util::future::{Either, MaybeDone, maybe_done, pending, select};
use futures_util::stream::StreamExt;
use std::future::Future;
use std::ops::ControlFlow;
use std::pin::{Pin, pin};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How often a batch that holds its cards checks whether to stop.
const STOP_CHECK: Duration = Duration::from_millis(250);

/// A caller that polls is expected to do so more often than this; the rest of a longer pause does not count towards the
/// timeouts of the calls.
const MAX_POLL_INTERVAL: Duration = Duration::from_secs(1);

impl Batch {
    /// Runs the calls until one completes, the deadline (if any) passes, or the observer cancels.
    pub(super) fn run(&mut self, deadline: Option<Instant>) {
        if self.pid != system::process_id() {
            return self.leave_to_parent();
        }
        self.client.report_warnings(|notice| self.notify(notice));
        // Moved out of `self` while it runs, so that both can be borrowed separately.
        let Some(mut running) = self.running.take() else { return };
        self.resume(&mut running);
        let observer = self.observer.clone();
        let mut keep_going = || locked(&observer).keep_going();
        let interrupted = self.is_cancelled(&mut keep_going)
            || self.is_interrupted(&mut running, deadline, &mut keep_going);
        if interrupted {
            self.cancel();
            // The calls end soon after the cancellation, whatever the observer returns now.
            self.is_interrupted(&mut running, None, &mut || ControlFlow::Continue(()));
        }
        self.running = Some(running);
        self.last_run = Some(system::now());
        self.is_polled = !self.cards.is_ready();
    }

    /// Continues after a pause. It does not count towards the timeouts of the calls, unless the caller polls; then what
    /// has arrived in the meantime is received first.
    fn resume(&mut self, Running { event_loop, calls }: &mut Running) {
        let Some(last_run) = self.last_run else { return };
        let pause = system::elapsed(last_run);
        self.active_timeout.add(pause);
        if self.is_polled {
            event_loop.poll(Box::pin(self.until_one_ends(event_loop.connections(), calls)));
            self.active_timeout.subtract(pause.min(MAX_POLL_INTERVAL));
        }
    }

    /// Runs until a call completes or the deadline passes. Returns whether the observer has cancelled instead.
    fn is_interrupted(
        &mut self,
        Running { event_loop, calls }: &mut Running,
        deadline: Option<Instant>,
        keep_going: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> bool {
        if self.cards.is_ready() {
            return false;
        }
        // On the heap, as a single call is: each layer below would hold a copy on the stack.
        let run = Box::pin(self.until_one_ends(event_loop.connections(), calls));
        if deadline.is_some_and(|deadline| deadline <= system::now()) {
            event_loop.poll(run);
            return false;
        }
        matches!(event_loop.block_on(deadline, keep_going, run), RunResult::Interrupted)
    }

    /// Asks the observer if it was not asked recently: a run may be much shorter than the check interval.
    fn is_cancelled(&mut self, keep_going: &mut dyn FnMut() -> ControlFlow<()>) -> bool {
        let now = system::now();
        if self.last_asked.is_some_and(|last| now.duration_since(last) < KEEP_GOING_CHECK) {
            return false;
        }
        self.last_asked = Some(now);
        keep_going().is_break()
    }

    pub(super) async fn until_one_ends(&mut self, connections: &Connections, calls: &mut Calls) {
        loop {
            self.start(connections, calls);
            // Calls that completed together are returned together.
            while let Some(Some((card, result))) = calls.next().now_or_never() {
                self.take(card, result);
            }
            self.review(calls.is_empty());
            if self.cards.is_ready() {
                return;
            }
            let waits = matches!(self.reservation, Some(MaybeDone::Future(_)));
            if !waits && !self.waiting.is_empty() && !self.breaker.is_open() && calls.len() < self.concurrency
            {
                // A completed call has freed a place.
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
                if self.cards.is_ready() {
                    return;
                }
            }
        }
    }

    /// When to wake up before a call completes or the next permit is granted.
    fn wakes_at(&self, is_idle: bool) -> Option<Instant> {
        let probe = self.breaker.probe_at().filter(|_| self.may_probe(is_idle))?;
        let (now, check) = (system::now(), system::now() + STOP_CHECK);
        // If the probe is due already, it waits for its permit.
        Some(if probe > now { probe.min(check) } else { check })
    }

    /// Starts the calls whose permits are granted.
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
                let of_its_own =
                    (!card.job.request().is_idempotent()).then(|| connections.connecting.clone());
                let eid = card.job.refreshes().cloned();
                maybe_done(Box::pin(client.clone().reserve(eid, gate.clone(), of_its_own)))
            });
            let _ = (&mut reservation).now_or_never();
            let reservation = match Pin::new(&mut reservation).take_output() {
                None => {
                    self.reservation = Some(reservation);
                    return;
                }
                // The only connection that acquiring a permit may need is to Redis.
                Some(Err(error)) if error.kind() == ErrorKind::Connect => {
                    self.hold_for_permits(error);
                    continue;
                }
                Some(Ok(reservation)) => {
                    if let Some(after) = self.breaker.permitted(system::now()) {
                        self.notify(&Notice::Resumed { after, what: LIMITER });
                    }
                    if reservation.is_stale() {
                        continue;
                    }
                    reservation
                }
                Some(Err(error)) => {
                    if let Some(card) = self.waiting.pop_front() {
                        self.refuse(card, error);
                    }
                    continue;
                }
            };
            if let Some(card) = self.waiting.pop_front() {
                self.breaker.probe();
                self.cards.send(&card.job);
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
        let (client, observer, active_timeout, gate, cancel) = (
            self.client.clone(),
            self.observer.clone(),
            self.active_timeout.clone(),
            self.gate.clone(),
            self.cancel.clone(),
        );
        async move {
            let on_attempt = |attempt: &Attempt<'_>| locked(&observer).attempt(attempt);
            let start = (reservation, gate, card.history);
            let timed_out = active_timeout.passed(client.config().timeout);
            let request = card.job.request();
            let call =
                client.call_reserved(&connections, request, start, &on_attempt, timed_out, cancel.wait());
            let result = call.await;
            (card, result)
        }
    }

    /// In a forked child: the calls belong to the parent, so every card is returned with an error.
    fn leave_to_parent(&mut self) {
        self.leak_running();
        for job in self.cards.in_flight() {
            let error = job.named(Error::new(ErrorKind::Cancelled, IN_CHILD));
            // The parent has sent it.
            self.cards.finish(&job, Err(error.with_delivered(Delivered::Unknown)), false);
        }
        self.end_with(Stopped::InChild);
    }

    /// Leaks the parent's sockets and reservation: dropping them would close or release them.
    pub(super) fn leak_running(&mut self) {
        std::mem::forget(self.reservation.take());
        std::mem::forget(self.running.take());
    }
}

/// Waits until a call completes, which is returned, until the reservation resolves, or until the timer fires.
async fn next_event(
    calls: &mut Calls,
    reservation: Option<&mut MaybeDone<ReservationFuture>>,
    timer: Option<Instant>,
) -> Option<(Card, Result<Reply, Error>)> {
    let next = pin!(or_never((!calls.is_empty()).then(|| calls.next())));
    let reservation = pin!(or_never(reservation));
    let timer = pin!(or_never(timer.map(system::sleep_until)));
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
