//! The end of the simulator, which no thread may sleep through.

use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Tells every thread that the simulator ends.
#[derive(Default)]
pub(crate) struct Stop {
    told: Mutex<bool>,
    wake: Condvar,
}

impl Stop {
    pub(crate) fn tell(&self) {
        *self.lock() = true;
        self.wake.notify_all();
    }

    pub(crate) fn is_told(&self) -> bool {
        *self.lock()
    }

    /// Sleeps for so long; it is an error when the simulator ends before that.
    pub(crate) fn sleep(&self, time: Duration) -> io::Result<()> {
        let waited = self.wake.wait_timeout_while(self.lock(), time, |told| !*told);
        let (told, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if *told { Err(io::Error::other("the simulator ends")) } else { Ok(()) }
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
