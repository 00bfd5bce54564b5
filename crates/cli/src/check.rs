//! `eiot check`: are the EIDs of a file well formed?

use crate::cards::{Card, Cards};
use crate::help;
use crate::output::{Failure, complain, say};
use clap::Args;
use eiot::{Eid, Error, ErrorKind};
use serde::Serialize;
use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;

/// More lines than this about one thing tell a person nothing new.
const MOST_TOLD: u64 = 100;

/// Find malformed and duplicate EIDs in a file.
///
/// Needs no account. Sends nothing.
#[derive(Args)]
#[command(after_help = help::FOR_CHECK)]
pub(crate) struct Check {
    /// The file, or - for standard input: CSV, TSV, or one EID per line
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The column that contains the EIDs [eid]
    #[arg(long, value_name = "NAME")]
    column: Option<String>,
    /// Accept only GSMA EIDs: 32 digits with a valid checksum
    #[arg(long)]
    strict_eid: bool,
    /// Print the counts as one JSON object
    #[arg(long)]
    json: bool,
}

/// What was found. Names and their meaning never change; new ones may be added.
#[derive(Serialize, Default)]
struct Counts {
    ok: bool,
    cards: u64,
    valid: u64,
    malformed: u64,
    duplicates: u64,
}

/// What is wrong with a card that was read.
enum Finding {
    Malformed(Error),
    Duplicate(Eid),
}

/// Finds what is wrong, card by card. It remembers every EID, as a number of 16 bytes.
#[derive(Default)]
struct Checker {
    strict_eid: bool,
    counts: Counts,
    seen: HashSet<u128>,
}

impl Check {
    /// Reads all of the file; the exit code is that of a malformed EID where there is one.
    pub(crate) fn run(&self) -> Result<u8, Failure> {
        let mut checker = Checker { strict_eid: self.strict_eid, ..Checker::default() };
        for card in Cards::open(&self.file, self.column.as_deref())? {
            let card = card?;
            if let Some(finding) = checker.look_at(&card) {
                checker.tell(card.line, &finding);
            }
        }
        let counts = checker.end();
        say(&match self.json {
            true => serde_json::to_string(&counts).map_err(Error::internal)?,
            false => counts.to_string(),
        })?;
        Ok(if counts.ok { 0 } else { ErrorKind::InvalidEid.exit_code() })
    }
}

impl Checker {
    fn look_at(&mut self, card: &Card) -> Option<Finding> {
        self.counts.cards += 1;
        let parsed = if self.strict_eid { Eid::parse_strict(&card.text) } else { Eid::parse(&card.text) };
        match parsed {
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

    /// Tells the first findings of each sort.
    fn tell(&self, line: u64, finding: &Finding) {
        match finding {
            Finding::Malformed(error) if self.counts.malformed <= MOST_TOLD => {
                complain(format_args!("line {line}: {error}"));
            }
            Finding::Duplicate(eid) if self.counts.duplicates <= MOST_TOLD => {
                complain(format_args!("line {line}: EID {eid}: duplicate"));
            }
            _ => {}
        }
    }

    /// Tells how much was left untold.
    fn end(mut self) -> Counts {
        for (count, what) in [(self.counts.malformed, "malformed"), (self.counts.duplicates, "duplicate")] {
            if let Some(more @ 1..) = count.checked_sub(MOST_TOLD) {
                complain(format_args!("and {more} more {what} EIDs"));
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
        let mut checker = Checker { strict_eid, ..Checker::default() };
        let letters = (1..).zip(texts).map(|(line, text)| {
            let card = Card { line, text: (*text).to_owned() };
            match checker.look_at(&card) {
                None => '.',
                Some(Finding::Malformed(_)) => 'm',
                Some(Finding::Duplicate(_)) => 'd',
            }
        });
        let letters = letters.collect();
        (letters, checker.end().to_string())
    }

    #[test]
    fn each_card_is_valid_malformed_or_a_duplicate() {
        let (letters, counts) = findings(false, &["1", "2", "x", " 1 ", "x", "1", ""]);
        assert_eq!(letters, "..mdmdm");
        assert_eq!(counts, "7 cards: 4 valid, 3 malformed, 2 duplicates");
    }

    #[test]
    fn zeros_at_the_front_make_another_eid() {
        assert_eq!(findings(false, &["1", "01", "001", "01"]).0, "...d");
    }

    #[test]
    fn strictness_asks_for_the_gsma_check() {
        let texts = ["89044011112233441122334411223321", "89044011112233441122334411223373", "7"];
        assert_eq!(findings(false, &texts).0, "...");
        assert_eq!(findings(true, &texts).0, ".mm");
    }
}
