//! Many cards: a stream of EIDs in, results as they finish.

use crate::client::{Client, Turn, locked, outside_of_any_runtime};
use crate::eid::Eid;
use crate::error::{Error, ErrorKind};
use crate::lane::{Connections, Driven, KEEP_GOING_CHECK, Lane};
use crate::observer::{Attempt, Observer};
use crate::recent::Recent;
use crate::reply::Reply;
use crate::standstill::Standstill;
use crate::summary::Summary;
use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::collections::VecDeque;
use std::future::Future;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tokio::sync::watch;

/// The most calls under way at once that a batch takes.
const MOST_CONCURRENCY: usize = 1024;

/// What became of one card of a batch.
#[derive(Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// The card's EID; as it was given, quoted and shortened, where it is none.
    pub eid: String,
    /// The platform's reply, or why there is none.
    pub result: Result<Reply, Error>,
}

/// Refreshes many cards, with many calls under way at once on the thread that calls [`Batch::next`]; made by
/// [`Client::batch`].
///
/// Push EIDs while there [is room](Batch::has_room), take what comes back, and again. Its memory depends on how many calls
/// may be under way, not on how many cards there are. Each card goes the way of a single call, retries and account rate
/// included; its time-out begins when its turn has come, since in a long batch most of the time is waiting for that.
///
/// Calls make progress while `next` runs, and stand still while it does not, which does not count as time towards their
/// time-out. Still, deal with an outcome quickly, or hand it on: the platform may lose its patience.
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
    waiting: VecDeque<Eid>,
    /// The turn of the card at the front, where it is settled.
    turn: Option<Turn>,
    /// What came back and was not fetched yet.
    ended: VecDeque<Outcome>,
    recent: Recent,
    observer: Arc<Mutex<Box<dyn Observer>>>,
    /// Stops when this is true.
    stop: Arc<AtomicBool>,
    /// When it was last asked whether to go on.
    asked: Option<Instant>,
    cancel: watch::Sender<bool>,
    standstill: Standstill,
    /// When it was last driven.
    driven: Option<Instant>,
    summary: Summary,
}

/// What must be left alone after a fork.
struct Engine {
    lane: Lane,
    calls: Calls,
}

type Calls = FuturesUnordered<Pin<Box<dyn Future<Output = Outcome> + Send>>>;

impl Client {
    /// Starts a batch with at most `concurrency` calls under way at once, 1 to 1024; nothing is sent yet. The account's
    /// rate holds as for single calls, except that a batch always waits for its turn (`rate_wait` off or not).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for another concurrency; [`ErrorKind::Connect`] when the system gives no event loop.
    pub fn batch(&self, concurrency: usize, observer: Box<dyn Observer>) -> Result<Batch, Error> {
        if !(1..=MOST_CONCURRENCY).contains(&concurrency) {
            return Err(Error::invalid_argument(format!(
                "concurrency must be from 1 to {MOST_CONCURRENCY}, is {concurrency}"
            )));
        }
        Ok(Batch {
            pid: std::process::id(),
            engine: Some(Engine { lane: self.open_lane()?, calls: FuturesUnordered::new() }),
            client: self.clone(),
            concurrency,
            waiting: VecDeque::new(),
            turn: None,
            ended: VecDeque::new(),
            recent: Recent::new(),
            observer: Arc::new(Mutex::new(observer)),
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
    /// Is there room for another EID? More can be pushed all the same; they wait in memory.
    pub fn has_room(&self) -> bool {
        self.pending() < self.concurrency
    }

    /// How many cards were pushed and have not come back.
    pub fn pending(&self) -> usize {
        self.waiting.len() + self.ended.len() + self.engine.as_ref().map_or(0, |engine| engine.calls.len())
    }

    /// Whether something has come back already, so that [`Batch::next`] does not wait.
    pub fn is_ready(&self) -> bool {
        !self.ended.is_empty()
    }

    /// What has come back so far, counted.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Takes a card. One that came among the last 8,192 is left out and only counted; what is no EID comes back as a
    /// failure.
    pub fn push(&mut self, eid: impl AsRef<[u8]>) {
        self.summary.given += 1;
        match self.client.eid(eid) {
            Ok(eid) if self.recent.note(&eid) => self.waiting.push_back(eid),
            Ok(_) => self.summary.duplicates += 1,
            Err(error) => self.ended.push_back(Outcome::refused(error)),
        }
    }

    /// Waits until one card comes back, whichever is first; `None` when all that were pushed have.
    ///
    /// Blocks for as long as the account's rate asks for, plus the client's `timeout`.
    #[allow(clippy::should_implement_trait, reason = "more can be pushed after it was None")]
    pub fn next(&mut self) -> Option<Outcome> {
        if self.ended.is_empty() && self.pending() > 0 {
            outside_of_any_runtime(|| self.drive());
        }
        let outcome = self.ended.pop_front()?;
        self.summary.count(&outcome);
        Some(outcome)
    }

    /// Sends no more: cards that wait for their turn come back as [cancelled](ErrorKind::Cancelled), with nothing sent;
    /// calls that are under way end as they end.
    pub fn stop(&mut self) {
        if let (Some(turn), Some(eid)) = (self.turn.take(), self.waiting.front()) {
            self.client.give_turn_back(eid, turn);
        }
        for eid in std::mem::take(&mut self.waiting) {
            let error = Error::new(ErrorKind::Cancelled, "cancelled by the caller; nothing was sent");
            self.ended.push_back(Outcome::refused(error.with_eid(eid.as_str())));
        }
    }

    /// As [`Batch::stop`], as soon as the flag is true, which another thread or a signal handler may make it; it is looked at
    /// before each card is sent.
    pub fn stop_when(&mut self, flag: Arc<AtomicBool>) {
        self.stop = flag;
    }

    /// Breaks all off: as [`Batch::stop`], and calls that are under way come back as cancelled too. Their `delivered` says
    /// whether the platform may have acted.
    pub fn cancel(&mut self) {
        self.stop();
        self.cancel.send_replace(true);
    }

    /// Runs the calls until one has ended, or the observer wants to stop.
    fn drive(&mut self) {
        if self.pid != std::process::id() {
            return self.leave_to_the_parent();
        }
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
            while let Some(Some(outcome)) = calls.next().now_or_never() {
                self.ended.push_back(outcome);
            }
            if !self.ended.is_empty() {
                return;
            }
            let slot = self.turn.map(|turn| turn.slot.into());
            match (slot, calls.is_empty()) {
                (None, true) => return,
                (None, false) => self.ended.extend(calls.next().await),
                (Some(slot), true) => tokio::time::sleep_until(slot).await,
                (Some(slot), false) => {
                    self.ended.extend(tokio::time::timeout_at(slot, calls.next()).await.ok().flatten());
                }
            }
        }
    }

    /// Starts the calls whose turn has come.
    fn start(&mut self, connections: &Connections, calls: &mut Calls) {
        if self.stop.load(Ordering::Relaxed) {
            self.stop();
        }
        while calls.len() < self.concurrency {
            let Some(eid) = self.waiting.front() else { return };
            let turn = match self.turn.map_or_else(|| self.client.take_turn(eid), Ok) {
                Ok(turn) => turn,
                Err(error) => {
                    self.ended.push_back(Outcome::refused(error.with_eid(eid.as_str())));
                    self.waiting.pop_front();
                    continue;
                }
            };
            if turn.slot > Instant::now() {
                self.turn = Some(turn);
                return;
            }
            self.turn = None;
            if let Some(eid) = self.waiting.pop_front() {
                calls.push(Box::pin(self.call(connections.clone(), eid, turn)));
            }
        }
    }

    fn call(
        &self,
        connections: Connections,
        eid: Eid,
        turn: Turn,
    ) -> impl Future<Output = Outcome> + Send + use<> {
        let (client, observer, standstill, mut cancel) =
            (self.client.clone(), self.observer.clone(), self.standstill.clone(), self.cancel.subscribe());
        async move {
            let tell = |attempt: &Attempt<'_>| locked(&observer).attempt(attempt);
            // The sender lives as long as the batch, and the batch longer than the call.
            let cancelled = async { drop(cancel.wait_for(|cancelled| *cancelled).await) };
            let result = client.call_among_many(&connections, &eid, turn, &tell, standstill, cancelled).await;
            Outcome { eid: eid.as_str().to_owned(), result }
        }
    }

    /// In a forked child there is nothing to wait for: the calls are the parent's.
    fn leave_to_the_parent(&mut self) {
        self.waiting.clear();
        std::mem::forget(self.engine.take());
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        if self.pid != std::process::id() {
            self.leave_to_the_parent();
        }
    }
}

impl Outcome {
    /// An outcome that no batch made, such as that of a line that cannot even be pushed.
    pub fn new(eid: impl Into<String>, result: Result<Reply, Error>) -> Self {
        Self { eid: eid.into(), result }
    }

    /// A card that was not sent.
    pub(crate) fn refused(error: Error) -> Self {
        Self { eid: error.eid().unwrap_or_default().to_owned(), result: Err(error) }
    }
}
