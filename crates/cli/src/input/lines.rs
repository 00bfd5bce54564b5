//! Lines with their numbers, whatever ends them: LF, CR LF, or CR.

use super::at_line;
use std::io::{BufRead, BufReader, Read};

/// Longer lines are refused.
const MAX_LINE_BYTES: usize = 64 * 1024;

/// Reads lines as they arrive: a line is returned as soon as its end is there.
pub(super) struct Lines {
    reader: Box<dyn BufRead + Send>,
    /// The number of the last line.
    number: u64,
    /// The last line ended with CR; an LF after it belongs to the same end.
    after_cr: bool,
}

impl Lines {
    pub(super) fn new(reader: impl Read + Send + 'static) -> Self {
        Self { reader: Box::new(BufReader::new(reader)), number: 0, after_cr: false }
    }

    /// The next line, without its end, and its number; the first line is 1.
    pub(super) fn next_line(&mut self) -> Result<Option<(u64, String)>, String> {
        let number = self.number + 1;
        let mut line = Vec::new();
        loop {
            let read = self
                .reader
                .fill_buf()
                .map_err(|why| at_line(number, format_args!("cannot be read: {why}")))?;
            if read.is_empty() {
                if line.is_empty() {
                    return Ok(None);
                }
                break;
            }
            if self.after_cr {
                self.after_cr = false;
                if read.first() == Some(&b'\n') {
                    self.reader.consume(1);
                    continue;
                }
            }
            let end = memchr::memchr2(b'\n', b'\r', read);
            let taken = end.unwrap_or(read.len());
            line.extend_from_slice(read.get(..taken).unwrap_or_default());
            if line.len() > MAX_LINE_BYTES {
                return Err(at_line(
                    number,
                    format_args!("too long for a row: more than {MAX_LINE_BYTES} bytes"),
                ));
            }
            let Some(end) = end else {
                self.reader.consume(taken);
                continue;
            };
            self.after_cr = read.get(end) == Some(&b'\r');
            self.reader.consume(end + 1);
            break;
        }
        self.number = number;
        Ok(Some((number, String::from_utf8_lossy(&line).into_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::io;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn all(text: &str) -> Vec<(u64, String)> {
        let mut lines = Lines::new(io::Cursor::new(text.as_bytes().to_vec()));
        std::iter::from_fn(|| lines.next_line().expect("readable")).collect()
    }

    #[test]
    fn lines_have_their_numbers_with_any_line_end() {
        for end in ["\n", "\r\n", "\r"] {
            let text = ["a", "", "b", "c"].join(end);
            let expected =
                [(1, "a"), (2, ""), (3, "b"), (4, "c")].map(|(number, line)| (number, line.to_owned()));
            assert_eq!(all(&text), expected, "{text:?}");
            assert_eq!(all(&(text + end)), expected);
        }
        assert_eq!(all(""), []);
        assert_eq!(all("a\r\rb").len(), 3);
    }

    #[test]
    fn lines_are_returned_before_more_is_read() {
        struct Once(Cell<bool>);
        impl io::Read for Once {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                assert!(!self.0.replace(true), "read for the second time");
                b"1\r".as_slice().read(buffer)
            }
        }
        let mut lines = Lines::new(Once(Cell::new(false)));
        assert_eq!(lines.next_line().expect("readable"), Some((1, "1".to_owned())));
    }

    #[test]
    fn line_that_is_too_long_is_refused_before_much_is_read() {
        /// An infinite stream of bytes, counted.
        struct Endless(Arc<AtomicUsize>);
        impl io::Read for Endless {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                buffer.fill(b'1');
                self.0.fetch_add(buffer.len(), Ordering::Relaxed);
                Ok(buffer.len())
            }
        }
        let count = Arc::new(AtomicUsize::new(0));
        let endless = io::Read::chain(io::Cursor::new(b"1\n".to_vec()), Endless(count.clone()));
        let mut lines = Lines::new(endless);
        assert!(lines.next_line().is_ok());
        let why = lines.next_line().expect_err("endless");
        assert!(why.starts_with("line 2: too long"), "{why}");
        assert!(count.load(Ordering::Relaxed) < 1_000_000);
    }
}
