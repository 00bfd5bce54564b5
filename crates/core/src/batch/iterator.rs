//! A batch over an iterator.

use super::outcome::Outcome;
use crate::batch::Batch;
use crate::client::Client;
use crate::error::Error;
use std::iter::Fuse;

/// The outcomes of many cards, as they finish; made by [`Client::refresh_many`].
pub struct RefreshMany<I> {
    batch: Batch,
    eids: Fuse<I>,
}

impl Client {
    /// Refreshes all cards of a stream, at most `concurrency` (1 to 1024) at once, and gives the outcomes as they finish.
    /// EIDs are taken from the stream when there is room for them. See [`Batch`] for what holds.
    ///
    /// ```no_run
    /// # let client = eiot::Client::new(eiot::Config::new("my-appkey", "my-secret"))?;
    /// for outcome in client.refresh_many(["89044011112233441122334411223321"], 32)? {
    ///     match outcome.result {
    ///         Ok(reply) => println!("{}: {}", outcome.eid, reply.message()),
    ///         Err(error) => eprintln!("{error}"),
    ///     }
    /// }
    /// # Ok::<(), eiot::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Client::batch`].
    pub fn refresh_many<I>(&self, eids: I, concurrency: usize) -> Result<RefreshMany<I::IntoIter>, Error>
    where
        I: IntoIterator,
        I::Item: AsRef<[u8]>,
    {
        Ok(RefreshMany { batch: self.batch(concurrency, Box::new(()))?, eids: eids.into_iter().fuse() })
    }
}

impl<I> RefreshMany<I> {
    /// The batch behind it: its summary, and to stop or cancel it.
    pub fn batch(&mut self) -> &mut Batch {
        &mut self.batch
    }
}

impl<I: Iterator> Iterator for RefreshMany<I>
where
    I::Item: AsRef<[u8]>,
{
    type Item = Outcome;

    fn next(&mut self) -> Option<Outcome> {
        while self.batch.has_room() {
            match self.eids.next() {
                Some(eid) => self.batch.push(eid),
                None => break,
            }
        }
        self.batch.next()
    }
}
