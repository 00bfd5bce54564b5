//! Reads any journal, line by line, for people and other programs. A run that is resumed reads its journal itself.

use super::line::{FORMAT, MAX_LINE_BYTES};
use crate::system::fs::File;
use eiot::Error;
use serde::Deserialize;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// The first line of a journal.
#[derive(Debug, Deserialize)]
pub(crate) struct JournalHeader {
    eiot_journal: u32,
    /// Where the cards come from.
    pub(crate) input: String,
    /// UTC, as in RFC 3339.
    pub(crate) started: String,
}

/// The result of a card. Members that this version does not know are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct JournalResult {
    /// The EID, or the malformed text in its place.
    pub(crate) eid: String,
    /// `ok`, or the kind of failure.
    pub(crate) kind: String,
    pub(crate) code: Option<String>,
    #[serde(default)]
    pub(crate) message: String,
    /// The same call would fail again.
    #[serde(default)]
    pub(crate) r#final: bool,
    #[serde(default)]
    pub(crate) attempts: u32,
    #[serde(default)]
    pub(crate) delivered: String,
    /// UTC, as in RFC 3339.
    #[serde(default)]
    pub(crate) time: String,
}

/// A line after the first.
#[derive(Debug)]
pub(crate) enum JournalLine {
    /// The result of a card.
    Result(JournalResult),
    /// A run that left nothing to do ended at this time.
    Finished(String),
    /// Something else, which a later version may have written.
    Other,
    /// Not a line of a journal, and why.
    Damaged(String),
    /// The last line has no end: it is being written, or the process or the machine stopped at that moment.
    Torn,
}

/// The lines of a journal after the first, with their numbers.
pub(crate) struct JournalReader {
    path: PathBuf,
    reader: BufReader<File>,
    header: JournalHeader,
    number: u64,
}

#[derive(Deserialize)]
struct Finish {
    finished: String,
}

impl JournalReader {
    /// Opens a journal for reading, also while a run writes it.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`](eiot::ErrorKind::InvalidArgument) if it cannot be read or is not a journal.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(|why| unreadable(path, why))?;
        let mut reader = BufReader::new(file);
        let first = read_line(&mut reader).map_err(|why| unreadable(path, why))?.unwrap_or_default();
        let header: JournalHeader = serde_json::from_slice(&first)
            .map_err(|_| Error::invalid_argument(format!("{} is not a journal of eiot", path.display())))?;
        if header.eiot_journal != FORMAT {
            let found = header.eiot_journal;
            return Err(Error::invalid_argument(format!(
                "{} has format {found}, and this version reads format {FORMAT}",
                path.display()
            )));
        }
        Ok(Self { path: path.to_owned(), reader, header, number: 1 })
    }

    /// The first line.
    pub(crate) fn header(&self) -> &JournalHeader {
        &self.header
    }
}

impl Iterator for JournalReader {
    type Item = Result<(u64, JournalLine), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let line = match read_line(&mut self.reader) {
            Ok(line) => line?,
            Err(why) => return Some(Err(unreadable(&self.path, why))),
        };
        self.number += 1;
        Some(Ok((self.number, parse(&line))))
    }
}

/// A line with its end; `None` at the end of the file. The rest of a line that is too long is a line of its own.
fn read_line(reader: &mut impl BufRead) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    reader.take(MAX_LINE_BYTES).read_until(b'\n', &mut line)?;
    Ok((!line.is_empty()).then_some(line))
}

fn parse(line: &[u8]) -> JournalLine {
    if line.last() != Some(&b'\n') && (line.len() as u64) < MAX_LINE_BYTES {
        return JournalLine::Torn;
    }
    if let Ok(result) = serde_json::from_slice(line) {
        return JournalLine::Result(result);
    }
    if let Ok(Finish { finished }) = serde_json::from_slice(line) {
        return JournalLine::Finished(finished);
    }
    match serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(line) {
        Ok(members) if members.contains_key("eid") => {
            JournalLine::Damaged("a member is missing or wrong".to_owned())
        }
        Ok(_) => JournalLine::Other,
        Err(why) => JournalLine::Damaged(why.to_string()),
    }
}

fn unreadable(path: &Path, why: impl std::fmt::Display) -> Error {
    Error::invalid_argument(format!("{} cannot be read: {why}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_of_a_journal_is_what_its_members_say() {
        let kind = |line: &str| match parse(line.as_bytes()) {
            JournalLine::Result(result) => result.kind,
            JournalLine::Finished(time) => time,
            JournalLine::Other => "other".to_owned(),
            JournalLine::Damaged(_) => "damaged".to_owned(),
            JournalLine::Torn => "torn".to_owned(),
        };
        assert_eq!(kind("{\"eid\":\"1\",\"kind\":\"ok\",\"new\":[]}\n"), "ok");
        assert_eq!(kind("{\"finished\":\"2026-11-26T00:00:00Z\"}\n"), "2026-11-26T00:00:00Z");
        assert_eq!(kind("{\"run\":\"2026-11-26T00:00:00Z\"}\n"), "other");
        assert_eq!(kind("{\"eid\":\"1\",\"kind\":\"ok\"}"), "torn");
        for damaged in
            ["{\"eid\":\"1\"}\n", "{\"eid\":1,\"kind\":\"ok\"}\n", "{\"ei\n", "\0\0\n", "[]\n", "\n"]
        {
            assert_eq!(kind(damaged), "damaged", "{damaged:?}");
        }
    }
}
