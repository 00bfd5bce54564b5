//! The calls of a run: one for each row of its input.

use crate::input::at_line;
use crate::input::call_rows::CallRow;
use eiot::{Call, EidRules, Error};
use serde_json::value::RawValue;
use std::collections::{HashMap, HashSet};

/// What is called, and with which parameters besides those of a row.
#[derive(Debug, Clone)]
pub(crate) struct CallTemplate {
    path: String,
    /// The members of a JSON object, without its braces.
    common: String,
    is_idempotent: bool,
}

/// A call and the row that it is for.
#[derive(Debug)]
pub(crate) struct RowCall {
    pub(crate) call: Call,
    pub(crate) row: CalledRow,
    /// The text of the parameter `eid`.
    eid: Option<String>,
}

/// The row that a call is for, as it is recorded and written.
#[derive(Debug)]
pub(crate) struct CalledRow {
    /// Its line in the input; the first line is 1.
    pub(crate) line: u64,
    /// What tells the call from others: rows with the same parameters are one call.
    pub(crate) fingerprint: Fingerprint,
    /// All parameters.
    pub(crate) parameters: Box<RawValue>,
    /// The parameter `eid`, or nothing.
    pub(crate) eid: String,
    /// The call may be repeated even if the platform has acted on it.
    pub(crate) is_idempotent: bool,
}

/// The fingerprint of a call, see [`Call::fingerprint`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Fingerprint(u128);

impl Fingerprint {
    /// Parses 32 hexadecimal digits.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        u128::from_str_radix(text, 16).ok().filter(|_| text.len() == 32).map(Self)
    }

    /// The fingerprint as a number.
    pub(crate) fn number(self) -> u128 {
        self.0
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl CallTemplate {
    /// A call of `path`. `parameters`, a JSON object, are those that all rows have in common. `is_idempotent`: even if the path is
    /// not known to be.
    pub(crate) fn new(path: &str, parameters: &str, is_idempotent: bool) -> Result<Self, Error> {
        let call = Call::from_json(path, parameters)?;
        let common = parameters.trim().strip_prefix('{').and_then(|text| text.strip_suffix('}'));
        Ok(Self {
            path: path.to_owned(),
            common: common.unwrap_or_default().trim().to_owned(),
            is_idempotent: is_idempotent || call.is_idempotent(),
        })
    }

    /// The path.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Whether a call may be repeated even if the platform has acted on it.
    pub(crate) fn is_idempotent(&self) -> bool {
        self.is_idempotent
    }

    /// The call of a row.
    ///
    /// # Errors
    /// If its parameters are invalid. The text names the line.
    pub(crate) fn call(&self, row: CallRow) -> Result<RowCall, Error> {
        let CallRow { line, members, eid } = row;
        let separator = if self.common.is_empty() || members.is_empty() { "" } else { "," };
        let parameters = format!("{{{}{separator}{members}}}", self.common);
        let invalid = |why: &dyn std::fmt::Display| Error::invalid_argument(at_line(line, why));
        let call = Call::from_json(&self.path, &parameters).map_err(|why| invalid(&why))?;
        let fingerprint = Fingerprint::parse(&call.fingerprint());
        let row = CalledRow {
            line,
            fingerprint: fingerprint.ok_or_else(|| Error::internal("a fingerprint has another form"))?,
            parameters: RawValue::from_string(parameters).map_err(|why| invalid(&why))?,
            eid: call.eid().unwrap_or_default().to_owned(),
            is_idempotent: self.is_idempotent,
        };
        Ok(RowCall { call: call.idempotent(self.is_idempotent), row, eid })
    }
}

impl RowCall {
    /// Checks the parameter `eid`, if there is one, by these rules.
    pub(crate) fn check_eid(&self, rules: EidRules) -> Result<(), Error> {
        match &self.eid {
            Some(eid) => eiot::Eid::parse_as(eid, rules).map(drop),
            None => Ok(()),
        }
    }
}

impl CalledRow {
    /// Whether the platform may have acted on the call, and acts again if it is repeated.
    pub(crate) fn is_unknown(&self, error: &Error) -> bool {
        !self.is_idempotent && error.may_have_acted()
    }

    /// The error of a call that an earlier run was making when it ended.
    pub(crate) fn lost(&self) -> Error {
        Error::outcome_lost("an earlier run ended while it was making this call, so its outcome is lost")
    }
}

/// The calls of a run so far.
pub(crate) struct Calls {
    pub(crate) is_idempotent: bool,
    /// How many calls may wait for their permits in the batch.
    pub(crate) max_waiting: usize,
    /// The calls that the run has had: 16 bytes each.
    seen: HashSet<u128>,
    /// The rows in the batch, by tag.
    in_batch: HashMap<u64, CalledRow>,
    next_tag: u64,
}

impl Calls {
    /// No calls yet. `rate` is the rate limit in calls per second, if there is one.
    pub(crate) fn new(is_idempotent: bool, rate: Option<f64>) -> Self {
        let max_waiting = match rate {
            // If the process is killed, the outcome of these is unknown as well: those of 10 ms, so that the rate is reached.
            Some(rate) if !is_idempotent => (rate / 100.0).ceil().max(1.0) as usize,
            _ => usize::MAX,
        };
        Self { is_idempotent, max_waiting, seen: HashSet::new(), in_batch: HashMap::new(), next_tag: 0 }
    }

    /// Notes a call. Returns whether it is new.
    pub(crate) fn note(&mut self, fingerprint: Fingerprint) -> bool {
        self.seen.insert(fingerprint.number())
    }

    /// Notes that the call of a row is in the batch. Returns its tag.
    pub(crate) fn add(&mut self, row: CalledRow) -> u64 {
        let tag = self.next_tag;
        self.next_tag += 1;
        self.in_batch.insert(tag, row);
        tag
    }

    /// The row of a call that has left the batch.
    pub(crate) fn take(&mut self, tag: u64) -> Option<CalledRow> {
        self.in_batch.remove(&tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PURCHASE: &str = "/api/v3/cloudesim/purchase";

    fn row(members: &str, eid: Option<&str>) -> CallRow {
        CallRow { line: 7, members: members.to_owned(), eid: eid.map(str::to_owned) }
    }

    #[test]
    fn call_of_a_row_has_its_parameters_and_the_common_ones() {
        let call = |common, members| {
            let template = CallTemplate::new(PURCHASE, common, false).expect("valid");
            template.call(row(members, None)).map(|call| call.row.parameters.get().to_owned())
        };
        assert_eq!(call(" { \"a\": 1 } ", "\"b\":2").expect("valid"), "{\"a\": 1,\"b\":2}");
        assert_eq!(call("{}", "\"b\":2").expect("valid"), "{\"b\":2}");
        assert_eq!(call("{\"a\":1}", "").expect("valid"), "{\"a\":1}");
        let why = call("{\"a\":1}", "\"a\":2").expect_err("twice").to_string();
        assert!(why.contains("line 7") && why.contains("duplicate parameter \"a\""), "{why}");
        let why = call("{}", "\"sign\":\"x\"").expect_err("reserved").to_string();
        assert!(why.contains("line 7") && why.contains("\"sign\" is added"), "{why}");
        assert!(CallTemplate::new(PURCHASE, "[]", false).is_err());
    }

    #[test]
    fn outcome_is_unknown_if_the_platform_may_act_twice() {
        let of = |path, declared| {
            CallTemplate::new(path, "{}", declared)
                .expect("valid")
                .call(row("\"a\":1", None))
                .expect("valid")
                .row
        };
        let purchase = of(PURCHASE, false);
        assert!(purchase.is_unknown(&purchase.lost()));
        assert!(!purchase.is_unknown(&Error::cancelled("nothing was sent")));
        for idempotent in [of(PURCHASE, true), of("/api/v3/cloudesim/get", false)] {
            assert!(!idempotent.is_unknown(&purchase.lost()));
        }
    }

    #[test]
    fn call_with_a_malformed_eid_is_found() {
        let template = CallTemplate::new(PURCHASE, "{}", false).expect("valid");
        for (eid, is_valid) in
            [(Some("8904"), true), (Some("8.9E+31"), false), (Some(""), false), (None, true)]
        {
            let call = template.call(row("\"a\":1", eid)).expect("valid parameters");
            assert_eq!(call.check_eid(EidRules::default()).is_ok(), is_valid, "{eid:?}");
        }
    }

    #[test]
    fn few_calls_wait_in_the_batch_if_they_must_not_be_repeated() {
        let max_waiting = |is_idempotent, rate| Calls::new(is_idempotent, rate).max_waiting;
        assert_eq!(max_waiting(false, Some(9.5)), 1);
        assert_eq!(max_waiting(false, Some(950.0)), 10);
        assert_eq!([max_waiting(true, Some(9.5)), max_waiting(false, None)], [usize::MAX; 2]);
    }

    #[test]
    fn fingerprint_is_32_hexadecimal_digits() {
        let text = "00000000000000000000000000000abc";
        assert_eq!(
            Fingerprint::parse(text).map(|fingerprint| fingerprint.to_string()).as_deref(),
            Some(text)
        );
        assert_eq!([Fingerprint::parse("abc"), Fingerprint::parse(&text.replace('0', "x"))], [None, None]);
    }
}
