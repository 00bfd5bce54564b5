//! `eiot journal csv`: the results as a table.

use super::JournalFile;
use crate::batch::journal::{JournalLine, JournalResult};
use crate::output::{ExitCode, Failure, warn};
use clap::Args;
use eiot::escaped;
use std::collections::HashMap;
use std::io::{self, Write};

/// The columns, in their order. New ones may be added at the end.
const COLUMNS: [&str; 8] = ["eid", "kind", "code", "message", "final", "attempts", "delivered", "time"];

/// Print the last result of each card as CSV with a header.
///
/// Spreadsheets round numbers to 15 digits: import the column eid as text.
#[derive(Args)]
pub(super) struct Csv {
    #[command(flatten)]
    journal: JournalFile,
    /// Every result, not only the last one of each card
    #[arg(long)]
    all: bool,
}

impl Csv {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        // The first time for the number of each card's last line, so that memory holds no results.
        let last = if self.all { None } else { Some(self.last_lines()?) };
        let mut table = io::BufWriter::new(io::stdout().lock());
        writeln!(table, "{}", row(&COLUMNS))?;
        let mut damaged = 0_u64;
        for line in self.journal.open()? {
            match line? {
                (number, JournalLine::Result(result)) => {
                    // A run may write more lines between the two times.
                    if last
                        .as_ref()
                        .is_none_or(|last| last.get(&result.eid).is_none_or(|last| *last <= number))
                    {
                        writeln!(table, "{}", cells(&result))?;
                    }
                }
                (_, JournalLine::Damaged(_) | JournalLine::Torn) => damaged += 1,
                (_, JournalLine::Finished(_) | JournalLine::Other) => {}
            }
        }
        table.flush()?;
        if damaged > 0 {
            warn(format_args!("{damaged} damaged lines were skipped; eiot journal check names them"));
        }
        Ok(ExitCode::Success)
    }

    fn last_lines(&self) -> Result<HashMap<String, u64>, Failure> {
        let mut last = HashMap::new();
        for line in self.journal.open()? {
            if let (number, JournalLine::Result(result)) = line? {
                last.insert(result.eid, number);
            }
        }
        Ok(last)
    }
}

fn cells(result: &JournalResult) -> String {
    let JournalResult { eid, kind, code, message, r#final, attempts, delivered, time } = result;
    let (is_final, attempts) = (r#final.to_string(), attempts.to_string());
    let code = code.as_deref().unwrap_or_default();
    // One line per row, which eiot refresh --from reads too.
    row(&[eid, kind, code, &escaped(message), &is_final, &attempts, delivered, time])
}

/// A row as RFC 4180 has it.
fn row(fields: &[&str; COLUMNS.len()]) -> String {
    let quoted = fields.map(|field| match field.contains([',', '"', '\r', '\n']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")),
        false => field.to_owned(),
    });
    quoted.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_quotes_what_needs_it() {
        let fields = ["1", "a,b", "say \"no\"", "two\nlines", "", "\r", "中", " "];
        assert_eq!(row(&fields), "1,\"a,b\",\"say \"\"no\"\"\",\"two\nlines\",,\"\r\",中, ");
    }
}
