//! Batches without a waiting thread: they run on the event loop of started calls.

use super::{Batch, Calls, Outcome, Summary};
use crate::client::{Client, Spawn};
use crate::error::Error;
use crate::observer::Observer;
use crate::transport::Connections;
use futures_util::FutureExt;
use futures_util::future::{Either, pending, select};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Receives each outcome of a started batch, and the counts so far, on the thread of the event loop. An error is a bug in this
/// library; no more outcomes follow.
pub type OnOutcome = Box<dyn FnMut(Result<Outcome, Error>, &Summary) + Send>;

/// A batch that runs by itself, made by [`Client::start_batch`]. Thread-safe. Dropping it cancels the batch, without outcomes.
#[derive(Debug)]
pub struct StartedBatch {
    commands: UnboundedSender<Command>,
}

#[derive(Debug)]
enum Command {
    Push(Vec<u8>, u64),
    Stop,
    Cancel,
}

impl StartedBatch {
    /// Adds a card, like [`Batch::push_tagged`]. The caller limits how many are pending.
    pub fn push_tagged(&self, eid: impl Into<Vec<u8>>, tag: u64) {
        self.send(Command::Push(eid.into(), tag));
    }

    /// Stops sending, like [`Batch::stop`].
    pub fn stop(&self) {
        self.send(Command::Stop);
    }

    /// Cancels everything, like [`Batch::cancel`].
    pub fn cancel(&self) {
        self.send(Command::Cancel);
    }

    fn send(&self, command: Command) {
        // Fails in a forked child, and after the error of a bug: then there are no outcomes either.
        let _ = self.commands.send(command);
    }
}

impl Client {
    /// Creates a batch that runs by itself, on the event loop of [started calls](Client::start_refresh_usage): calls make progress
    /// at all times, and cards can be pushed while others are in flight.
    ///
    /// The observer is called on the event loop's thread; its `keep_going` is not.
    ///
    /// # Errors
    /// As [`Client::batch`] and [`Client::start_refresh_usage`].
    pub fn start_batch(
        &self,
        concurrency: usize,
        observer: Box<dyn Observer>,
        mut on_outcome: OnOutcome,
        spawn: Spawn<'_>,
    ) -> Result<StartedBatch, Error> {
        let mut batch = self.batch_without_event_loop(concurrency, observer)?;
        let (tasks, connections) = self.tasks(spawn)?;
        let (connections, (commands, receiver)) = (connections.clone(), unbounded_channel());
        tasks.spawn(async move {
            let run = batch.run_by_itself(&connections, receiver, &mut on_outcome);
            if let Err(panic) = AssertUnwindSafe(run).catch_unwind().await {
                on_outcome(Err(Error::panicked(panic.as_ref())), &batch.summary);
            }
        });
        Ok(StartedBatch { commands })
    }
}

impl Batch {
    /// Runs until the caller drops its end of the channel.
    async fn run_by_itself(
        &mut self,
        connections: &Connections,
        mut commands: UnboundedReceiver<Command>,
        on_outcome: &mut OnOutcome,
    ) {
        self.client.report_warnings(|notice| self.notify(notice));
        let mut calls = Calls::new();
        loop {
            let may_run = self.pending() > 0;
            let next = {
                let run = async {
                    match may_run {
                        true => self.until_one_ends(connections, &mut calls).await,
                        false => pending().await,
                    }
                };
                match select(pin!(commands.recv()), pin!(run)).await {
                    Either::Left((None, _)) => return,
                    Either::Left((command, _)) => command,
                    Either::Right(_) => None,
                }
            };
            match next {
                Some(Command::Push(eid, tag)) => self.push_tagged(eid, tag),
                Some(Command::Stop) => self.stop(),
                Some(Command::Cancel) => self.cancel(),
                None => {}
            }
            while let Some(outcome) = self.take_ready() {
                on_outcome(Ok(outcome), &self.summary);
            }
        }
    }
}
