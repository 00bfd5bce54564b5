//! Batches: a stream of EIDs in, results in order of completion out.

use crate::circuit_breaker::{CircuitBreaker, Signal, Trip};
use crate::client::{Client, Gate, Turn, locked, outside_of_any_runtime};
use crate::eid::Eid;
use crate::error::{Delivered, Error, ErrorKind};
use crate::lane::{Connections, Driven, KEEP_GOING_CHECK, Lane};
use crate::observer::{Attempt, Notice, Observer};
use crate::outcome::Outcome;
use crate::progress::History;
use crate::recent::Recent;
use crate::reply::Reply;
use crate::standstill::Standstill;
use crate::summary::Summary;
use futures_util::FutureExt;
use futures_util::future::{Either, MaybeDone, maybe_done, pending, select};
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::collections::VecDeque;
use std::future::Future;
use std::ops::ControlFlow;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// The maximum concurrency of a batch.
const MOST_CONCURRENCY: usize = 1024;

/// A card that fails this often because the platform cannot be reached, while it answers others in between, fails for good.
const MAX_STRIKES: u32 = 3;

/// The same of a card that was sent and got no answer: each time may have taken its whole timeout.
const MAX_STRIKES_WITHOUT_ANSWER: u32 = 2;

/// How often a batch that holds its cards back looks whether it should stop.
const STOP_CHECK: Duration = Duration::from_millis(250);

/// Refreshes many cards, with many calls in flight on the thread that calls [`Batch::next`]; created by [`Client::batch`].
///
/// Push EIDs while there [is room](Batch::has_room), take the next outcome, repeat. Memory use depends on the concurrency, not on
/// the number of cards. Each card is handled like a single call, including retries and rate limit; its timeout starts when the
/// rate limiter admits it, since in a long batch most of the time is spent waiting for that.
///
/// Calls make progress only while `next` runs; the time in between does not count towards their timeout. Still, process outcomes
/// quickly or hand them on: the platform may close the connections.
///
/// A batch that cannot succeed stops itself: after [`max_auth_failures`](crate::Config::max_auth_failures) consecutive
/// authentication failures, or when the platform was unreachable for [`outage_timeout`](crate::Config::outage_timeout). All
/// remaining cards come back unsent, with an error that says why. During an outage it holds its cards back, and resumes when the
/// platform responds again; a card that failed during the outage is called again.
///
/// ```no_run
/// # let client = eiot::Client::new(eiot::Config::new("my-appkey", "my-secret"))?;
/// let mut eids = ["89044011112233441122334411223321", "89001012012341234012345678901224"].iter();
/// let mut batch = client.batch(32, Box::new(()))?;
/// loop {
///     while batch.has_room() {
///         let Some(eid) = eids.next() else { break };
///         batch.push(eid);
///     }
///     let Some(outcome) = batch.next() else { break };
///     println!("{}: {:?}", outcome.eid, outcome.result);
/// }
/// # Ok::<(), eiot::Error>(())
/// ```
pub struct Batch {
    client: Client,
    /// The process that made it: a forked child inherits the sockets, and must leave them alone.
    pid: u32,
    /// `None` only while it is driven or dropped.
    engine: Option<Engine>,
    concurrency: usize,
    /// Cards that wait for their turn, the next one first.
    waiting: VecDeque<Card>,
    /// Cards that failed in what may be an outage.
    held: VecDeque<Card>,
    breaker: CircuitBreaker,
    /// Why no more cards are sent.
    stopped: Option<Stopped>,
    /// The caller has stopped it, which it may do after the batch has stopped by itself.
    takes_no_more: bool,
    /// The turn of the card at the front: it waits for it, or has it.
    turn: Option<MaybeDone<TurnFuture>>,
    gate: Arc<Gate>,
    /// What came back and was not fetched yet.
    ended: VecDeque<Outcome>,
    recent: Recent,
    observer: Arc<Mutex<Box<dyn Observer>>>,
    /// Stops when this is true.
    stop: Arc<AtomicBool>,
    /// When the observer was last asked whether to continue.
    asked: Option<Instant>,
    cancel: watch::Sender<bool>,
    standstill: Standstill,
    /// When it was last driven.
    driven: Option<Instant>,
    summary: Summary,
}

/// A card on its way through a batch.
struct Card {
    eid: Eid,
    history: History,
    /// How often it failed because the platform could not be reached, although that answered others.
    strikes: u32,
    /// How it failed last.
    failure: Option<Error>,
}

/// Why a batch sends no more.
enum Stopped {
    ByCaller,
    ByItself(Trip),
}

/// What must be left alone after a fork.
struct Engine {
    lane: Lane,
    calls: Calls,
}

type Calls = FuturesUnordered<Pin<Box<dyn Future<Output = (Card, Result<Reply, Error>)> + Send>>>;

type TurnFuture = Pin<Box<dyn Future<Output = Result<Turn, Error>> + Send>>;

impl Client {
    /// Creates a batch with at most `concurrency` calls in flight, 1 to 1024. Sends nothing. The rate limit applies as for single
    /// calls, except that a batch always waits for its permits, even if `rate_wait` is off.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for another concurrency; [`ErrorKind::Connect`] if the event loop could not be created.
    pub fn batch(&self, concurrency: usize, observer: Box<dyn Observer>) -> Result<Batch, Error> {
        if !(1..=MOST_CONCURRENCY).contains(&concurrency) {
            return Err(Error::invalid_argument(format!(
                "concurrency must be from 1 to {MOST_CONCURRENCY}, not {concurrency}"
            )));
        }
        let observer = Arc::new(Mutex::new(observer));
        Ok(Batch {
            pid: std::process::id(),
            engine: Some(Engine { lane: self.open_lane()?, calls: FuturesUnordered::new() }),
            client: self.clone(),
            concurrency,
            waiting: VecDeque::new(),
            held: VecDeque::new(),
            breaker: CircuitBreaker::new(self.config().max_auth_failures, self.config().outage_timeout),
            stopped: None,
            takes_no_more: false,
            turn: None,
            gate: Arc::new(Gate::new(observer.clone())),
            ended: VecDeque::new(),
            recent: Recent::new(),
            observer,
            stop: Arc::default(),
            asked: None,
            cancel: watch::Sender::new(false),
            standstill: Standstill::default(),
            driven: None,
            summary: Summary::default(),
        })
    }
}

impl Batch {
    /// Whether the batch can take another EID now. You can push more, but they wait in memory. `false` after the caller has
    /// stopped the batch.
    pub fn has_room(&self) -> bool {
        !self.takes_no_more && self.pending() < self.concurrency
    }

    /// How many cards were pushed and have not come back.
    pub fn pending(&self) -> usize {
        let under_way = self.engine.as_ref().map_or(0, |engine| engine.calls.len());
        self.waiting.len() + self.held.len() + self.ended.len() + under_way
    }

    /// Whether something has come back already, so that [`Batch::next`] does not wait.
    pub fn is_ready(&self) -> bool {
        !self.ended.is_empty()
    }

    /// The counts so far.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Why the batch has stopped itself: authentication failed, or the platform was unreachable. `None` if it has not.
    pub fn stop_reason(&self) -> Option<&str> {
        match &self.stopped {
            Some(Stopped::ByItself(trip)) => Some(trip.reason()),
            _ => None,
        }
    }

    /// Adds a card. A duplicate of one of the last 8,192 is counted and skipped; a malformed EID comes back as a failure, and so
    /// does every card after the batch has stopped.
    pub fn push(&mut self, eid: impl AsRef<[u8]>) {
        self.summary.submitted += 1;
        match self.client.eid(eid) {
            Ok(eid) if self.recent.note(&eid) => {
                let card = Card { eid, history: History::default(), strikes: 0, failure: None };
                match self.stopped {
                    None => self.waiting.push_back(card),
                    Some(_) => self.give_back(card),
                }
            }
            Ok(_) => self.summary.duplicates += 1,
            Err(error) => self.ended.push_back(Outcome::refused(error)),
        }
    }

    /// Waits for the next outcome, in order of completion; `None` when all cards that were pushed have come back.
    ///
    /// Blocks as long as the rate limit requires plus the client's `timeout`, and up to `outage_timeout` longer in an outage.
    #[allow(clippy::should_implement_trait, reason = "more can be pushed after it was None")]
    pub fn next(&mut self) -> Option<Outcome> {
        if self.ended.is_empty() && self.pending() > 0 {
            outside_of_any_runtime(|| self.drive());
        }
        let outcome = self.ended.pop_front()?;
        self.summary.count(&outcome);
        Some(outcome)
    }

    /// Stops sending. Cards that are waiting, and all that are pushed later, come back as [cancelled](ErrorKind::Cancelled),
    /// unsent; calls in flight complete.
    pub fn stop(&mut self) {
        self.takes_no_more = true;
        self.end_with(Stopped::ByCaller);
    }

    /// Like [`Batch::stop`], as soon as the flag becomes true, which another thread or a signal handler may set; it is checked
    /// before each card is sent.
    pub fn stop_when(&mut self, flag: Arc<AtomicBool>) {
        self.stop = flag;
    }

    /// Cancels everything: like [`Batch::stop`], and calls in flight come back as cancelled too. Their `delivered` says whether the
    /// platform may have acted.
    pub fn cancel(&mut self) {
        self.stop();
        self.cancel.send_replace(true);
    }

    /// Sends no more, for the first reason that is given.
    fn end_with(&mut self, why: Stopped) {
        // Dropping it gives it back.
        self.turn = None;
        if let Stopped::ByItself(trip) = &why {
            self.tell(&Notice::Stopped { reason: trip.reason() });
        }
        self.stopped.get_or_insert(why);
        for card in std::mem::take(&mut self.held).into_iter().chain(std::mem::take(&mut self.waiting)) {
            self.give_back(card);
        }
    }

    /// A card that will not be sent any more comes back: as it failed before, or as one that was not sent.
    fn give_back(&mut self, card: Card) {
        let eid = card.eid.as_str();
        let (error, unsent) = match (card.failure, &self.stopped) {
            (Some(failure), _) => (failure, false),
            (None, Some(Stopped::ByItself(trip))) => (trip.error(eid), true),
            (None, _) => {
                let error = Error::new(ErrorKind::Cancelled, "cancelled by the caller; nothing was sent");
                (error.with_eid(eid), true)
            }
        };
        self.ended.push_back(Outcome { unsent, ..Outcome::refused(error) });
    }

    fn tell(&self, notice: &Notice<'_>) {
        locked(&self.observer).notice(notice);
    }

    /// Runs the calls until one has ended, or the observer wants to stop.
    fn drive(&mut self) {
        if self.pid != std::process::id() {
            return self.leave_to_the_parent();
        }
        self.client.shared.tell_warnings(|notice| self.tell(notice));
        // Taken out for the drive, so that they can be borrowed apart from the rest.
        let Some(Engine { lane, mut calls }) = self.engine.take() else { return };
        if let Some(driven) = self.driven {
            self.standstill.add(driven.elapsed());
        }
        let observer = self.observer.clone();
        let mut keep_going = || locked(&observer).keep_going();
        let interrupted = self.is_unwanted(&mut keep_going)
            || matches!(
                lane.drive(None, &mut keep_going, self.until_one_ends(lane.connections(), &mut calls)),
                Driven::Interrupted
            );
        if interrupted {
            self.cancel();
            // Whatever the observer says now, the calls come to their end, which is near.
            let mut to_the_end = || ControlFlow::Continue(());
            lane.drive(None, &mut to_the_end, self.until_one_ends(lane.connections(), &mut calls));
        }
        self.engine = Some(Engine { lane, calls });
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
            let waits = matches!(self.turn, Some(MaybeDone::Future(_)));
            if !waits && !self.waiting.is_empty() && !self.breaker.is_open() && calls.len() < self.concurrency
            {
                // What has ended has made room.
                continue;
            }
            let timer = self.wakes_at(calls.is_empty());
            let turn = self.turn.as_mut().filter(|turn| matches!(turn, MaybeDone::Future(_)));
            if calls.is_empty() && turn.is_none() && timer.is_none() {
                return;
            }
            let ended = next_event(calls, turn, timer).await;
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
        // In an outage, calls in flight complete first.
        let probe = self.breaker.probe_at().filter(|_| is_idle && self.breaker.is_open())?;
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
            let mut turn = self.turn.take().unwrap_or_else(|| {
                maybe_done(Box::pin(client.clone().take_turn(card.eid.clone(), gate.clone())))
            });
            let _ = (&mut turn).now_or_never();
            let turn = match Pin::new(&mut turn).take_output() {
                None => {
                    self.turn = Some(turn);
                    return;
                }
                Some(Ok(turn)) if turn.permit.is_stale() => continue,
                Some(Ok(turn)) => turn,
                Some(Err(error)) => {
                    self.ended.push_back(Outcome::refused(error.with_eid(card.eid.as_str())));
                    self.waiting.pop_front();
                    continue;
                }
            };
            if let Some(card) = self.waiting.pop_front() {
                self.breaker.probe();
                calls.push(Box::pin(self.call(connections.clone(), card, turn)));
            }
        }
    }

    /// Whether a probe may be sent now; the card at the front is the one to send.
    fn is_time_to_probe(&mut self, is_idle: bool) -> bool {
        if !is_idle || self.breaker.probe_at().is_none_or(|probe_at| probe_at > Instant::now()) {
            return false;
        }
        // Cards that have failed and cards that were not tried yet take turns: a card may fail for its own sake.
        let fresh_next = self
            .waiting
            .front()
            .is_some_and(|card| card.failure.is_none() && self.breaker.is_turn_of_fresh());
        if self.turn.is_none() && !fresh_next {
            if let Some(card) = self.held.pop_front() {
                self.waiting.push_front(card);
            }
        }
        true
    }

    fn call(
        &self,
        connections: Connections,
        card: Card,
        turn: Turn,
    ) -> impl Future<Output = (Card, Result<Reply, Error>)> + Send + use<> {
        let (client, observer, standstill, gate, mut cancel) = (
            self.client.clone(),
            self.observer.clone(),
            self.standstill.clone(),
            self.gate.clone(),
            self.cancel.subscribe(),
        );
        async move {
            let tell = |attempt: &Attempt<'_>| locked(&observer).attempt(attempt);
            // The sender lives as long as the batch, and the batch longer than the call.
            let cancelled = async { drop(cancel.wait_for(|cancelled| *cancelled).await) };
            let start = (turn, gate, card.history);
            let call = client.call_among_many(&connections, &card.eid, start, &tell, standstill, cancelled);
            let result = call.await;
            (card, result)
        }
    }

    /// Takes the outcome of a card: it comes back, or is held because this may be an outage.
    fn take(&mut self, mut card: Card, result: Result<Reply, Error>) {
        let (signal, now) = (Signal::of(&result), Instant::now());
        let error = match result {
            Err(error) if self.stopped.is_none() && self.breaker.holds(signal) => error,
            result => {
                match signal {
                    Signal::Answer => self.answered(now),
                    _ => drop(self.breaker.end_probe(now)),
                }
                let trip = self.breaker.check_account(&result);
                let eid = card.eid.as_str().to_owned();
                self.ended.push_back(Outcome { eid, result, unsent: false });
                if let Some(trip) = trip.filter(|_| self.stopped.is_none()) {
                    self.end_with(Stopped::ByItself(trip));
                }
                return;
            }
        };
        // The error counts in what was before it.
        card.history = History { attempts: error.attempts(), delivered: Some(error.delivered()) };
        self.breaker.unanswered();
        if self.breaker.end_probe(now) && !self.breaker.is_time_up() {
            self.tell_holding(&error, now);
        }
        card.failure = Some(error);
        self.held.push_back(card);
    }

    /// The platform has answered: cards that were kept back are tried again.
    fn answered(&mut self, now: Instant) {
        let outage = self.breaker.answered(now);
        if let Some(after) = outage {
            self.tell(&Notice::Resumed { after });
            self.turn = None;
        }
        for mut card in std::mem::take(&mut self.held).into_iter().rev() {
            card.strikes += 1;
            if card.strikes >= card.max_strikes() {
                self.give_back(card);
            } else if outage.is_some() {
                self.waiting.push_front(card);
            } else {
                self.waiting.push_back(card);
            }
        }
    }

    /// Opens the circuit when there is an outage, and gives up when that has lasted too long.
    fn review(&mut self, is_idle: bool) {
        let now = Instant::now();
        if self.breaker.is_time_up() && is_idle {
            let last = self.held.back().and_then(|card| card.failure.as_ref());
            match self.breaker.give_up(now, last) {
                Some(trip) => self.end_with(Stopped::ByItself(trip)),
                None => self.end_held(),
            }
        }
        if self.held.is_empty() {
            return;
        }
        let few_left = is_idle && self.waiting.is_empty();
        // What gets no answer is not worth a wait where it is all that is left.
        let worth_a_wait = few_left && !self.held.iter().all(Card::has_no_answer);
        if self.breaker.open(now, worth_a_wait) {
            if let Some(error) = self.held.back().and_then(|card| card.failure.as_ref()) {
                self.tell_holding(error, now);
            }
        } else if few_left && !self.breaker.is_open() {
            self.end_held();
        }
    }

    /// Cards that were kept back come back as they failed.
    fn end_held(&mut self) {
        for card in std::mem::take(&mut self.held) {
            self.give_back(card);
        }
    }

    fn tell_holding(&self, failure: &Error, now: Instant) {
        let (next_probe, gives_up) = self.breaker.waits(now);
        self.tell(&Notice::Holding { failure, next_probe, gives_up });
    }

    /// In a forked child there is nothing to wait for: the calls are the parent's.
    fn leave_to_the_parent(&mut self) {
        self.waiting.clear();
        self.held.clear();
        std::mem::forget(self.turn.take());
        std::mem::forget(self.engine.take());
    }
}

/// Waits until a call ends, which it gives back, or until there is something else to do.
async fn next_event(
    calls: &mut Calls,
    turn: Option<&mut MaybeDone<TurnFuture>>,
    timer: Option<Instant>,
) -> Option<(Card, Result<Reply, Error>)> {
    let next = pin!(or_never((!calls.is_empty()).then(|| calls.next())));
    let turn = pin!(or_never(turn));
    let timer = pin!(or_never(timer.map(|time| tokio::time::sleep_until(time.into()))));
    match select(next, select(turn, timer)).await {
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

impl Card {
    fn max_strikes(&self) -> u32 {
        if self.has_no_answer() { MAX_STRIKES_WITHOUT_ANSWER } else { MAX_STRIKES }
    }

    /// The last call was at least partly sent, and got no answer.
    fn has_no_answer(&self) -> bool {
        self.failure.as_ref().is_some_and(|error| {
            matches!(error.kind(), ErrorKind::Timeout | ErrorKind::ConnectionLost)
                && error.delivered() != Delivered::No
        })
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        if self.pid != std::process::id() {
            self.leave_to_the_parent();
        }
    }
}
