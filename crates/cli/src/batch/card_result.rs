//! The result of one card or one call of a run, with its place in the input.

use super::row_call::CalledRow;
use crate::input::at_line;
use crate::output::record::{Record, RowRecord};
use eiot::{Error, Reply};
use std::borrow::Cow;

/// What to do about a call whose outcome is unknown.
const FIND_OUT: &str = "; the platform may have acted, so this call is not repeated. Find out there whether it has; --retry unknown \
                        repeats it";

/// The result of one card or one call.
pub(crate) struct CardResult<'a> {
    /// The EID, or the malformed text in its place.
    pub(crate) eid: &'a str,
    /// The card's line in the input, if its EID is malformed. Other cards are found by their EID.
    pub(crate) line: Option<u64>,
    /// The row of a call.
    pub(crate) row: Option<&'a CalledRow>,
    /// The platform's reply, or the error.
    pub(crate) result: Result<&'a Reply, &'a Error>,
}

impl<'a> CardResult<'a> {
    /// The result of a card whose EID is malformed.
    pub(crate) fn malformed(line: u64, error: &'a Error) -> Self {
        Self { eid: error.eid().unwrap_or_default(), line: Some(line), row: None, result: Err(error) }
    }

    /// The result of a card that was called.
    pub(crate) fn of_card(eid: &'a str, result: Result<&'a Reply, &'a Error>) -> Self {
        Self { eid, line: None, row: None, result }
    }

    /// The result of the call of a row.
    pub(crate) fn of_row(row: &'a CalledRow, result: Result<&'a Reply, &'a Error>) -> Self {
        Self { eid: &row.eid, line: Some(row.line), row: Some(row), result }
    }

    /// Whether the platform may have acted on a call that failed, and acts again if it is repeated.
    pub(crate) fn is_unknown(&self) -> bool {
        matches!((self.row, self.result), (Some(row), Err(error)) if row.is_unknown(error))
    }

    /// What is recorded and written.
    pub(crate) fn record(&self) -> Result<Record<'a>, Error> {
        let record = match self.result {
            Ok(reply) => Record::of_reply(reply)?,
            Err(error) => Record::of_error(self.eid, error).with_message(self.describe(error)),
        };
        Ok(match self.row {
            None => record,
            Some(row) => record.with_row(RowRecord {
                line: row.line,
                call: Cow::Owned(row.fingerprint.to_string()),
                parameters: Cow::Borrowed(&row.parameters),
                unknown: self.is_unknown(),
            }),
        })
    }

    /// The text of an error, with the line it concerns, and what to do if the outcome is unknown.
    pub(crate) fn describe(&self, error: &Error) -> String {
        let advice = if self.is_unknown() { FIND_OUT } else { "" };
        match self.line {
            Some(line) => at_line(line, format_args!("{error}{advice}")),
            None => error.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn card_result_of_a_malformed_eid_names_its_line() {
        let error = eiot::Eid::parse("8.9E+31").expect_err("malformed");
        let result = CardResult::malformed(5, &error);
        assert_eq!(Some(result.eid), error.eid());
        assert_eq!(result.describe(&error), format!("line 5: {error}"));
    }
}
