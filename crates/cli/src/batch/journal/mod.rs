//! The result of each card of a run, on disk, so that the run can be resumed.
//!
//! JSON Lines: a header that names the job, then one line per result, each written at once, and a last line when the run is
//! finished. A call that must not be made twice has a line before it is made as well. A run that writes its results to a file begins
//! with a line that says which (`unwritten`). A killed run leaves at most one torn last line behind, which is cut off when the
//! journal is opened again.

mod history;
mod line;
mod reader;
mod unwritten;

#[cfg(test)]
pub(crate) use history::PreviousFailure;
pub(crate) use history::{History, PreviousResult, each_result};
pub(crate) use line::{JobKey, OutputMark};
pub(crate) use reader::{JournalHeader, JournalLine, JournalReader, JournalResult};

use super::row_call::{CalledRow, Fingerprint};
use crate::output::record::Record;
use crate::output::{Failure, LineFile, appending, is_full};
#[cfg(not(windows))]
use crate::system::fs;
use crate::system::fs::File;
use eiot::Error;
use history::{read, recorded};
use line::{Entry, FORMAT, Finish, Header, Run, Sending, Unsent, now};
use serde::Serialize;
use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use unwritten::Unwritten;

/// The journal of a job. Only one process at a time can open it.
///
/// A card is *done* if there is nothing left to do for it: it was refreshed, its EID is malformed, or the failure is
/// [final](Error::is_final). All other failures are open, because the same call may succeed later.
#[derive(Debug)]
pub(crate) struct Journal {
    lines: LineFile,
    history: History,
    resumed: bool,
    repairs: Vec<String>,
    /// Where the lines of this run begin.
    begin: u64,
    /// The first line of this run, which is written before its first result.
    begins: Option<Run>,
}

impl Journal {
    /// Opens the journal of a job or creates it, readable and writable by its owner only.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](eiot::ErrorKind::Config) if the file cannot be used, is in use by another process, is not a journal, or
    /// belongs to another job; [`Failure::File`] if it cannot be written.
    pub(crate) fn open(path: impl Into<PathBuf>, job: &JobKey) -> Result<Self, Failure> {
        let path = path.into();
        let unusable = |why: &dyn std::fmt::Display| unusable(&path, why);
        let file = open_alone(&path).map_err(|error| match is_full(&error) {
            true => Failure::File { path: path.clone(), error },
            false => unusable(&error).into(),
        })?;
        let read = read(&file, job).map_err(|why| unusable(&why))?;
        // Removes the torn last line of a killed run.
        file.set_len(read.end).map_err(|why| unusable(&why))?;
        let lines = LineFile::new(path.clone(), file).map_err(|why| unusable(&why))?;
        let mut journal = Self {
            lines,
            history: read.history,
            resumed: read.has_header,
            repairs: read.repairs,
            begin: 0,
            begins: None,
        };
        if !journal.resumed {
            journal.write(&Header { eiot_journal: FORMAT, job: job.clone(), started: now() })?;
        }
        journal.begin = journal.lines.end();
        Ok(journal)
    }

    /// What an existing journal holds, without creating, locking or repairing it; nothing if there is none.
    ///
    /// # Errors
    /// As [`Journal::open`].
    pub(crate) fn read_only(path: &Path, job: &JobKey) -> Result<History, Error> {
        match File::open(path) {
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => Ok(History::default()),
            Err(why) => Err(unusable(path, &why)),
            Ok(file) => read(&file, job).map(|read| read.history).map_err(|why| unusable(path, &why)),
        }
    }

    /// Whether the journal existed before.
    pub(crate) fn is_resumed(&self) -> bool {
        self.resumed
    }

    /// The results of earlier runs.
    pub(crate) fn history(&self) -> &History {
        &self.history
    }

    /// What was damaged, one sentence each.
    pub(crate) fn repairs(&self) -> &[String] {
        &self.repairs
    }

    /// Records the result of a card. When this returns, the system has the line; see [`Journal::sync`].
    ///
    /// # Errors
    /// [`Failure::File`] if the line cannot be written, for example because the disk is full. The run must then end, or later
    /// results would be lost.
    pub(crate) fn record(&mut self, record: &Record<'_>) -> Result<(), Failure> {
        if let Some(begin) = self.begins.take() {
            self.write(&begin)?;
            // Whatever a power failure leaves of the results, the next run knows where they belong.
            self.sync()?;
        }
        self.write(&Entry::new(record))
    }

    /// Records that a call is being made that must not be made twice. When this returns, the line is on the disk: after a power
    /// failure, the next run knows of the call too.
    ///
    /// # Errors
    /// As [`Journal::record`]. The call must then not be made.
    pub(crate) fn begin_call(&mut self, row: &CalledRow) -> Result<(), Failure> {
        if let Some(begin) = self.begins.take() {
            self.write(&begin)?;
        }
        self.write(&Sending::new(row))?;
        self.sync()
    }

    /// Records that a call whose beginning was recorded was not made.
    ///
    /// # Errors
    /// As [`Journal::record`].
    pub(crate) fn cancel_call(&mut self, call: Fingerprint) -> Result<(), Failure> {
        self.write(&Unsent { unsent: call.to_string() })
    }

    /// Records that the run is finished: every card of its input is done.
    ///
    /// # Errors
    /// As [`Journal::record`].
    pub(crate) fn finish(&mut self) -> Result<(), Failure> {
        self.write(&Finish { finished: now() })
    }

    /// Notes to which file the results from here on are also written, if to any.
    pub(crate) fn begin_run(&mut self, output: Option<OutputMark>) {
        self.begins = Some(Run { run: now(), output });
    }

    /// What an earlier run recorded for this output file, if the file has not been replaced or shortened since.
    pub(crate) fn unwritten(&self, output: &OutputMark) -> Option<Unwritten<'_>> {
        Unwritten::find(self, output)
    }

    /// Which of these cards this run has recorded; by their numbers, see [`Eid::to_number`](eiot::Eid::to_number).
    pub(crate) fn recorded(&self, cards: &HashSet<u128>) -> Result<HashSet<u128>, Error> {
        recorded(self.lines.file(), self.begin, cards).map_err(|why| unusable(self.lines.path(), &why))
    }

    /// Writes the journal to disk, so that it survives a power failure.
    ///
    /// # Errors
    /// As [`Journal::record`].
    pub(crate) fn sync(&self) -> Result<(), Failure> {
        self.lines.sync()
    }

    fn write(&mut self, line: &impl Serialize) -> Result<(), Failure> {
        self.lines.write_line(&serde_json::to_vec(line).map_err(Error::internal)?)
    }
}

fn unusable(path: &Path, why: &dyn std::fmt::Display) -> Error {
    Error::config("journal", format!("{} cannot be used: {why}", path.display()))
}

const IN_USE: &str = "it is in use by another process";

/// Opens or creates the file, which no other process can then open here.
#[cfg(not(windows))]
fn open_alone(path: &Path) -> io::Result<File> {
    let mut options = appending();
    fs::OpenOptionsExt::mode(options.read(true).create(true), 0o600);
    let file = options.open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    fs::lock(&file).map_err(|_| io::Error::other(IN_USE))?;
    Ok(file)
}

/// Opens or creates the file, which no other process can then open for writing, remove or rename. Others may read it.
#[cfg(windows)]
fn open_alone(path: &Path) -> io::Result<File> {
    use std::os::windows::fs::OpenOptionsExt;
    const FILE_SHARE_READ: u32 = 1;
    const ERROR_SHARING_VIOLATION: i32 = 32;
    let file = appending().read(true).create(true).share_mode(FILE_SHARE_READ).open(path);
    let file = file.map_err(|why| match why.raw_os_error() {
        Some(ERROR_SHARING_VIOLATION) => io::Error::other(IN_USE),
        _ => why,
    })?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("it is not a regular file")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::card_result::CardResult;
    use crate::output::record::OK;
    use eiot::{Client, Config, Eid, ErrorKind};
    use line::MAX_LINE_BYTES;
    use serde_json::{Value, json};

    fn job(input: &str) -> JobKey {
        JobKey::new(&Client::new(Config::new("my-appkey", "s")).expect("valid"), input, None)
    }

    fn fresh(test: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("eiot-journal-{test}-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        path
    }

    fn entry(eid: &str, kind: &str, is_final: bool) -> Value {
        json!({"eid": eid, "kind": kind, "code": null, "message": "it failed", "final": is_final})
    }

    fn failed(eid: &str, kind: ErrorKind) -> Value {
        entry(eid, kind.name(), false)
    }

    #[test]
    fn journal_keeps_the_last_result_of_each_card() {
        let (path, job) = (fresh("last"), job("a.csv"));
        let mut journal = Journal::open(&path, &job).expect("new");
        for kind in ErrorKind::ALL {
            journal.write(&failed(&kind.status().to_string(), kind)).expect("written");
        }
        journal.write(&entry("1000", "platform", true)).expect("written");
        journal.write(&entry("1001", "a kind of a later version", false)).expect("written");
        // Refreshed eventually, by a later run.
        journal.write(&entry("22", OK, true)).expect("written");
        let malformed = Eid::parse("8.9E+31").expect_err("malformed");
        journal.record(&CardResult::malformed(7, &malformed).record().expect("valid")).expect("written");
        drop(journal);
        let journal = Journal::open(&path, &job).expect("there");
        let previous = |eid: &str| match journal.history().previous(eid) {
            Some(PreviousResult::Failed(failure)) => Some((failure.kind, failure.is_final)),
            Some(other) => panic!("{eid}: {other:?}"),
            None => None,
        };
        for kind in ErrorKind::ALL {
            if kind == ErrorKind::Timeout {
                continue;
            }
            assert_eq!(previous(&kind.status().to_string()), Some((kind, false)));
        }
        assert_eq!(journal.history().previous(" 22 "), Some(PreviousResult::Refreshed));
        assert_eq!(previous("1000"), Some((ErrorKind::Platform, true)));
        assert_eq!(previous("1001"), Some((ErrorKind::Internal, false)));
        assert_eq!(previous("8.9E+31"), Some((ErrorKind::InvalidEid, true)));
        assert_eq!((previous("9E+31"), previous("9999")), (None, None));
        std::fs::remove_file(path).expect("there");
    }

    #[test]
    fn journal_entry_of_an_error_has_its_kind_and_whether_it_is_final() {
        let malformed = Eid::parse("x").expect_err("malformed");
        let final_errors = [(malformed, "invalid_eid"), (Error::invalid_argument("a"), "invalid_argument")];
        let open_errors = [(Error::config("a", "b"), "config"), (Error::cancelled("a"), "cancelled")];
        let all = final_errors.into_iter().map(|error| (error, true));
        for ((error, kind), is_final) in all.chain(open_errors.into_iter().map(|error| (error, false))) {
            let record = CardResult { eid: "1", line: Some(3), row: None, result: Err(&error) }
                .record()
                .expect("valid");
            let entry = Entry::new(&record);
            assert_eq!((entry.kind, entry.r#final), (kind, is_final));
            assert_eq!(entry.message, format!("line 3: {error}"));
        }
    }

    #[test]
    fn journal_of_an_earlier_version_is_resumed() {
        let path = fresh("earlier");
        let lines = concat!(
            r#"{"eiot_journal":1,"account":"2fbe6446c40e2e592a8187aa16d7bed653e9d3bb","input":"a.csv","started":"2026-11-26T00:00:00Z"}"#,
            "\n",
            r#"{"eid":"1","kind":"ok","code":null,"message":"success","final":true,"attempts":1,"delivered":"yes"}"#,
            "\n",
            r#"{"eid":"2","kind":"timeout","message":"too slow","a field of a later version":true}"#,
            "\n",
        );
        std::fs::write(&path, lines).expect("writable");
        let journal = Journal::open(&path, &job("a.csv")).expect("the same account and platform");
        assert!(journal.is_resumed());
        assert_eq!(journal.history().previous("1"), Some(PreviousResult::Refreshed));
        let Some(PreviousResult::Failed(failure)) = journal.history().previous("2") else {
            panic!("it failed")
        };
        assert_eq!((failure.kind, failure.is_final), (ErrorKind::Timeout, false));
        std::fs::remove_file(path).expect("there");
    }

    #[test]
    fn journal_is_finished_until_another_card_is_recorded() {
        let (path, job) = (fresh("finished"), job("a.csv"));
        let mut journal = Journal::open(&path, &job).expect("new");
        journal.write(&entry("1", OK, true)).expect("written");
        journal.finish().expect("written");
        assert_eq!(journal.history().finished(), None, "it concerns earlier runs");
        drop(journal);
        let mut journal = Journal::open(&path, &job).expect("there");
        assert!(journal.history().finished().expect("a time").ends_with('Z'));
        journal.write(&failed("2", ErrorKind::Timeout)).expect("written");
        drop(journal);
        assert_eq!(Journal::open(&path, &job).expect("there").history().finished(), None);
        std::fs::remove_file(path).expect("there");
    }

    #[test]
    fn journal_with_a_torn_last_line_keeps_all_others() {
        let (path, job) = (fresh("torn"), job("a.csv"));
        let mut journal = Journal::open(&path, &job).expect("new");
        assert!(!journal.is_resumed());
        for eid in ["1", "2", "3"] {
            journal.write(&failed(eid, ErrorKind::Platform)).expect("written");
        }
        journal.finish().expect("written");
        drop(journal);
        let whole = std::fs::read(&path).expect("readable");
        // Killed at an arbitrary moment.
        for length in 0..=whole.len() {
            std::fs::write(&path, whole.get(..length).expect("a prefix")).expect("writable");
            let mut journal = Journal::open(&path, &job).expect("usable");
            let lines = whole.get(..length).expect("a prefix").iter().filter(|byte| **byte == b'\n').count();
            assert_eq!(journal.is_resumed(), lines > 0);
            assert_eq!(journal.history().failed().len(), lines.saturating_sub(1).min(3));
            assert_eq!(journal.history().finished().is_some(), length == whole.len());
            journal.write(&failed("4", ErrorKind::Platform)).expect("written");
            drop(journal);
            assert!(Journal::open(&path, &job).expect("usable").history().previous(" 4 ").is_some());
        }
        std::fs::remove_file(path).expect("there");
    }

    #[test]
    fn journal_whose_first_line_a_power_failure_has_torn_is_begun_again() {
        let (path, job) = (fresh("first-line"), job("a.csv"));
        drop(Journal::open(&path, &job).expect("new"));
        let header = std::fs::read(&path).expect("readable");
        for length in [0, 1, 5, 20, header.len() - 1] {
            let torn = [header.get(..length).expect("a prefix"), &[0; 100]].concat();
            std::fs::write(&path, torn).expect("writable");
            let journal = Journal::open(&path, &job).expect("usable");
            assert!(!journal.is_resumed(), "{length}");
            drop(journal);
            assert!(Journal::open(&path, &job).expect("whole again").is_resumed());
        }
        std::fs::remove_file(path).expect("there");
    }

    #[test]
    fn journal_of_another_job_and_other_files_are_refused() {
        let path = fresh("another");
        drop(Journal::open(&path, &job("a.csv")).expect("new"));
        let error = Journal::open(&path, &job("b.csv")).expect_err("another input");
        assert!(error.to_string().contains("another run, over \"a.csv\" and not \"b.csv\""), "{error}");
        let other = JobKey::new(&Client::new(Config::new("other", "s")).expect("valid"), "a.csv", None);
        let error = Journal::open(&path, &other).expect_err("another account");
        assert!(error.to_string().contains("another account"), "{error}");
        let text = std::fs::read_to_string(&path).expect("readable");
        assert!(!text.contains("my-appkey"), "{text}");

        std::fs::write(&path, "eid,name\n1,a\n").expect("writable");
        let error = Journal::open(&path, &job("a.csv")).expect_err("no journal");
        assert!(error.to_string().contains("not a journal of eiot"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).expect("readable"), "eid,name\n1,a\n", "left alone");
        std::fs::remove_file(path).expect("there");
    }

    #[test]
    fn journal_is_private_to_its_owner_and_to_one_process() {
        let path = fresh("alone");
        let journal = Journal::open(&path, &job("a.csv")).expect("new");
        // On Windows the directory decides.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&path).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let error = Journal::open(&path, &job("a.csv")).expect_err("in use");
        assert!(error.to_string().contains("in use by another process"), "{error}");
        drop(journal);
        assert!(Journal::open(&path, &job("a.csv")).is_ok());
        std::fs::remove_file(path).expect("there");
    }

    #[cfg(unix)]
    #[test]
    fn journal_must_be_a_regular_file_with_a_header() {
        let error = Journal::open("/dev/zero", &job("a.csv")).expect_err("a device");
        assert!(error.to_string().contains("/dev/zero cannot be used: it is not a regular file"), "{error}");
        let path = fresh("endless");
        for content in [vec![b'x'; 2 * MAX_LINE_BYTES as usize], b"1".to_vec(), b"{\"eid\":\"1\"}".to_vec()] {
            std::fs::write(&path, &content).expect("writable");
            let error = Journal::open(&path, &job("a.csv")).expect_err("no header");
            assert!(error.to_string().contains("not a journal of eiot"), "{error}");
            assert_eq!(std::fs::read(&path).expect("readable"), content, "left alone");
        }
        std::fs::remove_file(path).expect("there");
    }

    #[test]
    fn journal_with_damaged_lines_is_resumed_without_them_and_says_so() {
        let (path, job) = (fresh("damaged"), job("a.csv"));
        drop(Journal::open(&path, &job).expect("new"));
        let header = std::fs::read_to_string(&path).expect("readable");
        let long = "x".repeat(2 * MAX_LINE_BYTES as usize);
        let lines = [
            "{\"eid\":\"1\",\"kind\":\"ok\"}",
            "\0\0\0",
            "{\"eid\":\"2\"}",
            &long,
            "{\"eid\":\"3\",\"kind\":\"ok\"}",
        ];
        std::fs::write(&path, header + &lines.join("\n") + "\n{\"eid\":").expect("writable");
        let journal = Journal::open(&path, &job).expect("usable");
        let is_done = |eid| journal.history().previous(eid).is_some();
        assert_eq!(["1", "2", "3"].map(is_done), [true, false, true]);
        let [torn, damaged] = journal.repairs() else { panic!("{:?}", journal.repairs()) };
        assert!(torn.contains("last line was incomplete") && damaged.contains("3 lines"), "{torn} {damaged}");
        assert!(damaged.contains("line 3;"), "{damaged}");
        std::fs::remove_file(path).expect("there");
    }

    #[test]
    fn journal_has_everything_that_the_output_has() {
        let (path, job) = (fresh("everything"), job("a.csv"));
        let mut journal = Journal::open(&path, &job).expect("new");
        journal.begin_run(Some(OutputMark { device: 1, inode: 2, offset: 0, quiet: false }));
        let error = Eid::parse("8.9E+31").expect_err("malformed");
        let malformed = CardResult::malformed(7, &error).record().expect("valid");
        let full = Record {
            ok: false,
            kind: "http",
            status: ErrorKind::Http.status(),
            code: Some("7"),
            platform_message: Some("no"),
            http_status: Some(500),
            attempts: 2,
            retry_after_ms: Some(3),
            is_final: false,
            headers: Some([("date", "today")].into()),
            body: Some("<html>".into()),
            ..CardResult::malformed(8, &error).record().expect("valid")
        };
        let data = serde_json::value::RawValue::from_string("{\"a\": 1}".to_owned()).expect("JSON");
        let ok = Record {
            ok: true,
            kind: OK,
            status: 0,
            message: "success".into(),
            platform_message: Some("success"),
            is_final: false,
            data: Some(std::borrow::Cow::Borrowed(&data)),
            ..CardResult::malformed(9, &error).record().expect("valid")
        };
        let lines: Vec<_> = [malformed, full, ok]
            .iter()
            .map(|record| {
                journal.record(record).expect("written");
                record.to_line().expect("JSON")
            })
            .collect();
        drop(journal);
        let journal = Journal::open(&path, &job).expect("there");
        let mark = OutputMark { device: 1, inode: 2, offset: 9, quiet: false };
        let told_after = |written| {
            let mut told = Vec::new();
            let unwritten = journal.unwritten(&mark).expect("the same file");
            unwritten
                .each(written, |record| {
                    told.push(record.to_line().expect("JSON"));
                    Ok(())
                })
                .expect("readable");
            told
        };
        assert_eq!(told_after(0), lines);
        assert_eq!(told_after(2), lines[2..]);
        assert_eq!(told_after(9), Vec::<String>::new());
        assert!(journal.unwritten(&OutputMark { inode: 3, ..mark.clone() }).is_none());
        std::fs::remove_file(path).expect("there");
    }
}
