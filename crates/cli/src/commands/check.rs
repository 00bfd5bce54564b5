//! `eiot check`: checks the EIDs of a file without sending anything.

use crate::help;
use crate::input::cards::{Card, Cards, at_line, parse_eid};
use crate::output::{ExitCode, Failure, print_line, warn};
use clap::Args;
use eiot::{Eid, EidRules, Error};
use serde::Serialize;
use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;

/// How many findings of each sort are printed.
const MAX_REPORTED: u64 = 100;

/// Check the EIDs of a file: report malformed EIDs and duplicates.
///
/// Needs no account and sends nothing.
#[derive(Args)]
#[command(after_help = help::for_check())]
pub(crate) struct Check {
    /// The file, or - for standard input: CSV, TSV, or one EID per line
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The column of the table that holds the EIDs [eid]
    #[arg(long, value_name = "NAME")]
    column: Option<String>,
    /// Require GSMA EIDs: 32 digits with valid check digits
    #[arg(long)]
    strict_eid: bool,
    /// Print the counts as one JSON object
    #[arg(long)]
    json: bool,
}

/// The counts. Names and their meaning never change; new ones may be added.
#[derive(Serialize, Default)]
struct Counts {
    ok: bool,
    cards: u64,
    valid: u64,
    malformed: u64,
    duplicates: u64,
}

/// What is wrong with a card.
enum Finding {
    Malformed(Error),
    Duplicate(Eid),
}

/// Checks card by card. Remembers every EID as a number of 16 bytes.
#[derive(Default)]
struct Checker {
    eid_rules: EidRules,
    counts: Counts,
    seen: HashSet<u128>,
}

fn rules(strict: bool) -> EidRules {
    EidRules { strict, ..EidRules::default() }
}

impl Check {
    /// Reads the whole file. Returns the exit code of an invalid EID if there is one.
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let mut checker = Checker { eid_rules: rules(self.strict_eid), ..Checker::default() };
        for card in Cards::open(&self.file, self.column.as_deref())? {
            let card = card?;
            if let Some(finding) = checker.check(&card) {
                checker.report(card.line, &finding);
            }
        }
        let counts = checker.finish();
        print_line(&match self.json {
            true => serde_json::to_string(&counts).map_err(Error::internal)?,
            false => counts.to_string(),
        })?;
        Ok(if counts.ok { ExitCode::Success } else { ExitCode::Usage })
    }
}

impl Checker {
    fn check(&mut self, card: &Card) -> Option<Finding> {
        self.counts.cards += 1;
        match parse_eid(&card.text, self.eid_rules) {
            Err(error) => {
                self.counts.malformed += 1;
                Some(Finding::Malformed(error))
            }
            Ok(eid) => {
                self.counts.valid += 1;
                if self.seen.insert(eid.to_number()) {
                    return None;
                }
                self.counts.duplicates += 1;
                Some(Finding::Duplicate(eid))
            }
        }
    }

    /// Prints the first findings of each sort.
    fn report(&self, line: u64, finding: &Finding) {
        match finding {
            Finding::Malformed(error) if self.counts.malformed <= MAX_REPORTED => {
                warn(at_line(line, error));
            }
            Finding::Duplicate(eid) if self.counts.duplicates <= MAX_REPORTED => {
                warn(at_line(line, format_args!("EID {eid}: duplicate")));
            }
            _ => {}
        }
    }

    /// Prints how many findings were not printed, and returns the counts.
    fn finish(mut self) -> Counts {
        for (count, what) in [(self.counts.malformed, "malformed"), (self.counts.duplicates, "duplicate")] {
            if let Some(more @ 1..) = count.checked_sub(MAX_REPORTED) {
                warn(format_args!("and {more} more {what} EIDs"));
            }
        }
        self.counts.ok = self.counts.malformed == 0;
        self.counts
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cards, valid, malformed, duplicates, .. } = self;
        write!(f, "{cards} cards: {valid} valid, {malformed} malformed, {duplicates} duplicates")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The findings in these texts, as their counts and as a letter each.
    fn findings(strict_eid: bool, texts: &[&str]) -> (String, String) {
        let mut checker = Checker { eid_rules: rules(strict_eid), ..Checker::default() };
        let letters = (1..).zip(texts).map(|(line, text)| {
            let card = Card { line, text: (*text).to_owned() };
            match checker.check(&card) {
                None => '.',
                Some(Finding::Malformed(_)) => 'm',
                Some(Finding::Duplicate(_)) => 'd',
            }
        });
        let letters = letters.collect();
        (letters, checker.finish().to_string())
    }

    #[test]
    fn check_counts_each_card_as_valid_or_malformed_and_valid_ones_as_duplicates() {
        let (letters, counts) = findings(false, &["1", "2", "x", " 1 ", "x", "1", ""]);
        assert_eq!(letters, "..mdmdm");
        assert_eq!(counts, "7 cards: 4 valid, 3 malformed, 2 duplicates");
    }

    #[test]
    fn check_takes_leading_zeros_as_part_of_the_eid() {
        assert_eq!(findings(false, &["1", "01", "001", "01"]).0, "...d");
    }

    #[test]
    fn check_with_strict_eid_requires_gsma_check_digits() {
        let texts = ["89044011112233441122334411223321", "89044011112233441122334411223373", "7"];
        assert_eq!(findings(false, &texts).0, "...");
        assert_eq!(findings(true, &texts).0, ".mm");
    }
}
