//! `--help` and `--version`.

use crate::run::{SECRET, eiot, run};
use eiot::Config;

#[test]
fn version_is_that_of_the_library() {
    let outcome = run(&mut eiot(&["--version"]));
    assert_eq!(outcome.stdout, format!("eiot {}\n", eiot::VERSION));
    assert_eq!((outcome.exit_code, outcome.stderr.as_str()), (Some(0), ""));
}

#[test]
fn help_has_examples_variables_and_exit_codes() {
    for words in [&["--help"][..], &["refresh", "--help"]] {
        let outcome = run(&mut eiot(words));
        assert_eq!((outcome.exit_code, outcome.stderr.as_str()), (Some(0), ""), "{outcome:?}");
        assert!(outcome.stdout.contains("  eiot refresh 8904") && outcome.stdout.contains("Exit codes:"));
        for option in Config::OPTIONS {
            let variable = format!("EIOT_{}", option.to_uppercase());
            assert!(outcome.stdout.contains(&variable), "{variable}");
        }
    }
}

#[test]
fn help_shows_no_value_of_the_environment() {
    for words in
        [&["--help"][..], &["refresh", "--help"], &["refresh", "-h"], &["sign", "--help"], &["refresh"]]
    {
        let mut command = eiot(words);
        for option in Config::OPTIONS {
            command.env(format!("EIOT_{}", option.to_uppercase()), SECRET);
        }
        run(&mut command);
    }
}

#[test]
fn help_has_no_line_wider_than_92_columns() {
    for words in [
        &["--help"][..],
        &["refresh", "--help"],
        &["check", "--help"],
        &["doctor", "--help"],
        &["sign", "--help"],
    ] {
        for line in run(&mut eiot(words)).stdout.lines() {
            assert!(line.chars().count() <= 92, "{line}");
        }
    }
}

#[test]
fn help_lists_every_field_of_json() {
    let platform = crate::responder::Responder::start(&[crate::responder::ok(crate::responder::SUCCESS)]);
    let record = run(&mut crate::run::refresh(&platform, &["--json", "1"])).record();
    let help = run(&mut eiot(&["refresh", "--help"])).stdout;
    for field in record.as_object().expect("an object").keys() {
        assert!(help.contains(&format!("\n    {field} ")), "{field}");
    }
}

#[test]
fn usage_without_a_valid_command_is_wrong() {
    for words in [&[][..], &["refrsh", "1"], &["refresh", "--no-such-flag", "1"], &["sign"]] {
        let outcome = run(&mut eiot(words));
        assert_eq!((outcome.exit_code, outcome.stdout.as_str()), (Some(2), ""), "{outcome:?}");
    }
}
