//! SIGUSR1: a running batch prints its status line.

use eiot::Error;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A flag that becomes true on SIGUSR1. Without SIGUSR1 on this system, it stays false.
pub(crate) fn status_requested() -> Result<Arc<AtomicBool>, Error> {
    #[cfg(feature = "simulation")]
    if let Some([_, status]) = crate::system::signal_flags() {
        return Ok(status);
    }
    let flag = Arc::new(AtomicBool::new(false));
    #[cfg(unix)]
    signal_hook::flag::register(signal_hook::consts::SIGUSR1, flag.clone()).map_err(Error::internal)?;
    Ok(flag)
}
