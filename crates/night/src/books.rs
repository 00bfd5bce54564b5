//! What the files of a run must say, whatever happened to it: properties of the command, each with the sentence that promises it.

use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// docs/operations.md
const ONCE: &str = "\"The file of --out has every outcome once, however often the run is interrupted.\"";
/// docs/operations.md
const EXIT_0: &str = "\"Exit 0 means that every card of the input is refreshed, in this run or in an earlier one with the same journal.\"";
/// docs/operations.md
const WHOLE: &str = "\"The journal has one JSON object per line.\"";
/// docs/operations.md
const SUMMARY: &str = "\"how the run ended; counts of cards\"";

/// The result of a card, as the journal and the output have it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Entry {
    /// The EID, or a malformed text.
    pub eid: String,
    /// `ok`, or the kind of failure.
    pub kind: String,
    /// Whether the call would fail again. The two files say different things about a success.
    #[serde(rename = "final", default)]
    pub is_final: bool,
    /// The platform may have acted on a call that must not be repeated.
    #[serde(rename = "unknown", default)]
    pub is_unknown: bool,
}

impl Entry {
    /// Whether the card was refreshed.
    pub fn is_ok(&self) -> bool {
        self.kind == "ok"
    }

    /// Whether there is nothing left to do for the card.
    pub fn is_done(&self) -> bool {
        self.is_ok() || self.is_final || self.is_unknown
    }

    fn key(&self) -> (&str, &str) {
        (&self.eid, &self.kind)
    }
}

/// The results in a journal or an output file, and what is wrong with its lines. A last line without its end is not counted: the
/// next run removes it.
pub fn entries(bytes: &[u8]) -> (Vec<Entry>, Vec<String>) {
    let (mut found, mut wrong) = (Vec::new(), Vec::new());
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    for (number, line) in
        (1_u64..).zip(bytes.get(..whole).unwrap_or_default().split_inclusive(|byte| *byte == b'\n'))
    {
        match serde_json::from_slice::<Value>(line) {
            Ok(object) if object.get("eid").is_some() => match serde_json::from_value(object) {
                Ok(entry) => found.push(entry),
                Err(why) => wrong.push(format!("line {number}: {why}")),
            },
            Ok(_) => {}
            Err(_) => wrong.push(format!("line {number}: {:?}", String::from_utf8_lossy(line))),
        }
    }
    (found, wrong)
}

/// The cards that a later run with this journal must not call: those that were refreshed, and calls that the platform may have acted
/// on, also those that were begun and have no outcome.
pub fn not_again(journal: &[u8]) -> BTreeSet<String> {
    let mut cards = BTreeSet::new();
    let mut begun = BTreeMap::new();
    for line in journal.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n")) {
        let Ok(line) = serde_json::from_slice::<Value>(line) else { continue };
        let text = |name: &str| line.get(name).and_then(Value::as_str).map(str::to_owned);
        if let Some(call) = text("sending") {
            let eid = line.pointer("/parameters/eid").and_then(Value::as_str);
            begun.insert(call, eid.unwrap_or_default().to_owned());
        }
        if let Some(call) = text("unsent").or_else(|| text("call")) {
            begun.remove(&call);
        }
        // A card that was refreshed stays refreshed, whatever a later line says.
        if let Ok(entry) = serde_json::from_value::<Entry>(line) {
            if entry.is_ok() || entry.is_unknown {
                cards.insert(entry.eid);
            }
        }
    }
    cards.extend(begun.into_values());
    cards
}

/// A run that has ended by itself.
pub struct End<'a> {
    /// The rows of the input.
    pub rows: &'a [String],
    /// The journal.
    pub journal: &'a [u8],
    /// The file of `--out`.
    pub output: &'a [u8],
    /// The file of `--summary`.
    pub summary: Option<&'a [u8]>,
    /// The exit code.
    pub exit_code: u8,
    /// How often the platform carried out a refresh of this card.
    pub acted: &'a dyn Fn(&str) -> u64,
    /// A power failure has damaged the files at some time.
    pub had_power_failure: bool,
    /// The disk was full during the run.
    pub was_full: bool,
}

impl End<'_> {
    /// What is wrong, one sentence each.
    pub fn violations(&self) -> Vec<String> {
        let mut found = Vec::new();
        let (journal, damaged) = entries(self.journal);
        let (output, broken) = entries(self.output);
        if !self.had_power_failure {
            found.extend(damaged.iter().map(|why| format!("{WHOLE}, but the journal has a damaged {why}")));
        }
        found.extend(broken.iter().map(|why| format!("{ONCE}, but the output has a damaged {why}")));
        found.extend(self.output_differs(&journal, &output));
        let mut last = BTreeMap::new();
        for entry in &journal {
            // What was refreshed once stays so.
            if !last.get(entry.eid.as_str()).is_some_and(|before: &&Entry| before.is_ok()) {
                last.insert(entry.eid.as_str(), entry);
            }
        }
        for entry in journal.iter().filter(|entry| entry.is_ok() && (self.acted)(&entry.eid) == 0) {
            found.push(format!(
                "EID {} is refreshed by the journal, and the platform has not done it",
                entry.eid
            ));
        }
        if self.exit_code == 0 {
            let open =
                self.rows.iter().find(|row| !last.get(row.as_str()).is_some_and(|entry| entry.is_ok()));
            found.extend(open.map(|row| format!("{EXIT_0}, but {row} is not: {:?}", last.get(row.as_str()))));
        }
        found.extend(self.summary_differs());
        found
    }

    /// The output has what the journal has, in its order.
    fn output_differs(&self, journal: &[Entry], output: &[Entry]) -> Option<String> {
        if self.was_full {
            // The next run writes what is missing.
            return None;
        }
        if self.had_power_failure {
            // The journal may have lost results that the output has, but each of its own is there, and the last ones agree.
            let mut left = output.iter();
            let missing = journal.iter().find(|entry| !left.any(|written| written.key() == entry.key()));
            return missing
                .map(|entry| format!("{ONCE}, but {entry:?} is only in the journal, or in another order"));
        }
        let differs = journal.iter().zip(output).position(|(one, other)| one.key() != other.key());
        let differs =
            differs.or((journal.len() != output.len()).then_some(journal.len().min(output.len())))?;
        Some(format!(
            "{ONCE}, but result {differs} is {:?} in the journal, which has {}, and {:?} in the output, which has {}",
            journal.get(differs),
            journal.len(),
            output.get(differs),
            output.len()
        ))
    }

    fn summary_differs(&self) -> Option<String> {
        if self.was_full {
            // It could not be written.
            return None;
        }
        let summary: Value = serde_json::from_slice(self.summary?).unwrap_or_default();
        if summary.get("exit_code").and_then(Value::as_u64) != Some(u64::from(self.exit_code)) {
            return Some(format!("{SUMMARY}, but after exit {} the summary is {summary}", self.exit_code));
        }
        let count =
            |name: &str| summary.pointer(&format!("/cards/{name}")).and_then(Value::as_u64).unwrap_or(0);
        let parts = [
            "refreshed",
            "failed",
            "duplicates",
            "refreshed_before",
            "failed_before",
            "refreshed_recently",
            "not_sent",
        ];
        let sum: u64 = parts.iter().map(|name| count(name)).sum();
        (sum != count("read")).then(|| format!("{SUMMARY}, but they add up to {sum}: {summary}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "{\"eiot_journal\":1}\n{\"run\":\"now\"}\n";

    fn lines(results: &[(&str, &str)]) -> String {
        results.iter().map(|(eid, kind)| format!("{{\"eid\":\"{eid}\",\"kind\":\"{kind}\"}}\n")).collect()
    }

    fn violations(journal: &str, output: &str, exit_code: u8) -> Vec<String> {
        let rows = ["1", "2", "1"].map(str::to_owned);
        let end = End {
            rows: &rows,
            journal: journal.as_bytes(),
            output: output.as_bytes(),
            summary: None,
            exit_code,
            acted: &|eid| u64::from(eid != "9"),
            had_power_failure: false,
            was_full: false,
        };
        end.violations()
    }

    #[test]
    fn books_of_a_good_run_are_in_order() {
        let results = lines(&[("1", "ok"), ("2", "timeout"), ("2", "ok")]);
        let journal = format!("{HEADER}{results}{{\"finished\":\"now\"}}\n");
        assert_eq!(violations(&journal, &results, 0), Vec::<String>::new());
        assert_eq!(not_again(journal.as_bytes()), ["1", "2"].map(str::to_owned).into());
    }

    #[test]
    fn books_show_what_is_missing_twice_open_damaged_or_invented() {
        let results = lines(&[("1", "ok"), ("2", "ok")]);
        for (journal, output, exit_code, expected) in [
            (results.clone(), lines(&[("1", "ok")]), 0, "every outcome once"),
            (results.clone(), lines(&[("1", "ok"), ("2", "ok"), ("2", "ok")]), 0, "every outcome once"),
            (lines(&[("1", "ok"), ("2", "http")]), lines(&[("1", "ok"), ("2", "http")]), 0, "Exit 0"),
            (lines(&[("1", "ok")]), lines(&[("1", "ok")]), 0, "2 is not"),
            (results.clone() + "{\"eid\n", results.clone(), 0, "a damaged line 3"),
            (lines(&[("9", "ok")]), lines(&[("9", "ok")]), 1, "has not done it"),
        ] {
            let found = violations(&journal, &output, exit_code);
            assert!(found.iter().any(|why| why.contains(expected)), "{expected}: {found:?}");
        }
    }
}
