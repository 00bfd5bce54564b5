//! `eiot-sim --help` and its manual page.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::process::Command;

const EXAMPLE: &str = "\
Example:
  eiot-sim --port 8080 &
  export EIOT_BASE_URL=http://127.0.0.1:8080
  export EIOT_APPKEY=demo-appkey EIOT_SECRET=demo-secret
  eiot refresh 89044011112233441122334411223321

Faults: ";

fn output(option: &str, columns: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eiot-sim"));
    let output = command.arg(option).env("COLUMNS", columns).output().expect("it runs");
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn help_shows_the_example_unwrapped_on_a_terminal_of_80_columns() {
    for columns in ["80", "120"] {
        let help = output("--help", columns);
        assert!(help.contains(EXAMPLE), "{help}");
    }
}

#[test]
fn manual_page_shows_the_example_line_by_line() {
    let page = output("--man", "80");
    assert!(page.contains("\n.TH eiot-sim 1 "), "{page}");
    let (_, notes) = page.split_once("\n.SH NOTES\n.nf\n").expect("preformatted lines");
    let (example, rest) = notes.split_once(".fi\n").expect("their end");
    assert_eq!(format!("{example}Faults: ").replace('\\', ""), EXAMPLE);
    assert!(rest.starts_with("Faults: delay=MS, "), "{rest}");
}
