//! What the command says about itself.

use crate::run::{SECRET, eiot, run};
use eiot::Config;

#[test]
fn the_version_is_that_of_the_library() {
    let outcome = run(&mut eiot(&["--version"]));
    assert_eq!(outcome.stdout, format!("eiot {}\n", eiot::VERSION));
    assert_eq!((outcome.exit_code, outcome.stderr.as_str()), (Some(0), ""));
}

#[test]
fn help_teaches_by_example_and_lists_variables_and_exit_codes() {
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
fn no_line_of_the_help_is_wider_than_a_terminal() {
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
fn the_help_of_each_field_of_json_is_there() {
    let platform = crate::responder::Responder::start(&[crate::responder::ok(crate::responder::SUCCESS)]);
    let record = run(&mut crate::run::refresh(&platform, &["--json", "1"])).record();
    let help = run(&mut eiot(&["refresh", "--help"])).stdout;
    for field in record.as_object().expect("an object").keys() {
        assert!(help.contains(&format!("\n    {field} ")), "{field}");
    }
}

#[test]
fn nothing_to_do_is_wrong_usage() {
    for words in [&[][..], &["refrsh", "1"], &["refresh", "--no-such-flag", "1"], &["sign"]] {
        let outcome = run(&mut eiot(words));
        assert_eq!((outcome.exit_code, outcome.stdout.as_str()), (Some(2), ""), "{outcome:?}");
    }
}
