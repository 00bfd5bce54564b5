//! Text in any encoding, read as UTF-8.
//!
//! The encoding is the one that was named; otherwise that of the byte order mark; otherwise UTF-16 if every second byte of the
//! beginning is zero; otherwise UTF-8 or GB18030, whichever the first text beyond ASCII is. Only names and notes depend on that:
//! digits and separators are ASCII in both.

use encoding_rs::{Decoder, Encoding, GB18030, UTF_8, UTF_16BE, UTF_16LE};
use std::io::{self, BufRead, Read};

/// The size of a piece that is decoded at once.
const CHUNK_BYTES: usize = 8 * 1024;

/// Reads the text of `source` as UTF-8. What is not valid in its encoding becomes U+FFFD.
pub(super) struct Decoded<R> {
    source: R,
    /// Bytes that are read and not yet decoded.
    raw: Vec<u8>,
    /// Text that is decoded and not yet taken.
    text: Vec<u8>,
    taken: usize,
    state: State,
}

enum State {
    /// Nothing was read.
    Start,
    /// Everything so far is ASCII.
    Ascii,
    Decoding(Box<Decoder>),
    End,
}

impl<R: BufRead> Decoded<R> {
    /// Text in this encoding, or in the one that is recognized.
    pub(super) fn new(source: R, encoding: Option<&'static Encoding>) -> Self {
        let state = encoding.map_or(State::Start, decoding);
        Self { source, raw: Vec::new(), text: Vec::new(), taken: 0, state }
    }

    /// Reads once, and decodes what can be decoded.
    fn advance(&mut self) -> io::Result<()> {
        self.taken = 0;
        self.text.clear();
        let read = self.source.fill_buf()?;
        let length = read.len().min(CHUNK_BYTES);
        self.raw.extend_from_slice(read.get(..length).unwrap_or_default());
        self.source.consume(length);
        let is_last = length == 0;
        if matches!(self.state, State::Start) {
            if self.raw.len() < 2 && !is_last {
                return Ok(());
            }
            self.state = encoding_of(&self.raw)?.map_or(State::Ascii, decoding);
        }
        if matches!(self.state, State::Ascii) {
            let ascii = self.raw.iter().position(|byte| !byte.is_ascii()).unwrap_or(self.raw.len());
            self.text.extend(self.raw.drain(..ascii));
            if let Some(encoding) = beyond_ascii(&self.raw, is_last) {
                self.state = decoding(encoding);
            }
        }
        if let State::Decoding(decoder) = &mut self.state {
            let room = decoder.max_utf8_buffer_length(self.raw.len()).unwrap_or_default();
            let begin = self.text.len();
            self.text.resize(begin + room, 0);
            let free = self.text.get_mut(begin..).unwrap_or_default();
            let (_, _, written, _) = decoder.decode_to_utf8(&self.raw, free, is_last);
            self.text.truncate(begin + written);
            self.raw.clear();
        }
        if is_last {
            self.state = State::End;
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Decoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.text.len() {
            if matches!(self.state, State::End) {
                return Ok(0);
            }
            self.advance()?;
        }
        let length = self.text.get(self.taken..).unwrap_or_default().read(buffer)?;
        self.taken += length;
        Ok(length)
    }
}

fn decoding(encoding: &'static Encoding) -> State {
    State::Decoding(Box::new(encoding.new_decoder_with_bom_removal()))
}

/// The encoding that the beginning of a text shows; `None` if it begins as ASCII does.
fn encoding_of(head: &[u8]) -> io::Result<Option<&'static Encoding>> {
    if let Some((encoding, _)) = Encoding::for_bom(head) {
        return Ok(Some(encoding));
    }
    let zeros = |first| head.iter().skip(first).step_by(2).filter(|byte| **byte == 0).count();
    match (zeros(0), zeros(1)) {
        (0, 0) => Ok(None),
        // A few characters, such as U+4E00, have their zero in the other place.
        (even, odd) if odd > 4 * even => Ok(Some(UTF_16LE)),
        (even, odd) if even > 4 * odd => Ok(Some(UTF_16BE)),
        _ => Err(io::Error::other("it is a binary file, not a table")),
    }
}

/// The encoding of a text from its first byte beyond ASCII on. `None` if that takes more bytes.
fn beyond_ascii(raw: &[u8], is_last: bool) -> Option<&'static Encoding> {
    match std::str::from_utf8(raw) {
        Ok("") => None,
        Ok(_) => Some(UTF_8),
        Err(error) if error.error_len().is_some() || is_last => Some(GB18030),
        Err(error) if error.valid_up_to() > 0 => Some(UTF_8),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    /// Reads a text that arrives in pieces of this size.
    fn decoded(bytes: &[u8], piece: usize, encoding: Option<&'static Encoding>) -> io::Result<String> {
        let mut text = String::new();
        Decoded::new(BufReader::with_capacity(piece, bytes), encoding).read_to_string(&mut text)?;
        Ok(text)
    }

    const TEXT: &str = "名称,eid\r\n北京 café 😀,8904\r\n联通,8905\r\n";

    #[test]
    fn decoded_text_is_the_same_in_every_encoding_and_however_it_arrives() {
        let utf_16 = |units: &mut dyn Iterator<Item = u16>, order: fn(u16) -> [u8; 2]| {
            units.flat_map(order).collect::<Vec<u8>>()
        };
        let with_mark = format!("\u{feff}{TEXT}");
        let (gb18030, _, lossy) = GB18030.encode(TEXT);
        assert!(!lossy);
        for bytes in [
            TEXT.as_bytes().to_vec(),
            with_mark.as_bytes().to_vec(),
            gb18030.into_owned(),
            utf_16(&mut with_mark.encode_utf16(), u16::to_le_bytes),
            utf_16(&mut with_mark.encode_utf16(), u16::to_be_bytes),
        ] {
            for piece in [2, 3, 7, 8 * 1024] {
                assert_eq!(decoded(&bytes, piece, None).expect("readable"), TEXT, "{piece}: {bytes:?}");
            }
        }
        // Without a mark, the first piece must have a digit or a separator.
        for order in [u16::to_le_bytes, u16::to_be_bytes] {
            let bytes = utf_16(&mut TEXT.encode_utf16(), order);
            assert_eq!(decoded(&bytes, 8 * 1024, None).expect("readable"), TEXT);
        }
    }

    #[test]
    fn decoded_text_has_the_encoding_that_was_named() {
        let bytes = b"caf\xe9|8904\n";
        let windows = Encoding::for_label(b"windows-1252");
        assert_eq!(decoded(bytes, 64, windows).expect("readable"), "café|8904\n");
        assert!(decoded(bytes, 64, None).expect("readable").ends_with("8904\n"));
    }

    #[test]
    fn decoded_text_keeps_separators_next_to_invalid_bytes() {
        assert_eq!(
            decoded(b"a,b\n\xe9,1\n\xe9\n2", 64, None).expect("readable"),
            "a,b\n\u{fffd},1\n\u{fffd}\n2"
        );
    }

    #[test]
    fn decoded_binary_file_is_refused() {
        let why = decoded(b"a\0\0b\0\0\0c", 64, None).expect_err("binary");
        assert!(why.to_string().contains("binary"), "{why}");
    }
}
