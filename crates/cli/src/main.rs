//! The `eiot` command.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    eiot_cli::run(std::env::args_os()).into()
}
