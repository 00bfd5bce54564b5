//! `eiot check`: checks the EIDs of a file without an account or a network.

use crate::run::{EID, OTHER_EID, Outcome, eiot, run, vectors};
use std::fs::File;
use std::path::PathBuf;
use std::process::Stdio;

/// A file with this content, in a separate directory.
fn file(name: &str, content: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("check-{name}"));
    std::fs::write(&path, content).expect("a writable directory");
    path
}

fn check(name: &str, content: &str, flags: &[&str]) -> Outcome {
    run(eiot(&["check"]).args(flags).arg(file(name, content)))
}

#[test]
fn check_of_valid_cards_prints_only_the_counts() {
    let outcome = check("good", &format!("{EID}\n{OTHER_EID}\n"), &[]);
    assert_eq!(outcome.stdout, "2 cards: 2 valid, 0 malformed, 0 duplicates\n");
    assert_eq!((outcome.exit_code, outcome.stderr.as_str()), (Some(0), ""));
}

#[test]
fn check_reports_malformed_eids_with_line_and_advice() {
    let outcome = check("bad.csv", &format!("name,eid\na,{EID}\nb,8.9E+31\nc,\nd,{EID}\n"), &[]);
    let told: Vec<&str> = outcome.stderr.lines().collect();
    assert_eq!(told.len(), 3, "{outcome:?}");
    assert!(told[0].starts_with("eiot: line 3: ") && told[0].contains("format the column as text"));
    assert!(told[1].starts_with("eiot: line 4: ") && told[1].contains("empty"));
    assert_eq!(told[2], format!("eiot: line 5: EID {EID}: duplicate"));
    assert_eq!(outcome.stdout, "4 cards: 2 valid, 2 malformed, 1 duplicates\n");
    assert_eq!(outcome.exit_code, Some(2));
}

#[test]
fn check_does_not_fail_for_duplicates() {
    let outcome = check("twice", &format!("{EID}\n{EID}\n"), &[]);
    assert_eq!(outcome.exit_code, Some(0), "{outcome:?}");
    assert_eq!(outcome.stdout, "2 cards: 2 valid, 0 malformed, 1 duplicates\n");
}

#[test]
fn check_json_has_the_counts_that_help_lists() {
    let outcome = check("json", &format!("{EID}\nx\n{EID}\n"), &["--json"]);
    let counts = outcome.record();
    let expected = serde_json::json!({"ok": false, "cards": 3, "valid": 2, "malformed": 1, "duplicates": 1});
    assert_eq!(counts, expected);
    let help = run(&mut eiot(&["check", "--help"])).stdout;
    for field in counts.as_object().expect("an object").keys() {
        assert!(help.contains(&format!("\n    {field} ")), "{field}");
    }
}

#[test]
fn check_reports_a_hundred_findings_and_counts_the_others() {
    let outcome = check("many", &"x\n".repeat(250), &[]);
    assert_eq!(outcome.stderr.lines().count(), 101);
    assert_eq!(outcome.stderr.lines().last(), Some("eiot: and 150 more malformed EIDs"));
    let outcome = check("hundred", &"x\n".repeat(100), &[]);
    assert_eq!(outcome.stderr.lines().count(), 100);
}

#[test]
fn check_agrees_with_the_library_on_every_vector() {
    let vectors = vectors(include_str!("../../../../tests/vectors/eids.json"));
    for (list, exit_code) in [("valid", 0), ("invalid", 2)] {
        for case in vectors[list].as_array().expect("a list") {
            // JSON, since a line cannot contain a line end, and an empty line is skipped.
            let line = format!("{{\"eid\":{}}}\n", case["eid"]);
            let outcome = check("vector.jsonl", &line, &[]);
            assert_eq!(outcome.exit_code, Some(exit_code), "{case} {outcome:?}");
            let strict = check("vector.jsonl", &line, &["--strict-eid"]);
            assert_eq!(strict.exit_code == Some(0), case["strict"] == true, "{case} {strict:?}");
        }
    }
}

#[test]
fn check_reads_standard_input_and_a_named_column() {
    let table = file("column.tsv", &format!("eid\tcard\nx\t{EID}\n"));
    let mut command = eiot(&["check", "-", "--column", "CARD"]);
    let outcome = run_with_input(&mut command, &table);
    assert_eq!((outcome.exit_code, outcome.stderr.as_str()), (Some(0), ""), "{outcome:?}");
}

fn run_with_input(command: &mut std::process::Command, input: &PathBuf) -> Outcome {
    run(command.stdin(Stdio::from(File::open(input).expect("readable"))))
}

#[test]
fn check_names_an_unreadable_file_and_exits_with_2() {
    let outcome = run(&mut eiot(&["check", "/nonexistent/cards.csv"]));
    assert_eq!((outcome.exit_code, outcome.stdout.as_str()), (Some(2), ""), "{outcome:?}");
    assert!(outcome.stderr.contains("/nonexistent/cards.csv cannot be read"), "{outcome:?}");
    let outcome = check("no-column.csv", "a,b\n1,2\n", &[]);
    assert_eq!(outcome.exit_code, Some(2));
    assert!(outcome.stderr.contains("--column, one of: a, b"), "{outcome:?}");
}

#[test]
fn check_needs_neither_account_nor_environment() {
    let cards = file("alone", EID);
    let outcome = run(eiot(&["check"]).arg(cards).env("EIOT_TIMEOUT", "soon"));
    assert_eq!(outcome.exit_code, Some(0), "{outcome:?}");
}

#[test]
fn check_skips_the_empty_rows_of_a_spreadsheet() {
    let outcome = check("saved.csv", &format!("\u{feff}name;EID\r\na;=\"{EID}\"\r\n;\r\n\r\n"), &[]);
    assert_eq!(outcome.stdout, "1 cards: 1 valid, 0 malformed, 0 duplicates\n", "{outcome:?}");
    assert_eq!(outcome.exit_code, Some(0));
}

#[test]
fn check_does_not_read_the_rest_of_a_line_that_is_too_long() {
    let outcome = check("long", &format!("{}{EID}\n", "x".repeat(64 * 1024)), &[]);
    assert_eq!((outcome.exit_code, outcome.stdout.as_str()), (Some(2), ""), "{outcome:?}");
    assert!(outcome.stderr.contains("line 1: too long"), "{outcome:?}");
}
