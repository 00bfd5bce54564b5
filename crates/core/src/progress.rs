//! How far a call has come.

use crate::eid::Eid;
use crate::error::{Delivered, Error};
use crate::observer::{Attempt, Observer};
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How far a call has come: what its error must say when it is broken off.
pub(crate) struct Progress<'a> {
    pub(crate) observer: RefCell<&'a mut dyn Observer>,
    pub(crate) attempts: Cell<u32>,
    /// When the attempt that is under way began.
    began: Cell<Option<Instant>>,
    /// Whether the connection has taken the request of the attempt that is under way.
    sent: RefCell<Option<Arc<AtomicBool>>>,
    /// Whether the platform got one of the attempts that are over: the worst case of all of them.
    pub(crate) earlier: Cell<Option<Delivered>>,
    /// The last reply has changed the idea of the platform's clock.
    pub(crate) clock_moved: Cell<bool>,
}

impl<'a> Progress<'a> {
    pub(crate) fn new(observer: &'a mut dyn Observer) -> Self {
        Self {
            observer: RefCell::new(observer),
            attempts: Cell::default(),
            began: Cell::default(),
            sent: RefCell::default(),
            earlier: Cell::default(),
            clock_moved: Cell::default(),
        }
    }

    pub(crate) fn begin_attempt(&self) -> Arc<AtomicBool> {
        self.attempts.set(self.attempts.get() + 1);
        self.began.set(Some(Instant::now()));
        self.clock_moved.set(false);
        let sent = Arc::new(AtomicBool::new(false));
        self.sent.replace(Some(sent.clone()));
        sent
    }

    pub(crate) fn end_attempt(&self, error: &Error) {
        // What comes until the next attempt, a wait or its end, is not about this one.
        self.sent.replace(None);
        let earlier = match (self.earlier.get(), error.delivered()) {
            (Some(Delivered::Unknown), _) | (_, Delivered::Unknown) => Delivered::Unknown,
            (Some(Delivered::Yes), _) | (_, Delivered::Yes) => Delivered::Yes,
            _ => Delivered::No,
        };
        self.earlier.set(Some(earlier));
    }

    /// Whether the connection has taken the request of the attempt that is under way.
    pub(crate) fn is_sent(&self) -> bool {
        self.sent.borrow().as_ref().is_some_and(|sent| sent.load(Ordering::Relaxed))
    }

    /// Tells the observer that the attempt that is under way, if there is one, is over.
    pub(crate) fn tell(&self, eid: &Eid, failure: Option<&Error>, again_after: Option<Duration>) {
        if let Some(began) = self.began.take() {
            let (number, took) = (self.attempts.get(), began.elapsed());
            let attempt = Attempt { eid: eid.as_str(), number, took, failure, again_after };
            self.observer.borrow_mut().attempt(&attempt);
        }
    }

    /// Puts what the whole call went through into the error that it ended with.
    pub(crate) fn conclude(&self, error: Error, eid: &Eid) -> Error {
        let error = error.with_eid(eid.as_str()).with_attempts(self.attempts.get());
        match (self.earlier.get(), error.delivered()) {
            (Some(Delivered::Unknown), Delivered::No) => error
                .with_delivered(Delivered::Unknown)
                .with_note("an earlier attempt got no answer, so the refresh may have happened"),
            (Some(Delivered::Unknown), Delivered::Yes) => {
                error.with_note("an earlier attempt got no answer and may have landed")
            }
            (Some(Delivered::Yes), Delivered::No) => error.with_delivered(Delivered::Yes),
            _ => error,
        }
    }
}
