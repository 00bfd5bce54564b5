//! The host's callbacks and its cancellation token, as the core's observer.

use crate::cancel::eiot_cancel;
use crate::event::Events;
use crate::log::Log;
use eiot_core::{Attempt, Notice, Observer};
use std::ops::ControlFlow;

/// What a client tells its host.
#[derive(Clone, Copy, Default)]
pub(crate) struct Callbacks {
    pub(crate) log: Option<Log>,
    pub(crate) events: Option<Events>,
}

/// A host while a call or a batch runs.
pub(crate) struct Host {
    callbacks: Callbacks,
    cancel: *const eiot_cancel,
}

// SAFETY: a cancellation token may be used by any thread, and the host keeps it alive as long as the call or the batch.
unsafe impl Send for Host {}

impl Host {
    /// # Safety
    /// `cancel` is NULL, or lives as long as the call or the batch.
    pub(crate) unsafe fn new(callbacks: Callbacks, cancel: *const eiot_cancel) -> Self {
        Self { callbacks, cancel }
    }

    fn log(&self, line: impl std::fmt::Display) {
        if let Some(log) = &self.callbacks.log {
            log.tell(line);
        }
    }
}

impl Observer for Host {
    fn keep_going(&mut self) -> ControlFlow<()> {
        // SAFETY: the host keeps it alive.
        match unsafe { self.cancel.as_ref() } {
            Some(cancel) if cancel.is_triggered() => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }

    fn attempt(&mut self, attempt: &Attempt<'_>) {
        // The log is about what was sent.
        if attempt.number > 0 {
            self.log(attempt);
        }
        if let Some(events) = &self.callbacks.events {
            events.tell(attempt);
        }
    }

    fn notice(&mut self, notice: &Notice<'_>) {
        match notice {
            Notice::Holding { .. } | Notice::Resumed { .. } | Notice::Stopped { .. } => {
                self.log(format_args!("batch: {notice}"));
            }
            _ => self.log(notice),
        }
    }
}
