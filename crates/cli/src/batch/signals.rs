//! SIGINT, SIGTERM, SIGHUP, and on Windows Ctrl-Break: the first one stops the run, the second one ends the process.

use crate::output::exit_code::ExitCode;
use eiot::Error;
use signal_hook::consts::{SIGINT, SIGTERM};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

#[cfg(not(windows))]
use signal_hook::consts::SIGHUP as HANGUP;

/// SIGBREAK of Microsoft's C runtime, which no crate names: Ctrl-Break, which is also what a service or a scheduler can send to a
/// process group.
#[cfg(windows)]
const HANGUP: i32 = 21;

/// A flag that becomes true on SIGINT (Ctrl-C), SIGTERM and SIGHUP. A second signal ends the process at once. A signal that was ignored
/// when the process started stays ignored, as `nohup` expects.
pub(crate) fn stop_on_signals() -> Result<Arc<AtomicBool>, Error> {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, HANGUP] {
        if is_ignored(signal) {
            continue;
        }
        // In this order: the first signal finds the flag false.
        let interrupted = ExitCode::Interrupted.number().into();
        signal_hook::flag::register_conditional_shutdown(signal, interrupted, flag.clone())
            .and_then(|_| signal_hook::flag::register(signal, flag.clone()))
            .map_err(Error::internal)?;
    }
    Ok(flag)
}

/// Whether the process started with this signal ignored. False if the system does not say.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    u32::try_from(signal - 1).is_ok_and(|bit| ignored.checked_shr(bit).is_some_and(|mask| mask & 1 == 1))
}
