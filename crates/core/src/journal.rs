//! The outcomes of a long run, on disk, so that it can be resumed.
//!
//! JSON Lines: a header that names the run, then one line per outcome, each written at once, and a last line when the run is
//! finished. A run that was killed leaves at
//! most a torn last line behind, which is cut off when the journal is opened again.

use crate::client::Client;
use crate::eid::Eid;
use crate::error::{Error, ErrorKind};
use crate::outcome::Outcome;
use serde::{Deserialize, Serialize};
use sha1::{Digest, Sha1};
use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read as _, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// No line of ours is longer; what is, was not written by us.
const LONGEST_LINE_BYTES: u64 = 1024 * 1024;

/// The `kind` of a card that was refreshed.
const OK: &str = "ok";

/// The version of the format.
const FORMAT: u32 = 1;

/// Which run a journal belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The account and the platform, by a fingerprint that tells neither.
    account: String,
    /// Where the cards come from, such as a file's name.
    input: String,
}

impl Run {
    /// The run of this client's account over `input`, a name that the caller gives to where the cards come from.
    pub fn new(client: &Client, input: impl Into<String>) -> Self {
        let (appkey, host) = client.account();
        let fingerprint = hex::encode(Sha1::digest(format!("{appkey}\n{host}")));
        Self { account: fingerprint, input: input.into() }
    }
}

#[derive(Serialize, Deserialize)]
struct Header {
    eiot_journal: u32,
    #[serde(flatten)]
    run: Run,
    started: String,
}

/// One line. Names and their meaning never change; new ones may be added.
#[derive(Serialize)]
struct Line<'a> {
    eid: &'a str,
    /// `ok`, or the kind of the error.
    kind: &'a str,
    code: Option<&'a str>,
    message: String,
    /// The same call would fail again.
    r#final: bool,
    attempts: u32,
    delivered: &'a str,
    /// UTC, as RFC 3339 has it.
    time: String,
}

/// The last line of a run after which nothing is left to do.
#[derive(Serialize)]
struct Finish {
    /// UTC, as RFC 3339 has it.
    finished: String,
}

/// What of a line matters when it is read again.
#[derive(Deserialize)]
struct Read {
    eid: Option<String>,
    kind: Option<String>,
    message: Option<String>,
    #[serde(default)]
    r#final: bool,
    finished: Option<String>,
}

/// What an earlier run has left of a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Past<'a> {
    /// It was refreshed.
    Refreshed,
    /// It failed.
    Failed(&'a PastFailure),
}

/// How a card failed in an earlier run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PastFailure {
    /// The kind of the failure; [`ErrorKind::Internal`] for one that this version does not know.
    pub kind: ErrorKind,
    /// The same call would fail again.
    pub is_final: bool,
    /// The error's text.
    pub message: String,
}

/// A run's journal, open for this process alone.
///
/// A card is *done* when there is nothing left to do for it: it was refreshed, its EID is malformed, or the failure is
/// [final](Error::is_final). All other failures are open, since the same call may succeed later.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    past: History,
    resumed: bool,
}

/// What the lines of a journal say, the last one of each card.
#[derive(Debug, Default)]
struct History {
    refreshed: HashSet<u128>,
    /// By the EID as it was written: malformed ones are no numbers. Few, since most cards of a run succeed.
    failed: HashMap<Box<str>, PastFailure>,
    finished: Option<String>,
}

impl Journal {
    /// Opens the journal of a run, or starts one, readable and writable by its owner only.
    ///
    /// # Errors
    /// [`ErrorKind::Config`], when the file cannot be used, is in use by another process, is no journal, or belongs to
    /// another run.
    pub fn open(path: impl Into<PathBuf>, run: &Run) -> Result<Self, Error> {
        let path = path.into();
        let unusable = |why: &dyn std::fmt::Display| unusable(&path, why);
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path).map_err(|why| unusable(&why))?;
        if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
            return Err(unusable(&"it is not a regular file"));
        }
        lock(&file).map_err(|()| unusable(&"another process is using it"))?;
        let (past, end, resumed) = read(&file, run).map_err(|why| unusable(&why))?;
        // What a killed run left of its last line.
        file.set_len(end).map_err(|why| unusable(&why))?;
        if !resumed {
            let header = Header { eiot_journal: FORMAT, run: run.clone(), started: now() };
            write_line(&mut file, &header).map_err(|why| unusable(&why))?;
        }
        Ok(Self { path, file, past, resumed })
    }

    /// Was there a journal already?
    pub fn is_resumed(&self) -> bool {
        self.resumed
    }

    /// When an earlier run was finished, in UTC as RFC 3339 has it; `None` where cards were still open at its end, or others
    /// came later.
    pub fn finished(&self) -> Option<&str> {
        self.past.finished.as_deref()
    }

    /// What an earlier run has left of this card, given as its EID or as the malformed text that stood in its place.
    pub fn past(&self, eid: impl AsRef<[u8]>) -> Option<Past<'_>> {
        let History { refreshed, failed, .. } = &self.past;
        if refreshed.is_empty() && failed.is_empty() {
            return None;
        }
        let failure = match Eid::parse(eid) {
            Ok(eid) if refreshed.contains(&eid.to_number()) => return Some(Past::Refreshed),
            Ok(eid) => failed.get(eid.as_str()),
            Err(error) => failed.get(error.eid()?),
        };
        failure.map(Past::Failed)
    }

    /// Writes the outcome of a card. It is in the hands of the system when this returns; see [`Journal::sync`].
    ///
    /// # Errors
    /// [`ErrorKind::Config`], when it cannot be written, as on a full disk. The run must then end: what comes back later
    /// would not be known any more.
    pub fn record(&mut self, outcome: &Outcome) -> Result<(), Error> {
        let line = match &outcome.result {
            Ok(reply) => Line {
                eid: &outcome.eid,
                kind: OK,
                code: None,
                message: reply.message().to_owned(),
                r#final: true,
                attempts: reply.attempts(),
                delivered: reply.delivered().name(),
                time: now(),
            },
            Err(error) => Line {
                eid: &outcome.eid,
                kind: error.kind().name(),
                code: error.platform_code(),
                message: error.to_string(),
                r#final: error.is_final(),
                attempts: error.attempts(),
                delivered: error.delivered().name(),
                time: now(),
            },
        };
        write_line(&mut self.file, &line).map_err(|why| unusable(&self.path, &why))
    }

    /// Writes that the run is finished: every card of its input is done.
    ///
    /// # Errors
    /// As [`Journal::record`].
    pub fn finish(&mut self) -> Result<(), Error> {
        write_line(&mut self.file, &Finish { finished: now() }).map_err(|why| unusable(&self.path, &why))
    }

    /// Makes sure that what was recorded survives a loss of power, too.
    ///
    /// # Errors
    /// As [`Journal::record`].
    pub fn sync(&self) -> Result<(), Error> {
        self.file.sync_data().map_err(|why| unusable(&self.path, &why))
    }
}

impl History {
    fn add(&mut self, line: Read) -> Result<(), &'static str> {
        if let Some(finished) = line.finished {
            self.finished = Some(finished);
            return Ok(());
        }
        let (Some(eid), Some(kind)) = (line.eid, line.kind) else {
            return Err("it has neither eid nor finished");
        };
        self.finished = None;
        if kind == OK {
            self.failed.remove(eid.as_str());
            // Only what was an EID can have been refreshed.
            self.refreshed.extend(Eid::parse(&eid).ok().map(|eid| eid.to_number()));
            return Ok(());
        }
        let failure = PastFailure {
            kind: ErrorKind::from_name(&kind).unwrap_or(ErrorKind::Internal),
            is_final: line.r#final,
            message: line.message.unwrap_or_default(),
        };
        self.failed.insert(eid.into(), failure);
        Ok(())
    }
}

fn unusable(path: &Path, why: &dyn std::fmt::Display) -> Error {
    Error::config("journal", format!("{} cannot be used: {why}", path.display()))
}

fn now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}

/// One write, so that a killed process leaves whole lines but for the last.
fn write_line(file: &mut File, line: &impl Serialize) -> std::io::Result<()> {
    let mut bytes = serde_json::to_vec(line)?;
    bytes.push(b'\n');
    file.write_all(&bytes)
}

/// Reads a journal: what its lines say, where the last whole line ends, and whether there is a header.
fn read(file: &File, run: &Run) -> Result<(History, u64, bool), String> {
    let mut past = History::default();
    let mut reader = BufReader::new(file);
    reader.seek(SeekFrom::Start(0)).map_err(|why| why.to_string())?;
    let (mut end, mut number) = (0, 0_u64);
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut limited = (&mut reader).take(LONGEST_LINE_BYTES);
        let length = limited.read_until(b'\n', &mut line).map_err(|why| why.to_string())?;
        if length as u64 == LONGEST_LINE_BYTES {
            return Err(format!("line {} is too long for a journal", number + 1));
        }
        if length == 0 || line.last() != Some(&b'\n') {
            return Ok((past, end, number > 0));
        }
        number += 1;
        end += length as u64;
        if number == 1 {
            check_header(&line, run)?;
            continue;
        }
        let read =
            serde_json::from_slice(&line).map_err(|why| format!("line {number} is not an outcome: {why}"))?;
        past.add(read).map_err(|why| format!("line {number} is not an outcome: {why}"))?;
    }
}

fn check_header(line: &[u8], run: &Run) -> Result<(), String> {
    let Ok(Header { eiot_journal, run: found, .. }) = serde_json::from_slice(line) else {
        return Err("it is not an eiot journal; choose a file that does not exist yet".to_owned());
    };
    if eiot_journal != FORMAT {
        return Err(format!("it has format {eiot_journal}, but this version supports {FORMAT}"));
    }
    if found.input != run.input {
        return Err(format!(
            "it belongs to another run, with input {:?} instead of {:?}; use a separate journal for this run",
            found.input, run.input
        ));
    }
    if found.account != run.account {
        return Err(
            "it belongs to another account or platform; use a separate journal for this one".to_owned()
        );
    }
    Ok(())
}

#[cfg(unix)]
fn lock(file: &File) -> Result<(), ()> {
    rustix::fs::flock(file, rustix::fs::FlockOperation::NonBlockingLockExclusive).map_err(drop)
}

#[cfg(not(unix))]
fn lock(_: &File) -> Result<(), ()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::error_codes::CodeMeaning;
    use crate::reply::Reply;

    fn run(input: &str) -> Run {
        Run::new(&Client::new(Config::new("my-appkey", "s")).expect("valid"), input)
    }

    fn fresh(test: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("eiot-journal-{test}-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        path
    }

    fn failed(eid: &str, kind: ErrorKind) -> Outcome {
        Outcome::refused(Error::new(kind, "it failed").with_eid(eid))
    }

    fn past_after(outcomes: &[Outcome]) -> (Journal, PathBuf) {
        let path = fresh(&format!("past-{}", outcomes.len()));
        let mut journal = Journal::open(&path, &run("a.csv")).expect("new");
        for outcome in outcomes {
            journal.record(outcome).expect("written");
        }
        drop(journal);
        (Journal::open(&path, &run("a.csv")).expect("there"), path)
    }

    #[test]
    fn journal_keeps_what_became_of_each_card_and_its_last_word_counts() {
        let final_code =
            Error::new(ErrorKind::Platform, "no such package").with_meaning(Some(CodeMeaning::Final));
        let mut outcomes: Vec<_> =
            ErrorKind::ALL.iter().map(|kind| failed(&kind.status().to_string(), *kind)).collect();
        outcomes.push(Outcome::refused(final_code.with_eid("1000")));
        outcomes.push(Outcome::refused(Eid::parse("8.9E+31").expect_err("malformed")));
        // Refreshed at last, by a later run.
        let reply = Reply::new("22", "success");
        outcomes.push(Outcome::new("22", Ok(reply)));
        let (journal, path) = past_after(&outcomes);
        let past = |eid: &str| match journal.past(eid) {
            Some(Past::Failed(failure)) => Some((failure.kind, failure.is_final)),
            Some(Past::Refreshed) => panic!("{eid} was not refreshed"),
            None => None,
        };
        for kind in ErrorKind::ALL {
            if kind == ErrorKind::Timeout {
                continue;
            }
            let is_final = matches!(kind, ErrorKind::InvalidEid | ErrorKind::InvalidArgument);
            assert_eq!(past(&kind.status().to_string()), Some((kind, is_final)));
        }
        assert_eq!(journal.past(" 22 "), Some(Past::Refreshed));
        assert_eq!(past("1000"), Some((ErrorKind::Platform, true)));
        assert_eq!(past("8.9E+31"), Some((ErrorKind::InvalidEid, true)));
        assert_eq!((past("9E+31"), past("9999")), (None, None));
        std::fs::remove_file(path).expect("there");
    }

    #[test]
    fn journal_is_finished_until_another_card_comes() {
        let (path, run) = (fresh("finished"), run("a.csv"));
        let mut journal = Journal::open(&path, &run).expect("new");
        journal.record(&Outcome::new("1", Ok(Reply::new("1", "success")))).expect("written");
        journal.finish().expect("written");
        assert_eq!(journal.finished(), None, "it is about earlier runs");
        drop(journal);
        let mut journal = Journal::open(&path, &run).expect("there");
        assert!(journal.finished().expect("a time").ends_with('Z'));
        journal.record(&failed("2", ErrorKind::Timeout)).expect("written");
        drop(journal);
        assert_eq!(Journal::open(&path, &run).expect("there").finished(), None);
        std::fs::remove_file(path).expect("there");
    }

    #[test]
    fn a_torn_last_line_is_cut_off_and_the_rest_counts() {
        let (path, run) = (fresh("torn"), run("a.csv"));
        let mut journal = Journal::open(&path, &run).expect("new");
        assert!(!journal.is_resumed());
        for eid in ["1", "2", "3"] {
            journal.record(&failed(eid, ErrorKind::Platform)).expect("written");
        }
        journal.finish().expect("written");
        drop(journal);
        let whole = std::fs::read(&path).expect("readable");
        // Killed at any moment whatsoever.
        for length in 0..=whole.len() {
            std::fs::write(&path, whole.get(..length).expect("a prefix")).expect("writable");
            let mut journal = Journal::open(&path, &run).expect("usable");
            let lines = whole.get(..length).expect("a prefix").iter().filter(|byte| **byte == b'\n').count();
            assert_eq!(journal.is_resumed(), lines > 0);
            assert_eq!(journal.past.failed.len(), lines.saturating_sub(1).min(3));
            assert_eq!(journal.finished().is_some(), length == whole.len());
            journal.record(&failed("4", ErrorKind::Platform)).expect("written");
            drop(journal);
            assert!(Journal::open(&path, &run).expect("usable").past(" 4 ").is_some());
        }
        std::fs::remove_file(path).expect("there");
    }

    #[test]
    fn another_runs_journal_and_what_is_no_journal_are_refused() {
        let path = fresh("another");
        drop(Journal::open(&path, &run("a.csv")).expect("new"));
        let error = Journal::open(&path, &run("b.csv")).expect_err("another input");
        assert!(
            error.to_string().contains("another run, with input \"a.csv\" instead of \"b.csv\""),
            "{error}"
        );
        let other = Run::new(&Client::new(Config::new("other", "s")).expect("valid"), "a.csv");
        let error = Journal::open(&path, &other).expect_err("another account");
        assert!(error.to_string().contains("another account"), "{error}");
        let text = std::fs::read_to_string(&path).expect("readable");
        assert!(!text.contains("my-appkey"), "{text}");

        std::fs::write(&path, "eid,name\n1,a\n").expect("writable");
        let error = Journal::open(&path, &run("a.csv")).expect_err("no journal");
        assert!(error.to_string().contains("not an eiot journal"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).expect("readable"), "eid,name\n1,a\n", "left alone");
        std::fs::remove_file(path).expect("there");
    }

    #[cfg(unix)]
    #[test]
    fn it_is_its_owners_alone_and_one_process_at_a_time() {
        use std::os::unix::fs::PermissionsExt;
        let path = fresh("alone");
        let journal = Journal::open(&path, &run("a.csv")).expect("new");
        let mode = std::fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let error = Journal::open(&path, &run("a.csv")).expect_err("in use");
        assert!(error.to_string().contains("another process is using it"), "{error}");
        drop(journal);
        assert!(Journal::open(&path, &run("a.csv")).is_ok());
        std::fs::remove_file(path).expect("there");
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_and_what_never_ends_are_refused() {
        let error = Journal::open("/dev/zero", &run("a.csv")).expect_err("a device");
        assert!(error.to_string().contains("/dev/zero cannot be used: it is not a regular file"), "{error}");
        let path = fresh("endless");
        std::fs::write(&path, vec![b'x'; 2 * LONGEST_LINE_BYTES as usize]).expect("writable");
        let error = Journal::open(&path, &run("a.csv")).expect_err("a long line");
        assert!(error.to_string().contains("line 1 is too long"), "{error}");
        std::fs::remove_file(path).expect("there");
    }
}
