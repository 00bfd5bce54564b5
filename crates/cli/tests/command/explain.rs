//! `eiot explain`: the documentation of errors, offline.

use crate::run::{eiot, run};

#[test]
fn explain_prints_what_a_code_means_and_what_to_do() {
    let outcome = run(&mut eiot(&["explain", "502"]));
    assert_eq!((outcome.exit_code, outcome.stderr.as_str()), (Some(0), ""), "{outcome:?}");
    for words in
        ["code 502\n", "IP whitelist error", "kind auth\n", "EIOT_ERR_AUTH 40", "What to do: for 502"]
    {
        assert!(outcome.stdout.contains(words), "{words}: {outcome:?}");
    }
}

#[test]
fn explain_speaks_the_language_of_the_flag_or_else_of_the_locale() {
    let chinese = run(&mut eiot(&["explain", "auth", "--lang", "zh"])).stdout;
    assert!(chinese.starts_with("类别 auth\n") && chinese.contains("处理方法："), "{chinese}");
    let english = run(&mut eiot(&["explain", "auth"])).stdout;
    assert!(english.starts_with("kind auth\n"), "{english}");
    let by_locale = |variable: &str, value: &str| run(eiot(&["explain", "auth"]).env(variable, value)).stdout;
    for variable in ["LC_ALL", "LC_MESSAGES", "LANG"] {
        assert_eq!(by_locale(variable, "zh_CN.UTF-8"), chinese, "{variable}");
        assert_eq!(by_locale(variable, "de_DE.UTF-8"), english, "{variable}");
    }
    let flag_wins = run(eiot(&["explain", "auth", "--lang", "en"]).env("LC_ALL", "zh_CN.UTF-8"));
    assert_eq!(flag_wins.stdout, english);
}

#[test]
fn explain_without_a_word_lists_kinds_codes_and_exit_codes() {
    for (language, words) in [
        ("en", ["  connect ", "Connecting failed\n", "  41029 ", "  141 "]),
        ("zh", ["  connect ", "连接失败\n", "该卡无此套餐\n", "  141 "]),
    ] {
        let outcome = run(&mut eiot(&["explain", "--lang", language]));
        assert_eq!((outcome.exit_code, outcome.stderr.as_str()), (Some(0), ""), "{outcome:?}");
        for words in words {
            assert!(outcome.stdout.contains(words), "{words}: {outcome:?}");
        }
    }
}

#[test]
fn explain_of_an_unknown_word_is_wrong_usage_and_suggests_similar_ones() {
    for (word, advice) in [("timout", "similar ones are timeout"), ("45109", "eiot explain platform")] {
        let outcome = run(&mut eiot(&["explain", word]));
        assert_eq!((outcome.exit_code, outcome.stdout.as_str()), (Some(2), ""), "{outcome:?}");
        assert!(outcome.stderr.contains(advice), "{outcome:?}");
    }
}

#[test]
fn explain_needs_no_configuration() {
    let outcome =
        run(eiot(&["explain", "timeout"]).env("EIOT_TIMEOUT", "never").env("EIOT_CONFIG", "/nonexistent"));
    assert_eq!((outcome.exit_code, outcome.stderr.as_str()), (Some(0), ""), "{outcome:?}");
}
