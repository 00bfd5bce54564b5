//! The result of one card of a run, with its place in the input.

use crate::input::at_line;
use crate::output::record::Record;
use eiot::{Error, Reply};

/// The result of one card.
pub(crate) struct CardResult<'a> {
    /// The EID, or the malformed text in its place.
    pub(crate) eid: &'a str,
    /// The card's line in the input, if its EID is malformed. Other cards are found by their EID.
    pub(crate) line: Option<u64>,
    /// The platform's reply, or the error.
    pub(crate) result: Result<&'a Reply, &'a Error>,
}

impl<'a> CardResult<'a> {
    /// The result of a card whose EID is malformed.
    pub(crate) fn malformed(line: u64, error: &'a Error) -> Self {
        Self { eid: error.eid().unwrap_or_default(), line: Some(line), result: Err(error) }
    }

    /// What is recorded and written.
    pub(crate) fn record(&self) -> Result<Record<'a>, Error> {
        match self.result {
            Ok(reply) => Record::of_reply(reply),
            Err(error) => Ok(Record::of_error(self.eid, error).with_message(self.describe(error))),
        }
    }

    /// The text of an error, with the line it concerns.
    pub(crate) fn describe(&self, error: &Error) -> String {
        match self.line {
            Some(line) => at_line(line, error),
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
