//! What a journal holds: the last result of each card.

use super::line::{JobKey, MAX_LINE_BYTES, OutputMark, StoredLine, check_account, check_header};
use crate::batch::row_call::Fingerprint;
use crate::output::record::OK;
use crate::system::fs::File;
use eiot::{Eid, ErrorKind};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::io::{self, BufRead, BufReader, Read as _, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;
use std::time::SystemTime;

/// A page of a file, at most.
const MAX_PAGE_BYTES: usize = 64 * 1024;

/// How a journal begins.
const BEGINNING: &[u8] = b"{\"eiot_journal\":";

/// The result of a card or a call in an earlier run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PreviousResult<'a> {
    /// It was refreshed, or its call succeeded.
    Refreshed,
    /// It failed.
    Failed(&'a PreviousFailure),
    /// The run ended while it was making the call, which must not be made twice.
    Lost,
}

/// How a card failed in an earlier run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PreviousFailure {
    /// The kind of the failure; [`ErrorKind::Internal`] for one that this version does not know.
    pub(crate) kind: ErrorKind,
    /// The same call would fail again.
    pub(crate) is_final: bool,
    /// The platform may have acted, and acts again if the call is repeated.
    pub(crate) is_unknown: bool,
    /// The error's text.
    pub(crate) message: String,
}

/// The content of a journal: the last line of each card, or of each call.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// EIDs, or fingerprints of calls, as numbers.
    refreshed: HashSet<u128>,
    /// By the EID as it was written, because malformed EIDs are not numbers, or by the fingerprint. Few, because most succeed.
    failed: HashMap<Box<str>, PreviousFailure>,
    /// The fingerprints of calls that were begun and have no outcome.
    sending: HashSet<u128>,
    finished: Option<String>,
    /// The output file of each run that had one, and which bytes of the journal it recorded.
    outputs: Vec<(OutputMark, Range<u64>)>,
}

/// What was read of a journal.
pub(super) struct Read {
    pub(super) history: History,
    /// Where the last whole line ends.
    pub(super) end: u64,
    pub(super) has_header: bool,
    /// What is damaged, one sentence each.
    pub(super) repairs: Vec<String>,
}

impl History {
    /// When an earlier run was finished, in UTC as in RFC 3339. `None` if cards were still open at its end, or if other cards
    /// were recorded later.
    pub(crate) fn finished(&self) -> Option<&str> {
        self.finished.as_deref()
    }

    /// The result of a card in an earlier run, by its EID or by the malformed text in its place.
    pub(crate) fn previous(&self, eid: impl AsRef<[u8]>) -> Option<PreviousResult<'_>> {
        let Self { refreshed, failed, .. } = self;
        if refreshed.is_empty() && failed.is_empty() {
            return None;
        }
        let failure = match Eid::parse(eid) {
            Ok(eid) if refreshed.contains(&eid.to_number()) => return Some(PreviousResult::Refreshed),
            Ok(eid) => failed.get(eid.as_str()),
            Err(error) => failed.get(error.eid()?),
        };
        failure.map(PreviousResult::Failed)
    }

    /// The result of a call in an earlier run.
    pub(crate) fn previous_call(&self, call: Fingerprint) -> Option<PreviousResult<'_>> {
        match call.number() {
            number if self.sending.contains(&number) => Some(PreviousResult::Lost),
            number if self.refreshed.contains(&number) => Some(PreviousResult::Refreshed),
            _ if self.failed.is_empty() => None,
            _ => self.failed.get(call.to_string().as_str()).map(PreviousResult::Failed),
        }
    }

    #[cfg(test)]
    pub(super) fn failed(&self) -> &HashMap<Box<str>, PreviousFailure> {
        &self.failed
    }

    /// The last run with this output file: its state at the beginning of that run, and the bytes of the journal.
    pub(super) fn output(&self, device: u64, inode: u64) -> Option<&(OutputMark, Range<u64>)> {
        self.outputs.iter().rev().find(|(mark, _)| (mark.device, mark.inode) == (device, inode))
    }

    /// Adds a line, which ends at this byte.
    fn add(&mut self, line: StoredLine, end: u64) -> Result<(), &'static str> {
        if let Some(finished) = line.finished {
            self.finished = Some(finished);
            return Ok(());
        }
        if line.run.is_some() {
            if let Some((_, range)) = self.outputs.last_mut() {
                range.end = range.end.min(end);
            }
            if let Some(mark) = line.output {
                self.outputs.retain(|(other, _)| (other.device, other.inode) != (mark.device, mark.inode));
                self.outputs.push((mark, end..u64::MAX));
            }
            return Ok(());
        }
        if let Some(call) = line.sending {
            self.finished = None;
            self.sending.insert(number_of_call(&call)?);
            return Ok(());
        }
        if let Some(call) = line.unsent {
            self.sending.remove(&number_of_call(&call)?);
            return Ok(());
        }
        let (Some(eid), Some(kind)) = (line.eid, line.kind) else {
            return Err("neither eid nor finished is present");
        };
        self.finished = None;
        let (key, number) = match line.call {
            Some(call) => {
                let number = number_of_call(&call)?;
                self.sending.remove(&number);
                (call, Some(number))
            }
            None => {
                // Only a valid EID can have been refreshed.
                let number = Eid::parse(&eid).ok().map(|eid| eid.to_number());
                (eid, number)
            }
        };
        if kind == OK {
            self.failed.remove(key.as_str());
            self.refreshed.extend(number);
            return Ok(());
        }
        let failure = PreviousFailure {
            kind: ErrorKind::from_name(&kind).unwrap_or(ErrorKind::Internal),
            is_final: line.r#final,
            is_unknown: line.unknown,
            message: line.message.unwrap_or_default(),
        };
        self.failed.insert(key.into(), failure);
        Ok(())
    }
}

fn number_of_call(fingerprint: &str) -> Result<u128, &'static str> {
    Fingerprint::parse(fingerprint).map(Fingerprint::number).ok_or("not the fingerprint of a call")
}

/// Reads a journal of this job. Lines that are damaged, for example by a power failure, are skipped: their cards are called again.
pub(super) fn read(file: &File, job: &JobKey) -> Result<Read, String> {
    let mut found = Read { history: History::default(), end: 0, has_header: false, repairs: Vec::new() };
    let mut reader = BufReader::new(file);
    reader.seek(SeekFrom::Start(0)).map_err(|why| why.to_string())?;
    let (mut number, mut damaged) = (0_u64, Vec::new());
    let mut line = Vec::new();
    loop {
        let (length, is_whole) = next_line(&mut reader, &mut line).map_err(|why| why.to_string())?;
        if !is_whole {
            if !found.has_header && !is_begun(&line) {
                return Err("it is not a journal of eiot; name a file that does not exist yet".to_owned());
            }
            if length > 0 {
                found.repairs.push(
                    "its last line was incomplete and is removed; that card is called again".to_owned(),
                );
            }
            found.repairs.extend(damage(&damaged));
            return Ok(found);
        }
        number += 1;
        found.end += length;
        if number == 1 {
            check_header(&line, job)?;
            found.has_header = true;
            continue;
        }
        let added = serde_json::from_slice(&line)
            .map_err(drop)
            .and_then(|stored| found.history.add(stored, found.end).map_err(drop));
        if added.is_err() {
            damaged.push(number);
        }
    }
}

/// Calls `with` for each result of a journal of refreshes of this account: the EID, whether it was refreshed, and when.
///
/// # Errors
/// Why the file is not such a journal.
pub(crate) fn each_result(
    path: &Path,
    job: &JobKey,
    mut with: impl FnMut(&str, bool, SystemTime),
) -> Result<(), String> {
    let mut reader = BufReader::new(File::open(path).map_err(|why| why.to_string())?);
    let mut line = Vec::new();
    next_line(&mut reader, &mut line).map_err(|why| why.to_string())?;
    if !check_account(&line, job)?.is_refresh() {
        return Err("it is the journal of a run of eiot call".to_owned());
    }
    while next_line(&mut reader, &mut line).map_err(|why| why.to_string())?.1 {
        let Ok(stored) = serde_json::from_slice::<StoredLine>(&line) else { continue };
        let time = stored.time.and_then(|time| humantime::parse_rfc3339(&time).ok());
        if let (Some(eid), Some(kind), Some(time)) = (stored.eid, stored.kind, time) {
            with(&eid, kind == OK, time);
        }
    }
    Ok(())
}

/// Which of these cards have a result from this byte on.
pub(super) fn recorded(file: &File, begin: u64, cards: &HashSet<u128>) -> io::Result<HashSet<u128>> {
    let mut reader = BufReader::new(file);
    reader.seek(SeekFrom::Start(begin))?;
    let (mut found, mut line) = (HashSet::new(), Vec::new());
    while next_line(&mut reader, &mut line)?.1 {
        let Ok(CardOnly { eid }) = serde_json::from_slice(&line) else { continue };
        let number = Eid::parse(eid.as_bytes()).ok().map(|eid| eid.to_number());
        found.extend(number.filter(|number| cards.contains(number)));
    }
    Ok(found)
}

/// The EID of a result.
#[derive(Deserialize)]
struct CardOnly<'a> {
    eid: Cow<'a, str>,
}

/// Reads a line, of which only the beginning is kept if it is too long. Returns its length, and whether its end is there.
fn next_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<(u64, bool)> {
    line.clear();
    let mut length = reader.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', line)? as u64;
    let mut is_whole = line.ends_with(b"\n");
    while !is_whole && length >= MAX_LINE_BYTES {
        let mut rest = Vec::new();
        let more = reader.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut rest)? as u64;
        if more == 0 {
            break;
        }
        length += more;
        is_whole = rest.ends_with(b"\n");
    }
    Ok((length, is_whole))
}

/// Whether this is the first line of a journal, or a part of it, as a power failure leaves it: with zeros up to the end of its page.
fn is_begun(line: &[u8]) -> bool {
    let written = match line.iter().rposition(|byte| *byte != 0) {
        _ if line.len() > MAX_PAGE_BYTES => line,
        last => line.get(..last.map_or(0, |last| last + 1)).unwrap_or(line),
    };
    written.starts_with(BEGINNING) || BEGINNING.starts_with(written)
}

fn damage(lines: &[u64]) -> Option<String> {
    let first = lines.first()?;
    Some(match lines.len() {
        1 => format!("line {first} is damaged and is skipped; its card is called again"),
        count => format!(
            "{count} lines are damaged and are skipped, the first one is line {first}; their cards are called again"
        ),
    })
}
