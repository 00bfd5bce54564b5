//! Results that an earlier run recorded in the journal and did not write to its output file.
//!
//! A result is recorded before it is written, so a run that is killed between the two leaves one behind; after a power failure there
//! can be more. The output has the results in the order of the journal, so its number of lines says which ones are missing.

use super::Journal;
use super::line::{OutputMark, StoredLine, StoredResult};
use crate::output::Failure;
use crate::output::record::{OK, Record};
use crate::system::fs::File;
use eiot::Error;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Take};
use std::ops::Range;

/// What the last run with this output file has recorded.
pub(crate) struct Unwritten<'a> {
    journal: &'a Journal,
    mark: OutputMark,
    range: Range<u64>,
}

impl<'a> Unwritten<'a> {
    pub(super) fn find(journal: &'a Journal, output: &OutputMark) -> Option<Self> {
        let (mark, range) = journal.history.output(output.device, output.inode)?;
        (mark.offset <= output.offset).then(|| Self { journal, mark: mark.clone(), range: range.clone() })
    }

    /// Where the results of that run begin in the output file.
    pub(crate) fn begin(&self) -> u64 {
        self.mark.offset
    }

    /// Calls `write` for each recorded result that is not among the first `written` ones.
    ///
    /// # Errors
    /// Those of `write`, and those of reading the journal.
    pub(crate) fn each(
        &self,
        written: u64,
        mut write: impl FnMut(&Record<'_>) -> Result<(), Failure>,
    ) -> Result<u64, Failure> {
        let (mut number, mut found) = (0_u64, 0_u64);
        let mut lines = self.lines().map_err(|why| self.failed(why))?;
        let mut line = Vec::new();
        loop {
            line.clear();
            if lines.read_until(b'\n', &mut line).map_err(|why| self.failed(why))? == 0 {
                return Ok(found);
            }
            let stored: Option<StoredLine> = serde_json::from_slice(&line).ok();
            let kind = stored.and_then(|stored| stored.eid.and(stored.kind));
            let Some(_) = kind.filter(|kind| !self.mark.quiet || kind != OK) else { continue };
            number += 1;
            if number > written {
                let result: StoredResult<'_> = serde_json::from_slice(&line).map_err(Error::internal)?;
                write(&result.record())?;
                found += 1;
            }
        }
    }

    fn lines(&self) -> io::Result<BufReader<Take<&File>>> {
        let mut file = self.journal.lines.file();
        file.seek(SeekFrom::Start(self.range.start))?;
        Ok(BufReader::new(
            file.take(self.range.end.min(self.journal.lines.end()).saturating_sub(self.range.start)),
        ))
    }

    fn failed(&self, why: io::Error) -> Failure {
        Error::config("journal", format!("{} cannot be read: {why}", self.journal.lines.path().display()))
            .into()
    }
}
