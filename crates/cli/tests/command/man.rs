//! `eiot man`: pages of the manual.

use crate::run::{eiot, run};

#[test]
fn there_is_a_page_about_all_and_one_about_each_command() {
    let about_all = run(&mut eiot(&["man"]));
    assert_eq!((about_all.exit_code, about_all.stderr.as_str()), (Some(0), ""), "{about_all:?}");
    assert!(about_all.stdout.contains(&format!(".TH eiot 1  \"eiot {}\"", eiot::VERSION)));
    for command in ["refresh", "check", "doctor", "sign", "completions", "man"] {
        assert!(about_all.stdout.contains(&format!("eiot\\-{command}(1)")), "{command}");
        let page = run(&mut eiot(&["man", command])).stdout;
        assert!(page.contains(&format!("\n.TH eiot-{command} 1 ")), "{page}");
        assert!(page.contains("\n.SH SYNOPSIS\n") && page.contains("\n.SH NOTES\n.nf\n"), "{page}");
    }
}

#[test]
fn a_page_tells_what_help_tells() {
    let page = run(&mut eiot(&["man", "doctor"])).stdout.replace('\\', "").replace("*(Aq", "'");
    let help = run(&mut eiot(&["doctor", "--help"])).stdout;
    let (_, notes) = help.split_once("Example:\n").expect("an example");
    for line in notes.lines() {
        assert!(page.contains(line), "{line}");
    }
}

#[test]
fn a_command_that_is_not_there_is_wrong_usage_and_those_that_are_are_listed() {
    let outcome = run(&mut eiot(&["man", "refrsh"]));
    assert_eq!((outcome.exit_code, outcome.stdout.as_str()), (Some(2), ""), "{outcome:?}");
    assert!(outcome.stderr.contains("refresh, call, check"), "{outcome:?}");
}
