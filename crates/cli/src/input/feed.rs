//! Reads on a thread of its own, so that calls, signals and progress do not wait for a slow input.

use eiot::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

/// How many items are read ahead.
const READ_AHEAD: usize = 1024;

/// How often a wait looks at the flag that ends it.
const STOP_CHECK: Duration = Duration::from_millis(50);

/// What an input has for its reader.
pub(crate) enum Next<T> {
    Item(T),
    /// Nothing came within the time.
    Nothing,
    End,
    Failed(Error),
}

/// The items of an input.
pub(crate) struct Feed<T> {
    items: Items<T>,
    /// The end was reached, or an error.
    ended: bool,
}

enum Items<T> {
    /// From the thread that reads.
    Received(Receiver<Result<T, Error>>),
    /// Read here, in a simulation, which has one thread and no slow inputs.
    #[cfg(feature = "simulation")]
    Read(Box<dyn Iterator<Item = Result<T, Error>>>),
}

impl<T: Send + 'static> Feed<T> {
    /// Opens an input and begins to read. Waits for the beginning of the input, unless `stop` becomes true, which ends the input.
    ///
    /// # Errors
    /// Those of `open`.
    pub(crate) fn start<I: Iterator<Item = Result<T, Error>> + 'static>(
        open: impl FnOnce() -> Result<I, Error> + Send + 'static,
        stop: &AtomicBool,
    ) -> Result<Self, Error> {
        #[cfg(feature = "simulation")]
        if crate::system::is_single_threaded() {
            return Ok(Self { items: Items::Read(Box::new(open()?)), ended: false });
        }
        let (sender, items) = sync_channel(READ_AHEAD);
        let items = Items::Received(items);
        let (opened, is_open) = sync_channel(1);
        // Never joined: it may wait for its input for ever, and ends with the process.
        thread::Builder::new()
            .name("input".to_owned())
            .spawn(move || match open() {
                Ok(input) => {
                    let _ = opened.send(Ok(()));
                    send_all(input, &sender);
                }
                Err(error) => drop(opened.send(Err(error))),
            })
            .map_err(Error::internal)?;
        loop {
            match is_open.recv_timeout(STOP_CHECK) {
                Ok(Ok(())) => return Ok(Self { items, ended: false }),
                Ok(Err(error)) => return Err(error),
                Err(RecvTimeoutError::Timeout) if stop.load(Ordering::Relaxed) => {
                    return Ok(Self { items, ended: true });
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Error::internal("the input's thread has ended"));
                }
            }
        }
    }

    /// The next item, waiting for it at most this long.
    pub(crate) fn next(&mut self, limit: Duration) -> Next<T> {
        if self.ended {
            return Next::End;
        }
        let next = match self.items.next(limit) {
            Ok(Ok(item)) => return Next::Item(item),
            Err(RecvTimeoutError::Timeout) => return Next::Nothing,
            Ok(Err(error)) => Next::Failed(error),
            Err(RecvTimeoutError::Disconnected) => Next::End,
        };
        self.ended = true;
        next
    }
}

impl<T> Items<T> {
    fn next(&mut self, limit: Duration) -> Result<Result<T, Error>, RecvTimeoutError> {
        match self {
            Self::Received(items) => items.recv_timeout(limit),
            #[cfg(feature = "simulation")]
            Self::Read(items) => items.next().ok_or(RecvTimeoutError::Disconnected),
        }
    }
}

fn send_all<T>(input: impl Iterator<Item = Result<T, Error>>, sender: &SyncSender<Result<T, Error>>) {
    for item in input {
        let failed = item.is_err();
        // If the receiver is gone, the items are not wanted.
        if sender.send(item).is_err() || failed {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn feed_ends_with_its_input_or_with_the_first_error() {
        let running = AtomicBool::new(false);
        let items = || [Ok(1), Err(Error::invalid_argument("line 2")), Ok(3)].into_iter();
        let mut feed = Feed::start(move || Ok(items()), &running).expect("open");
        assert!(matches!(feed.next(Duration::from_secs(9)), Next::Item(1)));
        assert!(matches!(feed.next(Duration::from_secs(9)), Next::Failed(_)));
        assert!(matches!(feed.next(Duration::ZERO), Next::End));
        let failed =
            Feed::<u8>::start(|| Err::<std::iter::Empty<_>, _>(Error::invalid_argument("no")), &running);
        assert!(failed.is_err());
    }

    #[test]
    fn feed_does_not_wait_for_an_input_that_hangs() {
        /// An input that is never ready.
        struct Hangs;
        impl Iterator for Hangs {
            type Item = Result<u8, Error>;
            fn next(&mut self) -> Option<Self::Item> {
                thread::sleep(Duration::from_secs(3600));
                None
            }
        }
        let stop = Arc::new(AtomicBool::new(false));
        let mut feed = Feed::start(|| Ok(Hangs), &stop).expect("open");
        assert!(matches!(feed.next(Duration::ZERO), Next::Nothing));
        stop.store(true, Ordering::Relaxed);
        let opening = || {
            thread::sleep(Duration::from_secs(3600));
            Ok(Hangs)
        };
        let mut feed = Feed::start(opening, &stop).expect("stopped");
        assert!(matches!(feed.next(Duration::ZERO), Next::End));
    }
}
