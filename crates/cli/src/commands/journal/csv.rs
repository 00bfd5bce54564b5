//! `eiot journal csv`: the results as a table.

use super::JournalFile;
use crate::batch::journal::{JournalLine, JournalResult};
use crate::output::record::safe_json;
use crate::output::{ExitCode, Failure, warn};
use clap::Args;
use eiot::escaped;
use std::collections::HashMap;
use std::io::{self, Write};

/// The columns, in their order. New ones may be added at the end.
const COLUMNS: [&str; 8] = ["eid", "kind", "code", "message", "final", "attempts", "delivered", "time"];

/// The columns of calls, after the others.
const CALL_COLUMNS: [&str; 3] = ["line", "unknown", "parameters"];

/// Print the last result of each card, or of each call, as CSV with a header.
///
/// Spreadsheets round numbers to 15 digits: import the column eid as text.
#[derive(Args)]
pub(super) struct Csv {
    #[command(flatten)]
    journal: JournalFile,
    /// Every result, not only the last one of each card or call
    #[arg(long)]
    all: bool,
}

impl Csv {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        // The first time for the number of each card's last line, so that memory holds no results.
        let last = self.last_lines()?;
        let mut table = io::BufWriter::new(io::stdout().lock());
        let journal = self.journal.open()?;
        let of_calls = journal.header().call.is_some();
        let columns = COLUMNS.iter().chain(CALL_COLUMNS.iter().filter(|_| of_calls));
        writeln!(table, "{}", row(columns.copied()))?;
        let mut damaged = 0_u64;
        for line in journal {
            match line? {
                // A run may write more lines between the two times.
                (number, JournalLine::Result(result))
                    if self.all || last.get(result.key()).is_none_or(|last| *last <= number) =>
                {
                    writeln!(table, "{}", cells(&result, of_calls))?;
                }
                (number, JournalLine::Sending(result)) if last.get(result.key()) == Some(&number) => {
                    writeln!(table, "{}", cells(&result, of_calls))?;
                }
                (_, JournalLine::Damaged(_) | JournalLine::Torn) => damaged += 1,
                _ => {}
            }
        }
        table.flush()?;
        if damaged > 0 {
            warn(format_args!("{damaged} damaged lines were skipped; eiot journal check names them"));
        }
        Ok(ExitCode::Success)
    }

    /// The number of the last line of each card or call. The beginning of a call counts if it has no outcome.
    fn last_lines(&self) -> Result<HashMap<String, u64>, Failure> {
        let (mut last, mut before) = (HashMap::new(), HashMap::new());
        for line in self.journal.open()? {
            match line? {
                (number, JournalLine::Result(result)) => {
                    before.remove(result.key());
                    last.insert(result.key().to_owned(), number);
                }
                (number, JournalLine::Sending(result)) => {
                    let replaced = last.insert(result.key().to_owned(), number);
                    before.extend(replaced.map(|number| (result.key().to_owned(), number)));
                }
                (_, JournalLine::Unsent(call)) => {
                    last.remove(&call);
                    last.extend(before.remove_entry(&call));
                }
                _ => {}
            }
        }
        Ok(last)
    }
}

fn cells(result: &JournalResult, of_calls: bool) -> String {
    let JournalResult { eid, kind, code, message, r#final, attempts, delivered, time, .. } = result;
    let (is_final, attempts) = (r#final.to_string(), attempts.to_string());
    let code = code.as_deref().unwrap_or_default();
    let line = result.line.map(|line| line.to_string()).unwrap_or_default();
    let parameters =
        result.parameters.as_ref().map(|parameters| safe_json(parameters.get())).unwrap_or_default();
    // One line per row, which eiot refresh --from reads too.
    let message = escaped(message).to_string();
    let fields: [&str; COLUMNS.len()] = [eid, kind, code, &message, &is_final, &attempts, delivered, time];
    let of_call = [line.as_str(), if result.unknown { "true" } else { "false" }, &parameters];
    row(fields.into_iter().chain(of_call.into_iter().filter(|_| of_calls)))
}

/// A row as RFC 4180 has it.
fn row<'a>(fields: impl Iterator<Item = &'a str>) -> String {
    let quoted = fields.map(|field| match field.contains([',', '"', '\r', '\n']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")),
        false => field.to_owned(),
    });
    quoted.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_quotes_what_needs_it() {
        let fields = ["1", "a,b", "say \"no\"", "two\nlines", "", "\r", "中", " "];
        assert_eq!(row(fields.into_iter()), "1,\"a,b\",\"say \"\"no\"\"\",\"two\nlines\",,\"\r\",中, ");
    }
}
