//! `eiot man`: manual pages.

use crate::run::{eiot, run};
use std::path::PathBuf;

#[test]
fn manual_has_a_page_about_the_whole_command_and_one_per_subcommand() {
    let about_all = run(&mut eiot(&["man"]));
    assert_eq!((about_all.exit_code, about_all.stderr.as_str()), (Some(0), ""), "{about_all:?}");
    assert!(about_all.stdout.contains(&format!(".TH eiot 1  \"eiot {}\"", eiot::VERSION)));
    for command in ["refresh", "check", "doctor", "explain", "sign", "completions", "man"] {
        assert!(about_all.stdout.contains(&format!("eiot\\-{command}(1)")), "{command}");
        let page = run(&mut eiot(&["man", command])).stdout;
        assert!(page.contains(&format!("\n.TH eiot-{command} 1 ")), "{page}");
        assert!(page.contains("\n.SH SYNOPSIS\n") && page.contains("\n.SH NOTES\n.nf\n"), "{page}");
    }
}

#[test]
fn manual_page_has_the_text_of_help() {
    let page = run(&mut eiot(&["man", "doctor"])).stdout.replace('\\', "").replace("*(Aq", "'");
    let help = run(&mut eiot(&["doctor", "--help"])).stdout;
    let (_, notes) = help.split_once("Example:\n").expect("an example");
    for line in notes.lines() {
        assert!(page.contains(line), "{line}");
    }
}

#[test]
fn manual_of_an_unknown_command_is_wrong_usage_and_lists_the_valid_ones() {
    for (words, listed) in [
        (&["man", "refrsh"][..], "refresh, call, check"),
        (&["man", "webhook", "sign"], "valid commands are verify"),
        (&["man", "webhook", "verify", "it"], "verify has no commands"),
    ] {
        let outcome = run(&mut eiot(words));
        assert_eq!((outcome.exit_code, outcome.stdout.as_str()), (Some(2), ""), "{outcome:?}");
        assert!(outcome.stderr.contains(listed), "{outcome:?}");
    }
}

#[test]
fn manual_of_a_nested_command_is_found_by_all_its_words() {
    let page = run(&mut eiot(&["man", "webhook", "verify"])).stdout;
    assert!(page.contains("\n.TH eiot-webhook-verify 1 ") && page.contains("\n.SH NOTES\n.nf\n"), "{page}");
}

/// The pages that a page refers to, such as `eiot-refresh` in `eiot-refresh(1)`.
fn references(page: &str) -> Vec<String> {
    let text = page.replace('\\', "");
    let words = text.split(|c: char| c.is_whitespace() || ",;".contains(c));
    words.filter_map(|word| Some(word.split_once("(1)")?.0.to_owned())).collect()
}

#[test]
fn manual_directory_has_every_page_that_a_page_refers_to() {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("man-pages");
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).expect("a writable directory");
    let outcome = run(eiot(&["man", "--directory"]).arg(&directory));
    assert_eq!((outcome.exit_code, outcome.stdout.as_str(), outcome.stderr.as_str()), (Some(0), "", ""));
    let mut names: Vec<_> = std::fs::read_dir(&directory)
        .expect("a directory")
        .map(|file| file.expect("a file").file_name().into_string().expect("UTF-8"))
        .collect();
    names.sort();
    let commands = [
        "",
        "-call",
        "-check",
        "-completions",
        "-doctor",
        "-explain",
        "-journal",
        "-man",
        "-refresh",
        "-sign",
        "-webhook",
    ];
    let mut expected: Vec<_> = commands.iter().map(|command| format!("eiot{command}.1")).collect();
    expected.push("eiot-webhook-verify.1".to_owned());
    expected.extend(["show", "failed", "csv", "check"].map(|name| format!("eiot-journal-{name}.1")));
    expected.sort();
    assert_eq!(names, expected);
    let mut count = 0;
    for name in &names {
        let page = std::fs::read_to_string(directory.join(name)).expect("readable");
        for reference in references(&page) {
            assert!(names.contains(&format!("{reference}.1")), "{name} refers to {reference}(1)");
            count += 1;
        }
    }
    assert!(count >= expected.len() - 1, "eiot(1) refers to its commands, and eiot-webhook(1) too: {count}");
}

#[test]
fn manual_in_chinese_has_every_page_and_is_chosen_by_flag_or_locale() {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("man-pages-zh");
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).expect("a writable directory");
    let outcome = run(eiot(&["man", "--lang", "zh", "--directory"]).arg(&directory));
    assert_eq!((outcome.exit_code, outcome.stdout.as_str(), outcome.stderr.as_str()), (Some(0), "", ""));
    let page = std::fs::read_to_string(directory.join("eiot-refresh.1")).expect("readable");
    assert_eq!(run(eiot(&["man", "refresh"]).env("LANG", "zh_CN.UTF-8")).stdout, page);
    assert_eq!(
        run(eiot(&["man", "refresh", "--lang", "en"]).env("LANG", "zh_CN.UTF-8")).stdout,
        run(&mut eiot(&["man", "refresh"])).stdout
    );
    assert!(page.contains("\n.SH 名称\n") && page.contains("\n.SH 说明\n.nf\n"), "{page}");
    let count = |directory: &PathBuf| std::fs::read_dir(directory).expect("a directory").count();
    assert_eq!(count(&directory), 16);
    for file in std::fs::read_dir(&directory).expect("a directory") {
        let page = std::fs::read_to_string(file.expect("a file").path()).expect("readable");
        for english in ["SYNOPSIS", "OPTIONS", "Possible values", "[default", "Exit codes", "Example"] {
            assert!(!page.contains(english), "{english}: {page}");
        }
    }
}

#[test]
fn manual_directory_that_cannot_be_written_is_named() {
    let outcome = run(&mut eiot(&["man", "--directory", "/nonexistent"]));
    assert_eq!(outcome.exit_code, Some(2), "{outcome:?}");
    assert!(outcome.stderr.contains("/nonexistent/eiot.1 cannot be written"), "{outcome:?}");
}
