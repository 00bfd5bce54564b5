//! What a client asks of the machine it runs on: the time, waits, the process, random numbers, the shared rate file.
//!
//! The other modules ask in no other way (`tests/test_layout.py` holds that), so that a whole client can run in simulated time.
//! In the product each function is the inlined call of the standard library or of tokio that its name says. With the
//! feature `simulation`, which only the project's own `eiot-night` enables, each first asks the simulated host that runs on
//! this thread, if there is one.

mod machine;
mod random;
mod rate_file;
#[cfg(feature = "simulation")]
mod simulated;
#[cfg(feature = "simulation")]
pub(crate) mod simulation;

#[cfg(not(feature = "simulation"))]
pub(crate) use machine::{
    address_space, block_on, now, process_id, random, registry_key, since_boot, sleep_until, timeout_at,
    variable, wall_clock,
};
pub use random::{Random, SystemRandom};
pub(crate) use rate_file::Directory;
#[cfg(not(feature = "simulation"))]
pub(crate) use rate_file::RateFile;
#[cfg(feature = "simulation")]
pub(crate) use simulated::{
    RateFile, address_space, ask_redis, begin_connection, block_on, connect, is_simulated, now, process_id,
    random, registry_key, registry_prefix, send, since_boot, sleep_until, tell_redis, timeout_at, variable,
    wait_for_connection, wall_clock,
};

use std::time::{Duration, Instant};

/// The time since `start`.
pub(crate) fn elapsed(start: Instant) -> Duration {
    now().saturating_duration_since(start)
}
