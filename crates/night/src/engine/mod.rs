//! The engine: virtual time, the queue of events, and the processes that run between them, all on one thread.
//!
//! Time moves only when no process has anything to do. A process is a coroutine with a stack of its own, so that blocking
//! code runs unchanged; it gives the thread back where it waits. Events with the same time happen in the order in which they
//! were added, so a night depends on nothing but its seed.

mod process;
mod trace;

pub use process::{Ended, Process, ProcessId};
pub use trace::Trace;

use process::Slot;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Virtual time: nanoseconds since the night began.
pub type Time = u64;

/// Something that happens at a time.
pub type Event = Box<dyn FnOnce(&Rc<Engine>)>;

/// Identifies an event, to cancel it.
pub type EventKey = (Time, u64);

/// Processes that something has woken, in order. Wakers are shared with code that may use threads, hence the mutex.
type Ready = Arc<Mutex<VecDeque<ProcessId>>>;

/// The engine of one night.
pub struct Engine {
    now: Cell<Time>,
    /// How many events were added.
    added: Cell<u64>,
    events: RefCell<BTreeMap<EventKey, Event>>,
    ready: Ready,
    processes: RefCell<BTreeMap<ProcessId, Slot>>,
    next_process: Cell<ProcessId>,
    /// The instant of virtual time zero. Only differences from it are seen.
    origin: Instant,
    /// What happened.
    pub trace: Trace,
}

/// Nanoseconds of a duration.
pub fn nanoseconds(duration: Duration) -> Time {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Engine {
    /// An engine at time zero.
    pub fn new(trace: Trace) -> Rc<Self> {
        Rc::new(Self {
            now: Cell::new(0),
            added: Cell::new(0),
            events: RefCell::default(),
            ready: Ready::default(),
            processes: RefCell::default(),
            next_process: Cell::new(1000),
            origin: Instant::now(),
            trace,
        })
    }

    /// The time.
    pub fn now(&self) -> Time {
        self.now.get()
    }

    /// The same for code that uses the standard library's clock.
    pub fn instant(&self) -> Instant {
        self.origin + Duration::from_nanos(self.now())
    }

    /// The time of an instant.
    pub fn time_of(&self, instant: Instant) -> Time {
        nanoseconds(instant.saturating_duration_since(self.origin))
    }

    /// Adds an event.
    pub fn at(&self, time: Time, event: impl FnOnce(&Rc<Self>) + 'static) -> EventKey {
        let key = (time.max(self.now()), self.added.get());
        self.added.set(key.1 + 1);
        self.events.borrow_mut().insert(key, Box::new(event));
        key
    }

    /// Adds an event after a while.
    pub fn after(&self, wait: Duration, event: impl FnOnce(&Rc<Self>) + 'static) -> EventKey {
        self.at(self.now().saturating_add(nanoseconds(wait)), event)
    }

    /// Removes an event that has not happened.
    pub fn cancel(&self, key: EventKey) {
        self.events.borrow_mut().remove(&key);
    }

    /// Runs until nothing is left to happen, or until `end`. Returns whether it came to the end of all events.
    pub fn run(self: &Rc<Self>, end: Time) -> bool {
        loop {
            while let Some(process) = self.next_ready() {
                self.resume(process);
            }
            let next = self.events.borrow_mut().pop_first();
            let Some(((time, _), event)) = next else { return true };
            if time > end {
                return false;
            }
            self.now.set(time);
            event(self);
        }
    }

    /// Forgets what would still happen.
    pub fn clear(&self) {
        let events = std::mem::take(&mut *self.events.borrow_mut());
        drop(events);
    }

    fn next_ready(&self) -> Option<ProcessId> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}
