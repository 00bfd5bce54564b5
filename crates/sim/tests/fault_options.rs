//! Faults from the command line.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

fn simulator(options: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eiot-sim"));
    command.args(options);
    command
}

/// The error message of a command that does not start.
fn refused(options: &[&str]) -> String {
    let output = simulator(options).output().expect("it runs");
    assert_eq!(output.status.code(), Some(2), "{options:?}");
    String::from_utf8(output.stderr).expect("text")
}

/// The statuses of this many calls.
fn statuses(options: &[&str], calls: usize) -> Vec<String> {
    let mut child = simulator(options)
        .arg("--stop-with-stdin")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut url = String::new();
    BufReader::new(child.stdout.take().expect("its output")).read_line(&mut url).expect("its URL");
    let address = url.trim().trim_start_matches("http://");
    let ask = |_| {
        let mut stream = TcpStream::connect(address).expect("it listens");
        let request = "POST /api/v3/cloudesim/refreshUsage HTTP/1.1\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).expect("sent");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("a reply");
        reply[9..12].to_owned()
    };
    let statuses = (0..calls).map(ask).collect();
    drop(child.stdin.take());
    assert!(child.wait().expect("it ends").success());
    statuses
}

#[test]
fn fault_option_with_an_unknown_name_lists_all_faults() {
    for options in [["--fault", "rest"].as_slice(), &["--fault-chance", "1", "--fault-among", "close,rest"]] {
        let told = refused(options);
        assert!(told.contains(r#"unknown fault "rest"; valid faults are none, delay=MS, drip=MS"#), "{told}");
    }
    assert!(refused(&["--fault", "delay"]).contains("must be delay=MS, milliseconds up to an hour"));
}

#[test]
fn fault_options_that_need_another_are_refused() {
    assert!(refused(&["--fault-repeat"]).contains("--fault <FAULT>"));
    assert!(refused(&["--fault-seed", "1"]).contains("--fault-chance"));
    assert!(refused(&["--fault-among", "close"]).contains("--fault-chance"));
    assert!(refused(&["--fault-chance", "1.1"]).contains("a number from 0 to 1"));
    assert!(refused(&["--fault-chance", "NaN"]).contains("a number from 0 to 1"));
}

#[test]
fn refuse_option_takes_neither_success_nor_an_empty_code() {
    for option in ["--refuse", "--cooldown-code"] {
        assert!(refused(&[option, "200"]).contains("must be a code other than 200"));
        assert!(refused(&[option, ""]).contains("must be a code other than 200"));
    }
    assert!(refused(&["--fault", "refuse=200"]).contains("must be refuse=CODE, a code other than 200"));
}

#[test]
fn fault_options_are_applied_in_order() {
    let options = ["--fault", "status=418", "--fault", "none", "--fault", "status=503,2"];
    assert_eq!(statuses(&options, 4), ["418", "200", "503", "200"]);
    let repeated = [&options[..], &["--fault-repeat"]].concat();
    assert_eq!(statuses(&repeated, 4), ["418", "200", "503", "418"]);
}

#[test]
fn fault_chance_option_applies_random_faults() {
    let options = ["--fault-chance", "1", "--fault-seed", "3", "--fault-among", "status=429,1,status=418"];
    let seen = statuses(&options, 20);
    assert!(seen.iter().all(|status| status == "418" || status == "429"), "{seen:?}");
    assert_eq!(seen, statuses(&options, 20));
}

#[test]
fn fault_during_option_applies_one_fault_to_all_calls_of_its_period() {
    let options = ["--fault-during", "0..3600=status=418", "--fault", "status=503"];
    assert_eq!(statuses(&options, 2), ["418", "418"]);
    let later = ["--fault-during", "3600..7200=status=418"];
    assert_eq!(statuses(&later, 1), ["200"]);
    assert!(refused(&["--fault-during", "60=close"]).contains("must be FROM..UNTIL=FAULT"));
}
