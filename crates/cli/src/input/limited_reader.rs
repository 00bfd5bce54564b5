//! A reader that gives out no more than it is told to.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

/// How many bytes may still be read; clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct Ration(Rc<Cell<u64>>);

impl Ration {
    /// Allows so many bytes from now on.
    pub(crate) fn set(&self, bytes: u64) {
        self.0.set(bytes);
    }
}

/// Reads from `source` what the ration allows, and fails when there is none left: whoever keeps all it reads cannot keep
/// too much.
pub(crate) struct Rationed<R> {
    source: R,
    ration: Ration,
}

impl<R: Read> Rationed<R> {
    pub(crate) fn new(source: R, ration: Ration) -> Self {
        Self { source, ration }
    }
}

impl<R: Read> Read for Rationed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.ration.0.get();
        if left == 0 {
            return Err(io::Error::other("is too long; is a quote not closed?"));
        }
        let length = (&mut self.source).take(left).read(buffer)?;
        self.ration.set(left.saturating_sub(length as u64));
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_read_than_was_allowed_since() {
        let ration = Ration::default();
        let mut reader = Rationed::new(&b"abcdef"[..], ration.clone());
        let mut buffer = [0; 8];
        assert!(reader.read(&mut buffer).is_err());
        ration.set(4);
        assert_eq!(reader.read(&mut buffer).expect("some"), 4);
        assert!(reader.read(&mut buffer).is_err());
        ration.set(4);
        assert_eq!(reader.read(&mut buffer).expect("the rest"), 2);
        assert_eq!(reader.read(&mut buffer).expect("the end"), 0);
    }
}
