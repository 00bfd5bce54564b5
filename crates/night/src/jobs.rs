//! The jobs: what runs in the processes, and the operator who starts them again.

use crate::engine::{Ended, nanoseconds};
use crate::ledger::Property;
use crate::platform::{APPKEY, Card, SECRET, eid};
use crate::story::{Happening, Plan, Program};
use crate::world::World;
use crate::world::host::Inside;
use eiot::{Attempt, Call, Client, Config, Delivered, Error, ErrorKind, Observer, Outcome, Reply};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, VecDeque};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Every so many cards, one is an order instead.
const ORDER_EVERY: u64 = 41;

/// The longest that one call may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A job: the cards of one process, over all its lives.
pub struct Job {
    world: Rc<World>,
    plan: Plan,
    index: usize,
    /// The process that runs it now.
    process: Cell<Option<u32>>,
    /// The cards that have no final outcome: what an operator keeps in a journal.
    open: RefCell<VecDeque<Card>>,
    /// Orders that the process which runs now has made and not had the outcome of. If it is killed, they are a matter for people.
    ordered: RefCell<BTreeSet<Card>>,
    /// Its process has ended by itself.
    is_finished: Cell<bool>,
}

/// Schedules the jobs of a night.
pub fn schedule(world: &Rc<World>) -> Vec<Rc<Job>> {
    let plans = &world.story.processes;
    let jobs: Vec<Rc<Job>> = plans
        .iter()
        .enumerate()
        .filter(|(_, plan)| !matches!(plan.program, Program::Command(..)))
        .map(|(index, plan)| {
            let cards = (0..world.story.cards).filter(|card| *card as usize % plans.len() == index);
            Rc::new(Job {
                world: world.clone(),
                plan: plan.clone(),
                index,
                process: Cell::new(None),
                open: RefCell::new(cards.collect()),
                ordered: RefCell::default(),
                is_finished: Cell::new(false),
            })
        })
        .collect();
    for job in &jobs {
        let starting = job.clone();
        world.engine.at(job.plan.starts, move |_| starting.start());
    }
    let of_process = |process| jobs.iter().find(|job| job.index == process).cloned();
    for (_, happening) in &world.story.happenings {
        match *happening {
            Happening::Kill { at, process, again } => {
                let Some(job) = of_process(process) else { continue };
                world.engine.at(at, move |_| job.kill(again));
            }
            Happening::Stop { at, process, length } => {
                let Some(job) = of_process(process) else { continue };
                world.engine.at(at, move |_| job.stop(length));
            }
            Happening::PowerFailure { at, node, again } => {
                for job in jobs.iter().filter(|job| job.plan.node == node).cloned() {
                    world.engine.at(at, move |_| job.kill(again));
                }
            }
            _ => {}
        }
    }
    jobs
}

impl Job {
    /// Whether its process has ended by itself.
    pub fn is_finished(&self) -> bool {
        self.is_finished.get()
    }

    /// How many cards have no final outcome.
    pub fn open(&self) -> usize {
        self.open.borrow().len()
    }

    fn start(self: Rc<Self>) {
        let (world, job) = (self.world.clone(), self.clone());
        let Some(node) = world.nodes.get(self.plan.node).cloned() else { return };
        let (engine, ending) = (world.engine.clone(), self.clone());
        let id = engine.start(
            |process| {
                let inside = Inside::new(world.clone(), node, process, Vec::new());
                world.add(&inside);
                inside
            },
            move |inside| job.run(&inside),
            move |_, ended| ending.ended(ended),
        );
        self.process.set(Some(id));
        world.note(&[20, u64::from(id)], || format!("process {id} starts (job {})", self.index));
    }

    fn ended(&self, ended: Ended) {
        let Some(id) = self.process.take() else { return };
        self.world.remove(id);
        self.is_finished.set(true);
        self.world.note(&[21, u64::from(id)], || format!("process {id} ends: {ended:?}"));
        if let Ended::Panicked(text) = ended {
            self.world.ledger.violated(Property::NoPanic, self.world.engine.now(), text);
        }
    }

    fn kill(self: Rc<Self>, again: Duration) {
        let Some(id) = self.process.take() else { return };
        self.world.note(&[22, u64::from(id)], || format!("process {id} is killed"));
        self.world.engine.kill(id);
        self.world.remove(id);
        let ordered = self.ordered.take();
        self.open.borrow_mut().retain(|card| !ordered.contains(card));
        let engine = self.world.engine.clone();
        engine.after(again, move |_| self.start());
    }

    fn stop(&self, length: Duration) {
        let Some(id) = self.process.get() else { return };
        self.world.note(&[23, u64::from(id)], || format!("process {id} is stopped"));
        self.world.engine.set_stopped(id, true);
        let world = self.world.clone();
        self.world.engine.after(length, move |engine| {
            world.note(&[24, u64::from(id)], || format!("process {id} is continued"));
            engine.set_stopped(id, false);
        });
    }

    fn client(&self) -> Result<Client, Error> {
        let mut config = Config::new(APPKEY, SECRET);
        config.timeout = TIMEOUT;
        config.connect_timeout = Duration::from_secs(5);
        if self.world.story.has_cooldown {
            config.eid_cooldown = Duration::from_secs(300);
        }
        // One certificate is quicker to read than all of the system's.
        config.ca_file = Some(PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src/ca.pem")));
        for (name, value) in self.world.rate_options(self.plan.node) {
            config.set(name, &value)?;
        }
        Client::new(config)
    }

    /// What the process does: it makes all calls, and those that failed again after a while.
    fn run(&self, inside: &Rc<Inside>) {
        let client = loop {
            match self.client() {
                Ok(client) => break client,
                Err(error) => {
                    self.world.note(&[25], || format!("process {} has no client: {error}", inside.id()));
                    // An operator tries again.
                    eiot::simulation::sleep(Duration::from_secs(30));
                }
            }
        };
        let watch = Watch { retries: Arc::default() };
        while self.open() > 0 {
            match self.plan.program {
                Program::Batch(concurrency) => self.batch(inside, &client, concurrency, &watch),
                Program::Single => self.single(inside, &client, &watch),
                // That is a matter of `command`.
                Program::Command(..) => return,
            }
            watch.check(&self.world);
            if self.open() > 0 {
                eiot::simulation::sleep(Duration::from_secs(60));
            }
        }
    }

    fn push(&self, batch: &mut eiot::Batch, inside: &Inside, card: Card) {
        self.world.ledger.pushed(inside.id(), card);
        if !is_order(card) {
            return batch.push_tagged(eid(card), card);
        }
        self.ordered.borrow_mut().insert(card);
        if let Some(call) = order(card) {
            batch.push_call(call, card);
        }
    }

    fn batch(&self, inside: &Rc<Inside>, client: &Client, concurrency: usize, watch: &Watch) {
        inside.concurrency.set(Some(concurrency));
        let Ok(mut batch) = client.batch(concurrency, Box::new(watch.clone())) else { return };
        let mut left: VecDeque<Card> = self.open.borrow().iter().copied().collect();
        let all = left.len();
        let mut came = 0;
        loop {
            while batch.has_room() {
                let Some(card) = left.pop_front() else { break };
                self.push(&mut batch, inside, card);
            }
            // If a few cards fail, a batch takes as many as it needs to tell whether it is an outage.
            if batch.pending() > concurrency.max(5) + 1 {
                let text = format!("{} cards are pending in a batch of {concurrency}", batch.pending());
                self.world.ledger.violated(Property::Memory, self.world.engine.now(), text);
            }
            let Some(Outcome { tag, result, .. }) = batch.next() else { break };
            came += 1;
            self.told(inside, tag, &result, watch);
        }
        if came != all {
            let text = format!("{came} outcomes of {all} cards");
            self.world.ledger.violated(Property::OneOutcome, self.world.engine.now(), text);
        }
    }

    fn single(&self, inside: &Rc<Inside>, client: &Client, watch: &Watch) {
        let cards: Vec<Card> = self.open.borrow().iter().copied().collect();
        for card in cards {
            self.world.ledger.pushed(inside.id(), card);
            let started = self.world.engine.now();
            if is_order(card) {
                self.ordered.borrow_mut().insert(card);
            }
            let result = match order(card).filter(|_| is_order(card)) {
                Some(call) => client.call_observed(&call, &mut watch.clone()),
                None => client.refresh_usage_observed(eid(card), &mut watch.clone()),
            };
            let took = Duration::from_nanos(self.world.engine.now() - started);
            let is_late = took > TIMEOUT + Duration::from_millis(100) && !self.may_be_stopped(started);
            if is_late {
                let text = format!("a call took {took:?}");
                self.world.ledger.violated(Property::Timeout, self.world.engine.now(), text);
            }
            self.told(inside, card, &result, watch);
            if self.world.story.has_cooldown && result.is_ok() && !is_order(card) && card % 5 == 3 {
                let again = client.refresh_usage(eid(card));
                if !again.as_ref().is_err_and(|error| error.kind() == ErrorKind::Cooldown) {
                    let text = format!("card {card} was refreshed a moment ago, and again: {again:?}");
                    self.world.ledger.violated(Property::Cooldown, self.world.engine.now(), text);
                }
            }
        }
    }

    /// Whether the process was stopped, or waited for a slow disk, since then.
    fn may_be_stopped(&self, since: u64) -> bool {
        self.world.story.happenings.iter().any(|(_, happening)| match happening {
            Happening::Stop { at, process, length } => {
                *process == self.index && at + nanoseconds(*length) >= since && *at <= self.world.engine.now()
            }
            _ => false,
        })
    }

    /// A card came back.
    fn told(&self, inside: &Inside, card: Card, result: &Result<Reply, Error>, watch: &Watch) {
        let is_settled = match result {
            Ok(_) => true,
            // An order that may have been placed is a matter for people.
            Err(error) => error.is_final() || (is_order(card) && error.delivered() != Delivered::No),
        };
        let says_no = result.as_ref().is_err_and(|error| error.delivered() == Delivered::No);
        self.world.note(&[30, card, u64::from(is_settled), u64::from(says_no)], || match result {
            Ok(reply) => format!(
                "process {} is told: card {card} refreshed, {} attempts",
                inside.id(),
                reply.attempts()
            ),
            Err(error) => format!(
                "process {} is told: card {card} {:?}, delivered {:?}, {} attempts: {error}",
                inside.id(),
                error.kind(),
                error.delivered(),
                error.attempts()
            ),
        });
        if let Ok(reply) = result {
            watch.succeeded(reply.attempts());
        }
        if result.as_ref().is_err_and(|error| error.kind() == ErrorKind::Internal) {
            let text = format!("card {card}: {result:?}");
            self.world.ledger.violated(Property::NoPanic, self.world.engine.now(), text);
        }
        self.ordered.borrow_mut().remove(&card);
        self.world.ledger.told(self.world.engine.now(), inside.id(), card, is_settled, says_no);
        if is_settled {
            let mut open = self.open.borrow_mut();
            // Near the front, since cards come back about in order.
            if let Some(place) = open.iter().position(|other| *other == card) {
                open.remove(place);
            }
        }
    }
}

fn is_order(card: Card) -> bool {
    card % ORDER_EVERY == ORDER_EVERY - 1
}

fn order(card: Card) -> Option<Call> {
    let parameters = format!(r#"{{"eid":"{}","outTradeNo":"{card}","packageCode":"p"}}"#, eid(card));
    Call::from_json("/api/v3/cloudesim/purchase", &parameters).ok()
}

/// Watches the retry budget of a process.
#[derive(Clone)]
struct Watch {
    retries: Arc<Mutex<Spent>>,
}

/// Tokens.
#[derive(Default)]
struct Spent {
    taken: u64,
    given: u64,
}

impl Watch {
    fn succeeded(&self, attempts: u32) {
        let mut spent = self.retries.lock().unwrap_or_else(PoisonError::into_inner);
        spent.given += if attempts > 1 { 5 } else { 1 };
    }

    fn check(&self, world: &World) {
        let spent = self.retries.lock().unwrap_or_else(PoisonError::into_inner);
        if spent.taken > 500 + spent.given {
            let text = format!("{} tokens spent on retries, of 500 and {}", spent.taken, spent.given);
            world.ledger.violated(Property::RetryBudget, world.engine.now(), text);
        }
    }
}

impl Observer for Watch {
    fn attempt(&mut self, attempt: &Attempt<'_>) {
        // A request that is signed again with a corrected clock is free.
        if attempt.again_after.is_some_and(|wait| !wait.is_zero()) {
            let mut spent = self.retries.lock().unwrap_or_else(PoisonError::into_inner);
            spent.taken += 5;
        }
    }
}
