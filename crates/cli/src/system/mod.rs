//! The operating system, as a run uses it: files, standard output and error, clocks, the environment.
//!
//! These are the standard library's own functions and types (`real`). With the cargo feature `simulation`, which only tests
//! enable, each asks the machine that is installed for this thread first, and is the real one if there is none (`simulated`).

#[cfg(feature = "simulation")]
pub mod machine;
mod real;
#[cfg(feature = "simulation")]
mod simulated;

#[cfg(not(feature = "simulation"))]
pub(crate) use self::real::*;
#[cfg(feature = "simulation")]
pub(crate) use self::simulated::*;

use std::time::{Duration, Instant};

/// The time since then.
pub(crate) fn elapsed(since: Instant) -> Duration {
    now().saturating_duration_since(since)
}
