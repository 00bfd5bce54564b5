//! A reader with a limit that can be set again.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

/// How many bytes may still be read. Clones share the limit.
#[derive(Clone, Default)]
pub(crate) struct ReadLimit(Rc<Cell<u64>>);

impl ReadLimit {
    /// Allows this many bytes from now on.
    pub(crate) fn set(&self, bytes: u64) {
        self.0.set(bytes);
    }
}

/// Reads from `source` until the limit is used up, then fails. Protects readers that keep a whole row in memory.
pub(crate) struct LimitedReader<R> {
    source: R,
    limit: ReadLimit,
}

impl<R: Read> LimitedReader<R> {
    pub(crate) fn new(source: R, limit: ReadLimit) -> Self {
        Self { source, limit }
    }
}

impl<R: Read> Read for LimitedReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.limit.0.get();
        if left == 0 {
            return Err(io::Error::other("too long; check for an unclosed quote"));
        }
        let length = (&mut self.source).take(left).read(buffer)?;
        self.limit.set(left.saturating_sub(length as u64));
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limited_reader_reads_no_more_than_its_limit_allows() {
        let limit = ReadLimit::default();
        let mut reader = LimitedReader::new(&b"abcdef"[..], limit.clone());
        let mut buffer = [0; 8];
        assert!(reader.read(&mut buffer).is_err());
        limit.set(4);
        assert_eq!(reader.read(&mut buffer).expect("some"), 4);
        assert!(reader.read(&mut buffer).is_err());
        limit.set(4);
        assert_eq!(reader.read(&mut buffer).expect("the rest"), 2);
        assert_eq!(reader.read(&mut buffer).expect("the end"), 0);
    }
}
