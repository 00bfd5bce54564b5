//! Batches: a stream of EIDs in, results in order of completion out.

mod active_timeout;
mod cards;
mod circuit_breaker;
mod holding;
mod job;
mod outcome;
mod recent;
mod run_loop;
mod signal;
mod started;
mod summary;

pub(crate) use active_timeout::ActiveTimeout;
pub use outcome::Outcome;
pub use started::{OnOutcome, StartedBatch};
pub use summary::Summary;

use crate::client::{Client, Gate, History, Latch, Reservation, outside_of_any_runtime};
use crate::error::{Error, ErrorKind};
use crate::locked::locked;
use crate::observer::{Notice, Observer};
use crate::protocol::{Call, REFRESH_USAGE, Reply};
use crate::system;
use crate::transport::EventLoop;
use cards::{Cards, Pushed};
use circuit_breaker::{CircuitBreaker, Trip};
use futures_util::future::MaybeDone;
use futures_util::stream::FuturesUnordered;
use job::Job;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The maximum concurrency of a batch.
const MAX_CONCURRENCY: usize = 1024;

/// The error of all cards in a forked child.
const IN_CHILD: &str =
    "a forked child cannot run its parent's batch; make another one here. Nothing was sent from here";

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
/// authentication failures, or when the platform, or the Redis that shares the rate, was unreachable for
/// [`outage_timeout`](crate::Config::outage_timeout). All remaining cards come back unsent, with an error that says why. During an
/// outage it holds its cards back, and resumes when the platform responds again; a card that failed during the outage is called
/// again.
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
    /// The process that created the batch: a forked child inherits its sockets and must not touch them.
    pid: u32,
    /// `None` while it runs or is dropped, and of a started batch.
    running: Option<Running>,
    concurrency: usize,
    /// Cards that wait for a permit, in order.
    waiting: VecDeque<Card>,
    /// Cards that failed in a possible outage.
    held: VecDeque<Card>,
    breaker: CircuitBreaker,
    /// The last error of the limiter.
    no_permit: Option<Error>,
    /// Why no more cards are sent.
    stopped: Option<Stopped>,
    /// The caller has stopped the batch, possibly after it stopped by itself.
    takes_no_more: bool,
    /// The reservation of the card at the front: pending or granted.
    reservation: Option<MaybeDone<ReservationFuture>>,
    gate: Arc<Gate>,
    cards: Cards,
    observer: Arc<Mutex<Box<dyn Observer>>>,
    /// Stops the batch when it becomes true.
    stop: Arc<AtomicBool>,
    /// When the observer was last asked whether to continue.
    last_asked: Option<Instant>,
    cancel: Arc<Latch>,
    active_timeout: ActiveTimeout,
    /// When the batch last ran.
    last_run: Option<Instant>,
    /// The caller polls: the last run ended without an outcome, because its time was up.
    is_polled: bool,
    summary: Summary,
}

/// A card in a batch.
struct Card {
    job: Job,
    history: History,
    /// How often it failed as if the platform were unreachable, while the platform answered other cards.
    strikes: u32,
    /// Its last failure.
    failure: Option<Error>,
}

/// Why a batch has stopped sending.
enum Stopped {
    ByCaller,
    /// The process is a forked child of the one that created the batch.
    InChild,
    ByItself(Trip),
}

/// What a forked child must not touch.
struct Running {
    event_loop: EventLoop,
    calls: Calls,
}

type Calls = FuturesUnordered<Pin<Box<dyn Future<Output = (Card, Result<Reply, Error>)> + Send>>>;

type ReservationFuture = Pin<Box<dyn Future<Output = Result<Reservation, Error>> + Send>>;

impl Client {
    /// Creates a batch with at most `concurrency` calls in flight, 1 to 1024. Sends nothing. The rate limit applies as for single
    /// calls, except that a batch always waits for its permits, even if `rate_wait` is off.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for another concurrency; [`ErrorKind::Connect`] if the event loop could not be created.
    pub fn batch(&self, concurrency: usize, observer: Box<dyn Observer>) -> Result<Batch, Error> {
        let mut batch = self.batch_without_event_loop(concurrency, observer)?;
        batch.running = Some(Running { event_loop: self.open_event_loop()?, calls: FuturesUnordered::new() });
        Ok(batch)
    }

    fn batch_without_event_loop(
        &self,
        concurrency: usize,
        observer: Box<dyn Observer>,
    ) -> Result<Batch, Error> {
        if !(1..=MAX_CONCURRENCY).contains(&concurrency) {
            return Err(Error::invalid_argument(format!(
                "concurrency must be from 1 to {MAX_CONCURRENCY}, not {concurrency}"
            )));
        }
        let observer = Arc::new(Mutex::new(observer));
        Ok(Batch {
            pid: system::process_id(),
            running: None,
            client: self.clone(),
            concurrency,
            waiting: VecDeque::new(),
            held: VecDeque::new(),
            breaker: CircuitBreaker::new(self.config().max_auth_failures, self.config().outage_timeout),
            no_permit: None,
            stopped: None,
            takes_no_more: false,
            reservation: None,
            gate: Arc::new(Gate::new(observer.clone())),
            cards: Cards::new(),
            observer,
            stop: Arc::default(),
            last_asked: None,
            cancel: Arc::default(),
            active_timeout: ActiveTimeout::default(),
            last_run: None,
            is_polled: false,
            summary: Summary::default(),
        })
    }
}

impl Batch {
    /// Whether the batch can take another EID now. You can push more, but they wait in memory. `false` after the caller has
    /// stopped the batch.
    pub fn has_room(&self) -> bool {
        !self.takes_no_more && self.cards.has_room(self.concurrency)
    }

    /// How many cards were pushed and have not come back, including duplicates.
    pub fn pending(&self) -> usize {
        self.cards.len()
    }

    /// How many calls are in flight.
    pub fn in_flight(&self) -> usize {
        self.running.as_ref().map_or(0, |running| running.calls.len())
    }

    /// Whether something has come back already, so that [`Batch::next`] does not wait.
    pub fn is_ready(&self) -> bool {
        self.cards.is_ready()
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

    /// Like [`Batch::push_tagged`]; the tag is the number of cards that were pushed before.
    pub fn push(&mut self, eid: impl AsRef<[u8]>) {
        self.push_tagged(eid, self.summary.submitted);
    }

    /// Adds a card, with a tag of the caller's choice that comes back with its [`Outcome`]. Every card comes back exactly once.
    ///
    /// A duplicate of a card that is in the batch, or of one of the last 8,192 that came back within the last 15 minutes, comes back
    /// with the outcome of the first, and nothing is sent for it. A malformed EID comes back as a failure, and so does every card after the batch has
    /// stopped.
    pub fn push_tagged(&mut self, eid: impl AsRef<[u8]>, tag: u64) {
        self.summary.submitted += 1;
        let input = eid.as_ref();
        let pushed = Pushed { tag, given: String::from_utf8_lossy(input).into_owned() };
        let eid = match self.client.eid(input) {
            Ok(eid) => eid,
            Err(error) => {
                let error = self.report_refusal(REFRESH_USAGE, &pushed.given, error);
                return self.cards.refuse(pushed, error);
            }
        };
        self.add(Job::Refresh(eid), pushed);
    }

    /// Adds another call than the refresh, with a tag. It comes back like a card: its outcome has the EID of the call's parameters,
    /// or none, and the summary counts it like a refresh. Calls are never duplicates, and have no cooldown.
    ///
    /// A call that is not idempotent is made at most once, also in an outage, unless nothing of it was sent.
    pub fn push_call(&mut self, call: Call, tag: u64) {
        let serial = self.summary.submitted;
        self.summary.submitted += 1;
        let given = call.eid().unwrap_or_default().to_owned();
        self.add(Job::Call { call: Arc::new(call), serial }, Pushed { tag, given });
    }

    fn add(&mut self, job: Job, pushed: Pushed) {
        if !self.cards.add(&job, pushed) {
            return;
        }
        let card = Card { job, history: History::default(), strikes: 0, failure: None };
        match self.stopped {
            None => self.waiting.push_back(card),
            Some(_) => self.give_back(card),
        }
    }

    /// Waits for the next outcome, in order of completion; `None` when all cards that were pushed have come back.
    ///
    /// Blocks as long as the rate limit requires plus the client's `timeout`, and up to `outage_timeout` longer in an outage.
    #[allow(clippy::should_implement_trait, reason = "more can be pushed after it was None")]
    pub fn next(&mut self) -> Option<Outcome> {
        self.next_until(None)
    }

    /// Like [`Batch::next`], but waits for at most `limit`. With zero it does not wait: it sends and receives what is possible at
    /// once. `None` if no card has come back within the limit, or if all have; [`Batch::pending`] tells which.
    ///
    /// Calls make progress only during these calls, so call it again soon, at least every 100 ms: a pause of up to a second counts
    /// towards the timeout of a card.
    pub fn next_timeout(&mut self, limit: Duration) -> Option<Outcome> {
        // A limit that no clock can represent is none.
        self.next_until(system::now().checked_add(limit))
    }

    fn next_until(&mut self, deadline: Option<Instant>) -> Option<Outcome> {
        if !self.cards.is_ready() && self.pending() > 0 {
            outside_of_any_runtime(|| self.run(deadline));
        }
        self.take_ready()
    }

    /// The next outcome that has come back already.
    fn take_ready(&mut self) -> Option<Outcome> {
        let outcome = self.cards.take()?;
        self.summary.count(&outcome);
        Some(outcome)
    }

    /// Stops sending. Cards that are waiting, and all that are pushed later, come back as [cancelled](ErrorKind::Cancelled),
    /// unsent; calls in flight complete, and those that wait for another attempt end with their last failure.
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
        self.cancel.set();
    }

    /// Stops sending. The first reason is kept.
    fn end_with(&mut self, why: Stopped) {
        // Dropping the reservation releases it.
        self.reservation = None;
        if let Stopped::ByCaller = &why {
            self.gate.stop();
        }
        if let Stopped::ByItself(trip) = &why {
            self.notify(&Notice::Stopped { reason: trip.reason() });
        }
        self.stopped.get_or_insert(why);
        for card in std::mem::take(&mut self.held).into_iter().chain(std::mem::take(&mut self.waiting)) {
            self.give_back(card);
        }
    }

    /// Returns a card that will not be sent again: with its last failure, or as unsent.
    fn give_back(&mut self, card: Card) {
        let (error, unsent) = match (card.failure, &self.stopped) {
            (Some(failure), _) => (failure, false),
            (None, Some(Stopped::ByItself(trip))) => (card.job.named(trip.error()), true),
            (None, stopped) => {
                let text = match stopped {
                    Some(Stopped::InChild) => IN_CHILD,
                    _ => "cancelled by the caller; nothing was sent",
                };
                (card.job.named(Error::new(ErrorKind::Cancelled, text)), true)
            }
        };
        self.cards.finish(&card.job, Err(error), unsent);
    }

    /// Counts and reports a card that is refused before it is sent.
    fn report_refusal(&self, path: &str, eid: &str, error: Error) -> Error {
        self.client.refuse(path, eid, error, |refusal| locked(&self.observer).attempt(refusal))
    }

    fn notify(&self, notice: &Notice<'_>) {
        locked(&self.observer).notice(notice);
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        if self.pid != system::process_id() {
            self.leak_running();
        }
    }
}
