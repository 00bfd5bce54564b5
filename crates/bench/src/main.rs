//! The Rust programs of `make bench`; others are in `tests/bench`.
//!
//! `eiot-bench server CA_FILE` is the server; `rust-single`, `rust-batch N`, `reqwest-single`, `socket-single` and
//! `socket-batch N` are clients, which read the server's address from the environment and the number of calls from
//! standard input; `signing` and `parts` measure parts of a call.
#![forbid(unsafe_code)]

mod authority;
mod calls;
mod parts;
mod reqwest_blocking;
mod server;
mod signed;
mod signing;
mod socket;
mod turns;

use std::process::ExitCode;
use turns::Failure;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("eiot-bench: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["server", ca_file] => Ok(server::run(ca_file)?),
        ["rust-single"] => calls::single(),
        ["rust-batch", in_flight] => calls::batch(in_flight.parse()?),
        ["reqwest-single"] => reqwest_blocking::single(),
        ["socket-single"] => socket::single(),
        ["socket-batch", in_flight] => socket::batch(in_flight.parse()?),
        ["signing"] => signing::run(),
        ["parts"] => parts::run(),
        _ => Err(
            "usage: server CA_FILE | rust-single | rust-batch N | reqwest-single | socket-single | socket-batch N | signing | parts"
                .into(),
        ),
    }
}
