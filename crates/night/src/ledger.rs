//! The truth about a night, which no client knows: what the platform received and when, and what the callers were told. Every
//! promise of the documentation that can be broken here is a property, and is checked as it happens.

use crate::engine::Time;
use crate::platform::{Card, Wish};
use crate::story::{Happening, Program, Scope, Story, seconds};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

/// A promise of the documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Property {
    /// The account's limit.
    Rate,
    /// Requests are what the platform expects, and signed.
    Requests,
    /// Every card comes back once.
    OneOutcome,
    /// A refreshed card is not called again.
    NotAgain,
    /// A call that is not idempotent is not repeated.
    AtMostOnce,
    /// `delivered` is never wrong.
    Delivered,
    /// Nonces do not repeat.
    Nonces,
    /// The whole rate is used.
    Throughput,
    /// Every wait ends, and every card gets its outcome.
    Ends,
    /// A call ends by its timeout.
    Timeout,
    /// Retries have a budget.
    RetryBudget,
    /// An outage is probed, not flooded.
    Breaker,
    /// A wait that the platform asks for is kept.
    RetryAfter,
    /// The cooldown of a card.
    Cooldown,
    /// Memory depends on what is in flight.
    Memory,
    /// The code does not panic.
    NoPanic,
    /// The files of a run say what happened.
    Books,
    /// The exit code of the command.
    ExitCode,
}

impl Property {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::Rate,
        Self::Requests,
        Self::OneOutcome,
        Self::NotAgain,
        Self::AtMostOnce,
        Self::Delivered,
        Self::Nonces,
        Self::Throughput,
        Self::Ends,
        Self::Timeout,
        Self::RetryBudget,
        Self::Breaker,
        Self::RetryAfter,
        Self::Cooldown,
        Self::Memory,
        Self::NoPanic,
        Self::Books,
        Self::ExitCode,
    ];

    /// The sentences that promise it, each after the document in which it stands.
    pub fn sentences(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Rate => &[
                ("README.md", "95 % of it is used, evenly spaced."),
                ("docs/operations.md", "The limit holds for requests when they leave"),
            ],
            Self::Requests => {
                &[("docs/architecture.md", "a fresh timestamp, nonce and signature for every attempt")]
            }
            Self::OneOutcome => &[("docs/operations.md", "every card comes back exactly once")],
            Self::NotAgain => &[(
                "docs/operations.md",
                "A card whose reply arrives at the moment of a kill -9 may be refreshed once more",
            )],
            Self::AtMostOnce => &[
                (
                    "docs/errors.md",
                    "A call that is not idempotent is retried only if nothing was sent, or if the platform had too many requests.",
                ),
                ("docs/operations.md", "does not make it. Its outcome is unknown"),
            ],
            Self::Delivered => &[(
                "README.md",
                "did the platform receive the request? If it is no, repeating the call is safe.",
            )],
            Self::Nonces => &[("docs/architecture.md", "repeats none within any 90,000 calls")],
            Self::Throughput => &[("docs/operations.md", "One process on one thread sustains that")],
            Self::Ends => &[("docs/operations.md", "No card is lost to a short outage.")],
            Self::Timeout => &[(
                "README.md",
                "timeout is the deadline of the whole call, including all attempts, waits and backoff.",
            )],
            Self::RetryBudget => {
                &[("README.md", "a retry budget (a token bucket) keeps an outage from multiplying the load")]
            }
            Self::Breaker => {
                &[("docs/operations.md", "the batch probes the platform with one card at a time")]
            }
            Self::RetryAfter => &[("README.md", "429 with its Retry-After")],
            Self::Cooldown => {
                &[("README.md", "eid_cooldown keeps you from refreshing the same card too often.")]
            }
            Self::Memory => {
                &[("README.md", "many calls in flight on one thread, with memory that does not grow")]
            }
            Self::NoPanic => &[("CONTRIBUTING.md", "Library code does not panic")],
            Self::Books => &[
                ("docs/operations.md", "The file of --out has every outcome once"),
                ("docs/operations.md", "Exit 0 means that every card of the input is refreshed"),
                ("docs/operations.md", "nothing is written to that file after it"),
            ],
            Self::ExitCode => &[("docs/errors.md", "exit code")],
        }
    }
}

/// A promise that was broken.
#[derive(Debug, Clone)]
pub struct Violation {
    /// Which.
    pub property: Property,
    /// When.
    pub time: Time,
    /// How.
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {:.6} s: {}", self.property, seconds(self.time), self.text)?;
        self.property
            .sentences()
            .iter()
            .try_for_each(|(document, sentence)| write!(f, "\n  {document}: \"{sentence}\""))
    }
}

/// The calls per second that the account may make.
pub const LIMIT: usize = 10;

/// Positions of nonces that may be lost, to kills and to files that are made again.
const LOST_POSITIONS: u64 = 20_000;

/// A request that the platform received.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// The process that sent it.
    pub process: u32,
    /// The card.
    pub card: Card,
    /// Its nonce.
    pub nonce: u32,
    /// When it was sent.
    pub sent: Time,
    /// When it would have arrived if the network had only its ordinary latency.
    pub due: Time,
    /// It is not the first copy: the network has repeated it.
    pub is_repeat: bool,
    /// What it wants.
    pub wish: Wish,
    /// The platform has carried it out.
    pub acted: bool,
}

#[derive(Default)]
struct CardState {
    /// A process has been told that it is refreshed, or that it never will be; when, and which.
    settled: Option<(u32, Time)>,
    /// An order was carried out.
    is_ordered: bool,
    /// The process whose order was received last, and answered otherwise than with "too many requests".
    ordered_by: Option<u32>,
}

#[derive(Default)]
struct Inner {
    recent: VecDeque<Time>,
    /// The number of the arrival that used each nonce last, plus one.
    nonces: Vec<u64>,
    arrivals: u64,
    cards: BTreeMap<Card, CardState>,
    /// How often the platform received the card from a process that waits for its outcome.
    received: BTreeMap<(u32, Card), u32>,
    /// Cards of which a process was told that the platform did not receive them.
    told_no: BTreeMap<(u32, Card), Time>,
    /// The cards that the journal of a process had as refreshed when it started.
    recorded: BTreeMap<u32, BTreeSet<Card>>,
    /// How often the platform has refreshed a card.
    acted: BTreeMap<Card, u64>,
    violations: Vec<Violation>,
    settled: u64,
    first_arrival: Option<Time>,
    last_arrival: Time,
}

impl Inner {
    /// A card was called, or an order made.
    fn called(&mut self, arrival: &Arrival, is_too_many: bool, broken: &mut Vec<(Property, String)>) {
        let Arrival { process, card, sent, wish, acted, .. } = *arrival;
        if let Some(count) = self.received.get_mut(&(process, card)) {
            *count += 1;
        }
        if let Some(told) = self.told_no.get(&(process, card)) {
            let text = format!(
                "process {process} was told at {:.6} s that the platform did not receive card {card}",
                seconds(*told)
            );
            broken.push((Property::Delivered, text));
        }
        let state = self.cards.entry(card).or_default();
        // What was on its way when its deadline came may arrive after that.
        if let Some((by, at)) = state.settled.filter(|(by, at)| *by == process && *at < sent) {
            let text = format!(
                "card {card} called again, though process {by} had its outcome at {:.6} s",
                seconds(at)
            );
            broken.push((Property::NotAgain, text));
        }
        if self.recorded.get(&process).is_some_and(|cards| cards.contains(&card)) {
            broken.push((
                Property::NotAgain,
                format!("card {card} called again, though it is in the journal of process {process}"),
            ));
        }
        if wish == Wish::Order {
            if state.is_ordered || state.ordered_by == Some(process) {
                broken.push((Property::AtMostOnce, format!("order {card} arrived again")));
            }
            state.is_ordered |= acted;
            if !is_too_many {
                state.ordered_by = Some(process);
            }
        }
    }
}

/// Whether some process knows at all times how far the walk of nonces has come: a process that has lost its memory and finds no
/// file begins another walk.
fn remembers_nonces(story: &Story) -> bool {
    let happens =
        |which: fn(&Happening) -> bool| story.happenings.iter().any(|(_, happening)| which(happening));
    let fails = happens(|happening| matches!(happening, Happening::PowerFailure { .. }));
    let ends = story.processes.iter().any(|plan| matches!(plan.program, Program::Command(..)));
    let is_killed = fails || ends || happens(|happening| matches!(happening, Happening::Kill { .. }));
    let is_lost = happens(|happening| {
        matches!(
            happening,
            Happening::RemoveRateFiles { .. } | Happening::EmptyRedis { .. } | Happening::PowerFailure { .. }
        )
    });
    // All processes have started by then.
    let is_lost_early = story.happenings.iter().any(|(_, happening)| match happening {
        Happening::RemoveRateFiles { at, .. } | Happening::EmptyRedis { at } => *at < 30_000_000_000,
        _ => false,
    });
    if is_lost_early || (is_lost && is_killed) {
        return false;
    }
    story.scope != Scope::Process || !is_killed
}

/// The truth about a night.
pub struct Ledger {
    inner: RefCell<Inner>,
    nonces_are_shared: bool,
    /// The fewest calls after which a nonce may come again.
    least_distance: u64,
}

impl Ledger {
    /// Nothing has happened yet.
    pub fn new(story: &Story) -> Self {
        let inner = Inner { nonces: vec![0; 100_000], ..Inner::default() };
        // Shares divide the nonces, and one may be used alone.
        let shares = if story.scope == Scope::Share { story.nodes as u64 } else { 1 };
        let least_distance = (90_000 / shares).saturating_sub(LOST_POSITIONS);
        Self { inner: RefCell::new(inner), nonces_are_shared: remembers_nonces(story), least_distance }
    }

    /// A promise was broken.
    pub fn violated(&self, property: Property, time: Time, text: String) {
        let mut inner = self.inner.borrow_mut();
        // The first of each kind says enough.
        if !inner.violations.iter().any(|known| known.property == property) {
            inner.violations.push(Violation { property, time, text });
        }
    }

    /// Whether a promise was broken.
    pub fn is_broken(&self) -> bool {
        !self.inner.borrow().violations.is_empty()
    }

    /// The broken promises.
    pub fn violations(&self) -> Vec<Violation> {
        self.inner.borrow().violations.clone()
    }

    /// The journal of a process has these cards as refreshed.
    pub fn must_not_call(&self, process: u32, cards: BTreeSet<Card>) {
        self.inner.borrow_mut().recorded.insert(process, cards);
    }

    /// The platform has refreshed a card.
    pub fn acted_on(&self, card: Card) {
        *self.inner.borrow_mut().acted.entry(card).or_default() += 1;
    }

    /// How often the platform has refreshed a card.
    pub fn acted(&self, card: Card) -> u64 {
        self.inner.borrow().acted.get(&card).copied().unwrap_or(0)
    }

    /// A process waits for the outcome of a card from now on.
    pub fn pushed(&self, process: u32, card: Card) {
        let mut inner = self.inner.borrow_mut();
        inner.received.insert((process, card), 0);
        inner.told_no.remove(&(process, card));
    }

    /// The platform received a request, and answered it; `is_too_many`: with "too many requests".
    pub fn arrived(&self, now: Time, arrival: Arrival, is_too_many: bool) {
        let mut broken = Vec::new();
        {
            let inner = &mut *self.inner.borrow_mut();
            let Arrival { nonce, due, is_repeat, wish, .. } = arrival;
            if is_repeat {
                return;
            }
            inner.arrivals += 1;
            inner.first_arrival.get_or_insert(now);
            inner.last_arrival = now;
            // In order of their due times, which differ from the order of arrival by the spread of the latency.
            let place = inner.recent.iter().rposition(|other| *other <= due).map_or(0, |place| place + 1);
            inner.recent.insert(place, due);
            let windows = inner.recent.iter().zip(inner.recent.iter().skip(LIMIT));
            if let Some((first, last)) =
                windows.into_iter().find(|(first, last)| *last - *first <= 1_000_000_000)
            {
                let took = seconds(last - first);
                broken.push((Property::Rate, format!("{} calls within {took:.6} s", LIMIT + 1)));
            }
            if inner.recent.len() > 4 * LIMIT {
                inner.recent.pop_front();
            }
            if let Some(last) = inner.nonces.get_mut(nonce as usize) {
                let before = std::mem::replace(last, inner.arrivals);
                let since = inner.arrivals - before;
                if self.nonces_are_shared && before > 0 && since < self.least_distance {
                    broken.push((Property::Nonces, format!("nonce {nonce} again after {since} calls")));
                }
            } else {
                broken.push((Property::Nonces, format!("{nonce} is not a nonce")));
            }
            if wish != Wish::Read {
                inner.called(&arrival, is_too_many, &mut broken);
            }
        }
        for (property, text) in broken {
            self.violated(property, now, text);
        }
    }

    /// A process was told the outcome of a card: whether it is settled, and whether `delivered` is no.
    pub fn told(&self, now: Time, process: u32, card: Card, is_settled: bool, says_no: bool) {
        let mut broken = Vec::new();
        {
            let inner = &mut *self.inner.borrow_mut();
            match inner.received.remove(&(process, card)) {
                None => broken.push((
                    Property::OneOutcome,
                    format!("card {card} came back twice to process {process}"),
                )),
                Some(count) if says_no && count > 0 => {
                    broken.push((
                        Property::Delivered,
                        format!("delivered is no for card {card}, which arrived {count} times"),
                    ));
                }
                Some(_) if says_no => drop(inner.told_no.insert((process, card), now)),
                Some(_) => {}
            }
            if is_settled {
                let state = inner.cards.entry(card).or_default();
                if state.settled.replace((process, now)).is_none() {
                    inner.settled += 1;
                }
            }
        }
        for (property, text) in broken {
            self.violated(property, now, text);
        }
    }

    /// How many requests arrived, and the time from the first to the last.
    pub fn arrivals(&self) -> (u64, Time) {
        let inner = self.inner.borrow();
        (inner.arrivals, inner.last_arrival - inner.first_arrival.unwrap_or(inner.last_arrival))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of a page, without its markup.
    fn words(markdown: &str) -> String {
        let text: String = markdown.chars().filter(|letter| !"`*|[]".contains(*letter)).collect();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn properties_are_sentences_of_the_documentation() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for property in Property::ALL {
            for (document, sentence) in property.sentences() {
                let text = std::fs::read_to_string(root.join(document)).expect("a document");
                assert!(
                    words(&text).contains(sentence),
                    "{property:?}: {document} does not say {sentence:?}"
                );
            }
        }
    }
}
