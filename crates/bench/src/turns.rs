//! The protocol of a client: it prints "ready"; for each line with a number it makes that many calls and prints their
//! cost. The programs in C and Python under `tests/bench` do the same, so that the measurement can alternate between
//! processes.

use rustix::time::{ClockId, clock_gettime};
use std::error::Error;
use std::io::{self, BufRead, Write};
use std::time::Instant;

pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// Runs until standard input closes; `work` makes the given number of calls.
pub(crate) fn take(mut work: impl FnMut(usize) -> Result<(), Failure>) -> Result<(), Failure> {
    let mut output = io::stdout();
    writeln!(output, "ready")?;
    for line in io::stdin().lock().lines() {
        let calls = line?.trim().parse()?;
        let (began, cpu) = (Instant::now(), cpu_seconds());
        work(calls)?;
        writeln!(output, "{:.9} {:.9}", began.elapsed().as_secs_f64(), cpu_seconds() - cpu)?;
    }
    Ok(())
}

fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// The account and the address, which every client reads from the environment.
pub(crate) fn variable(name: &str) -> Result<String, Failure> {
    std::env::var(name).map_err(|_| format!("{name} is not set").into())
}

/// A separate card for each call of a batch.
pub(crate) fn eid_number(number: u64) -> String {
    format!("89044011{number:024}")
}

pub(crate) const EID: &str = "89044011112233441122334411223321";
