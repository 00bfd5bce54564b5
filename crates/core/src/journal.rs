//! What became of each card of a long run, on disk, so that it can be resumed.
//!
//! JSON Lines: a header that names the run, then one line an outcome, each written at once. A run that was killed leaves at
//! most a torn last line behind, which is cut off when the journal is opened again.

use crate::batch::Outcome;
use crate::client::Client;
use crate::eid::Eid;
use crate::error::{Error, ErrorKind};
use serde::{Deserialize, Serialize};
use sha1::{Digest, Sha1};
use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read as _, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// No line of ours is longer; what is, was not written by us.
const LONGEST_LINE_BYTES: u64 = 1024 * 1024;

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
    attempts: u32,
    delivered: &'a str,
    /// UTC, as RFC 3339 has it.
    time: String,
}

/// What of a line matters when it is read again.
#[derive(Deserialize)]
struct Read {
    eid: String,
    kind: String,
}

/// A run's journal, open for this process alone.
///
/// A card is *settled* when there is nothing left to do for it: it was refreshed, or is no EID, or the platform said no with
/// a code of its own. Any other failure may pass, so a resumed run tries that card again.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    settled: HashSet<u128>,
    resumed: bool,
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
            return Err(unusable(&"it is no regular file"));
        }
        lock(&file).map_err(|()| unusable(&"another process uses it"))?;
        let (settled, end, resumed) = read(&file, run).map_err(|why| unusable(&why))?;
        // What a killed run left of its last line.
        file.set_len(end).map_err(|why| unusable(&why))?;
        if !resumed {
            let header = Header { eiot_journal: FORMAT, run: run.clone(), started: now() };
            write_line(&mut file, &header).map_err(|why| unusable(&why))?;
        }
        Ok(Self { path, file, settled, resumed })
    }

    /// Was there a journal already?
    pub fn is_resumed(&self) -> bool {
        self.resumed
    }

    /// How many cards are settled.
    pub fn settled(&self) -> usize {
        self.settled.len()
    }

    /// Is there nothing left to do for this card? What is no EID never was.
    pub fn is_settled(&self, eid: impl AsRef<[u8]>) -> bool {
        !self.settled.is_empty() && Eid::parse(eid).is_ok_and(|eid| self.settled.contains(&eid.to_number()))
    }

    /// Writes what became of a card. It is in the hands of the system when this returns; see [`Journal::sync`].
    ///
    /// # Errors
    /// [`ErrorKind::Config`], when it cannot be written, as on a full disk. The run must then end: what comes back later
    /// would not be known any more.
    pub fn record(&mut self, outcome: &Outcome) -> Result<(), Error> {
        let line = match &outcome.result {
            Ok(reply) => Line {
                eid: &outcome.eid,
                kind: "ok",
                code: None,
                message: reply.message().to_owned(),
                attempts: reply.attempts(),
                delivered: reply.delivered().name(),
                time: now(),
            },
            Err(error) => Line {
                eid: &outcome.eid,
                kind: error.kind().name(),
                code: error.platform_code(),
                message: error.to_string(),
                attempts: error.attempts(),
                delivered: error.delivered().name(),
                time: now(),
            },
        };
        write_line(&mut self.file, &line).map_err(|why| unusable(&self.path, &why))
    }

    /// Makes sure that what was recorded survives a loss of power, too.
    ///
    /// # Errors
    /// As [`Journal::record`].
    pub fn sync(&self) -> Result<(), Error> {
        self.file.sync_data().map_err(|why| unusable(&self.path, &why))
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

/// Reads a journal: who is settled, where the last whole line ends, and whether there is a header.
fn read(file: &File, run: &Run) -> Result<(HashSet<u128>, u64, bool), String> {
    let mut settled = HashSet::new();
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
            return Ok((settled, end, number > 0));
        }
        number += 1;
        end += length as u64;
        if number == 1 {
            check_header(&line, run)?;
            continue;
        }
        let Read { eid, kind } =
            serde_json::from_slice(&line).map_err(|why| format!("line {number} is no outcome: {why}"))?;
        let Ok(eid) = Eid::parse(&eid) else { continue };
        if is_settled(&kind) {
            settled.insert(eid.to_number());
        }
    }
}

fn check_header(line: &[u8], run: &Run) -> Result<(), String> {
    let Ok(Header { eiot_journal, run: found, .. }) = serde_json::from_slice(line) else {
        return Err("it is no journal of eiot's; name a file that is not there yet".to_owned());
    };
    if eiot_journal != FORMAT {
        return Err(format!("it has format {eiot_journal}, and this version knows {FORMAT}"));
    }
    if found.input != run.input {
        return Err(format!(
            "it belongs to another run, over {:?} and not {:?}; give that run its own journal",
            found.input, run.input
        ));
    }
    if found.account != run.account {
        return Err(
            "it belongs to another account or platform; give this one a journal of its own".to_owned()
        );
    }
    Ok(())
}

fn is_settled(kind: &str) -> bool {
    [ErrorKind::InvalidEid.name(), ErrorKind::Platform.name(), "ok"].contains(&kind)
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

    fn settled_after(kind: ErrorKind) -> bool {
        let path = fresh(kind.name());
        let mut journal = Journal::open(&path, &run("a.csv")).expect("new");
        journal.record(&failed("7", kind)).expect("written");
        drop(journal);
        let settled = Journal::open(&path, &run("a.csv")).expect("there").is_settled("7");
        std::fs::remove_file(path).expect("there");
        settled
    }

    #[test]
    fn what_cannot_pass_is_settled_and_all_else_is_tried_again() {
        for kind in ErrorKind::ALL {
            assert_eq!(
                settled_after(kind),
                matches!(kind, ErrorKind::InvalidEid | ErrorKind::Platform),
                "{kind:?}"
            );
        }
    }

    #[test]
    fn a_torn_last_line_is_cut_off_and_the_rest_counts() {
        let (path, run) = (fresh("torn"), run("a.csv"));
        let mut journal = Journal::open(&path, &run).expect("new");
        assert!(!journal.is_resumed());
        for eid in ["1", "2", "3"] {
            journal.record(&failed(eid, ErrorKind::Platform)).expect("written");
        }
        drop(journal);
        let whole = std::fs::read(&path).expect("readable");
        // Killed at any moment whatsoever.
        for length in 0..=whole.len() {
            std::fs::write(&path, whole.get(..length).expect("a prefix")).expect("writable");
            let mut journal = Journal::open(&path, &run).expect("usable");
            let lines = whole.get(..length).expect("a prefix").iter().filter(|byte| **byte == b'\n').count();
            assert_eq!((journal.is_resumed(), journal.settled()), (lines > 0, lines.saturating_sub(1)));
            journal.record(&failed("4", ErrorKind::Platform)).expect("written");
            drop(journal);
            assert!(Journal::open(&path, &run).expect("usable").is_settled(" 4 "));
        }
        std::fs::remove_file(path).expect("there");
    }

    #[test]
    fn another_runs_journal_and_what_is_no_journal_are_refused() {
        let path = fresh("another");
        drop(Journal::open(&path, &run("a.csv")).expect("new"));
        let error = Journal::open(&path, &run("b.csv")).expect_err("another input");
        assert!(error.to_string().contains("another run, over \"a.csv\" and not \"b.csv\""), "{error}");
        let other = Run::new(&Client::new(Config::new("other", "s")).expect("valid"), "a.csv");
        let error = Journal::open(&path, &other).expect_err("another account");
        assert!(error.to_string().contains("another account"), "{error}");
        let text = std::fs::read_to_string(&path).expect("readable");
        assert!(!text.contains("my-appkey"), "{text}");

        std::fs::write(&path, "eid,name\n1,a\n").expect("writable");
        let error = Journal::open(&path, &run("a.csv")).expect_err("no journal");
        assert!(error.to_string().contains("no journal of eiot's"), "{error}");
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
        assert!(error.to_string().contains("another process uses it"), "{error}");
        drop(journal);
        assert!(Journal::open(&path, &run("a.csv")).is_ok());
        std::fs::remove_file(path).expect("there");
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_and_what_never_ends_are_refused() {
        let error = Journal::open("/dev/zero", &run("a.csv")).expect_err("a device");
        assert!(error.to_string().contains("/dev/zero cannot be used: it is no regular file"), "{error}");
        let path = fresh("endless");
        std::fs::write(&path, vec![b'x'; 2 * LONGEST_LINE_BYTES as usize]).expect("writable");
        let error = Journal::open(&path, &run("a.csv")).expect_err("a long line");
        assert!(error.to_string().contains("line 1 is too long"), "{error}");
        std::fs::remove_file(path).expect("there");
    }
}
