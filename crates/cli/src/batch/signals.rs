//! SIGINT, SIGTERM and SIGHUP; on Windows Ctrl-C, Ctrl-Break and the closing of the console. The first one stops the run, the
//! second one ends the process.

use eiot::Error;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A flag that becomes true on SIGINT (Ctrl-C), SIGTERM and SIGHUP. A second signal ends the process at once. A signal that was ignored
/// when the process started stays ignored, as `nohup` expects.
#[cfg(not(windows))]
pub(crate) fn stop_on_signals() -> Result<Arc<AtomicBool>, Error> {
    use crate::output::exit_code::ExitCode;
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    #[cfg(feature = "simulation")]
    if let Some([stop, _]) = crate::system::signal_flags() {
        return Ok(stop);
    }
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
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
#[cfg(not(windows))]
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    u32::try_from(signal - 1).is_ok_and(|bit| ignored.checked_shr(bit).is_some_and(|mask| mask & 1 == 1))
}

/// A flag that becomes true on Ctrl-C, on Ctrl-Break, and when the console is closed, after which Windows leaves the process five
/// seconds. A second one ends the process at once.
#[cfg(windows)]
pub(crate) fn stop_on_signals() -> Result<Arc<AtomicBool>, Error> {
    use crate::output::exit_code::ExitCode;
    use std::future::poll_fn;
    use std::sync::atomic::Ordering;
    use std::task::Poll;
    use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close};
    let flag = Arc::new(AtomicBool::new(false));
    let stop = flag.clone();
    let (mut interrupt, mut interrupt_group) =
        (ctrl_c().map_err(Error::internal)?, ctrl_break().map_err(Error::internal)?);
    let mut close = ctrl_close().map_err(Error::internal)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(Error::internal)?;
    let watch = move || {
        runtime.block_on(async {
            loop {
                poll_fn(|context| {
                    let came = interrupt.poll_recv(context).is_ready()
                        || interrupt_group.poll_recv(context).is_ready()
                        || close.poll_recv(context).is_ready();
                    if came { Poll::Ready(()) } else { Poll::Pending }
                })
                .await;
                if stop.swap(true, Ordering::Relaxed) {
                    std::process::exit(ExitCode::Interrupted.number().into());
                }
            }
        });
    };
    // Never joined: it ends with the process.
    std::thread::Builder::new().name("signals".to_owned()).spawn(watch).map_err(Error::internal)?;
    Ok(flag)
}
