//! Where the results of a run are written: standard output, or a file that an interrupted run continues.

use super::file_id::FileId;
use super::journal::{Journal, OutputMark};
use crate::output::record::Record;
use crate::output::{Failure, LineFile, OutputOptions, appending, warn};
use crate::system::fs::File;
use crate::system::stdout;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// Writes one line per result.
pub(crate) struct Outcomes {
    target: Target,
    json: bool,
    quiet: bool,
}

enum Target {
    Stdout,
    File(LineFile),
}

impl Outcomes {
    /// Opens the output. A resumed run appends to the output of the earlier one; results that the earlier one has recorded and not
    /// written are written first.
    pub(crate) fn open(
        path: Option<&Path>,
        journal: Option<&mut Journal>,
        options: OutputOptions,
    ) -> Result<Self, Failure> {
        let OutputOptions { json, quiet, .. } = options;
        let Some(path) = path else {
            journal.into_iter().for_each(|journal| journal.begin_run(None));
            return Ok(Self { target: Target::Stdout, json, quiet });
        };
        let refused = |why: io::Error| Failure::unwritable(path, why);
        let file = appending().create(true).read(true).open(path);
        // A pipe or a device may not be readable.
        let file = file.or_else(|_| appending().open(path)).map_err(refused)?;
        let is_regular = file.metadata().map_err(refused)?.is_file();
        if !journal.as_ref().is_some_and(|journal| journal.is_resumed()) && is_regular {
            file.set_len(0).map_err(refused)?;
        }
        let Some(journal) = journal else {
            let target = Target::File(LineFile::new(path.to_owned(), file).map_err(refused)?);
            return Ok(Self { target, json, quiet });
        };
        let mut outcomes = match mark(&file, quiet) {
            Some(mark) if journal.is_resumed() => Self::resume(path, file, journal, &mark, options)?,
            _ => {
                let target = Target::File(LineFile::new(path.to_owned(), file).map_err(refused)?);
                Self { target, json, quiet }
            }
        };
        // The journal's next line says how far the output is; a power failure must not make that wrong.
        outcomes.sync()?;
        journal.begin_run(outcomes.mark());
        Ok(outcomes)
    }

    /// Opens the output of an interrupted run.
    fn resume(
        path: &Path,
        file: File,
        journal: &Journal,
        mark: &OutputMark,
        OutputOptions { json, quiet, .. }: OutputOptions,
    ) -> Result<Self, Failure> {
        let refused = |why: io::Error| Failure::unwritable(path, why);
        let unwritten = journal.unwritten(mark);
        let begin = unwritten.as_ref().map_or(0, |unwritten| unwritten.begin());
        let (lines, end) = whole_lines(&file, begin).map_err(refused)?;
        if end < mark.offset && unwritten.is_some() {
            warn(format_args!("{}: its last line was incomplete and is removed", path.display()));
            file.set_len(end).map_err(refused)?;
        }
        let is_torn = end < mark.offset && unwritten.is_none();
        let mut file = LineFile::new(path.to_owned(), file).map_err(refused)?;
        if is_torn {
            // Not known to be a result of ours: it stays, and does not become a part of one.
            file.write_line(b"")?;
        }
        let mut outcomes = Self { target: Target::File(file), json, quiet };
        let Some(unwritten) = unwritten else { return Ok(outcomes) };
        let added = unwritten.each(lines, |record| outcomes.write(record))?;
        if added > 0 {
            warn(format_args!(
                "{}: added {added} results that the interrupted run had recorded and not written",
                path.display()
            ));
        }
        Ok(outcomes)
    }

    /// Writes a result, unless it is a success and the output is quiet.
    ///
    /// # Errors
    /// [`Failure::Output`] or [`Failure::File`].
    pub(crate) fn write(&mut self, record: &Record<'_>) -> Result<(), Failure> {
        if record.ok && self.quiet {
            return Ok(());
        }
        let line = if self.json { record.to_line()? } else { record.to_text() };
        match &mut self.target {
            Target::File(file) => file.write_line(line.as_bytes()),
            Target::Stdout => stdout()
                .write_all(format!("{line}\n").as_bytes())
                .map_err(|error| Failure::from(error).with_unreported_eid(record.eid)),
        }
    }

    /// Writes a file to disk, so that it survives a power failure.
    pub(crate) fn sync(&self) -> Result<(), Failure> {
        match &self.target {
            Target::Stdout => Ok(()),
            Target::File(file) => file.sync(),
        }
    }

    fn mark(&mut self) -> Option<OutputMark> {
        match &self.target {
            Target::Stdout => None,
            Target::File(file) => mark(file.file(), self.quiet),
        }
    }
}

/// The state of a regular file.
fn mark(file: &File, quiet: bool) -> Option<OutputMark> {
    let FileId { device, inode } = FileId::of(file)?;
    Some(OutputMark { device, inode, offset: file.metadata().ok()?.len(), quiet })
}

/// The number of whole lines from this byte on, and where the last one ends.
fn whole_lines(mut file: &File, begin: u64) -> io::Result<(u64, u64)> {
    file.seek(SeekFrom::Start(begin))?;
    let mut reader = BufReader::new(file);
    let (mut count, mut end) = (0, begin);
    loop {
        // A line is read in pieces: there may be something else in the file.
        let (mut length, mut is_whole) = (0, false);
        loop {
            let mut piece = Vec::new();
            let read = reader.by_ref().take(64 * 1024).read_until(b'\n', &mut piece)? as u64;
            length += read;
            is_whole |= piece.ends_with(b"\n");
            if read == 0 || is_whole {
                break;
            }
        }
        if !is_whole {
            return Ok((count, end));
        }
        count += 1;
        end += length;
    }
}
