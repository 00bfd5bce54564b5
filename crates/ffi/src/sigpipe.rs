//! SIGPIPE, kept from the host.
//!
//! A write to a connection that the peer has reset raises SIGPIPE, which kills a process that did not ask for
//! anything else. Rust programs and Python ignore it; a C host need not, and its dispositions are not ours to
//! change. So the calling thread blocks the signal while it does I/O, and a signal that this caused is taken
//! before the mask is restored.

#[cfg(unix)]
pub(crate) use unix::Blocked;

#[cfg(not(unix))]
/// There is no SIGPIPE here.
pub(crate) struct Blocked;

#[cfg(not(unix))]
impl Blocked {
    pub(crate) fn new() -> Self {
        Self
    }
}

#[cfg(unix)]
mod unix {
    use std::mem::MaybeUninit;

    /// SIGPIPE is blocked on this thread while this lives.
    pub(crate) struct Blocked {
        mask_before: libc::sigset_t,
        pending_before: bool,
        // The mask is the thread's own.
        _stays_on_its_thread: std::marker::PhantomData<*const ()>,
    }

    impl Blocked {
        pub(crate) fn new() -> Self {
            let mut mask_before = MaybeUninit::uninit();
            // SAFETY: both sets are ours; the call fills in the second.
            let (mask_before, was_blocked) = unsafe {
                libc::pthread_sigmask(libc::SIG_BLOCK, &sigpipe(), mask_before.as_mut_ptr());
                let mask_before = mask_before.assume_init();
                (mask_before, libc::sigismember(&mask_before, libc::SIGPIPE) == 1)
            };
            // Only a signal that was blocked before can be pending from before.
            let pending_before = was_blocked && is_pending();
            Self { mask_before, pending_before, _stays_on_its_thread: std::marker::PhantomData }
        }
    }

    impl Drop for Blocked {
        fn drop(&mut self) {
            // One that was pending before is the host's, and stays.
            if !self.pending_before {
                take_pending();
            }
            // SAFETY: the set came from the same call; nothing is asked back.
            unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &self.mask_before, std::ptr::null_mut()) };
        }
    }

    /// The set of SIGPIPE alone.
    fn sigpipe() -> libc::sigset_t {
        let mut set = MaybeUninit::uninit();
        // SAFETY: sigemptyset makes a valid set of it, and SIGPIPE is a valid signal.
        unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            libc::sigaddset(set.as_mut_ptr(), libc::SIGPIPE);
            set.assume_init()
        }
    }

    fn is_pending() -> bool {
        let mut set = MaybeUninit::uninit();
        // SAFETY: sigpending fills the set in; where it fails, the empty set stands.
        unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            libc::sigpending(set.as_mut_ptr());
            libc::sigismember(set.as_ptr(), libc::SIGPIPE) == 1
        }
    }

    /// Takes a pending SIGPIPE without ever waiting for one.
    #[cfg(target_os = "linux")]
    fn take_pending() {
        let at_once = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        loop {
            // SAFETY: the set and the time are ours; no details are asked for.
            let taken = unsafe { libc::sigtimedwait(&sigpipe(), std::ptr::null_mut(), &at_once) };
            let interrupted = std::io::Error::last_os_error().raw_os_error() == Some(libc::EINTR);
            if taken == libc::SIGPIPE || !interrupted {
                return;
            }
        }
    }

    /// Takes a pending SIGPIPE; systems without sigtimedwait have sigwait, which returns at once for a pending one.
    #[cfg(not(target_os = "linux"))]
    fn take_pending() {
        if is_pending() {
            let mut signal = 0;
            // SAFETY: the set and the number are ours.
            unsafe { libc::sigwait(&sigpipe(), &mut signal) };
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        /// Raises SIGPIPE on this thread, as a write to a reset connection does.
        fn raise() {
            // SAFETY: a signal to ourselves.
            unsafe { libc::pthread_kill(libc::pthread_self(), libc::SIGPIPE) };
        }

        #[test]
        fn a_signal_of_ours_is_taken_and_one_of_the_hosts_stays() {
            let host = Blocked::new();
            let ours = Blocked::new();
            raise();
            drop(ours);
            assert!(!is_pending(), "ours was taken");

            raise();
            drop(Blocked::new());
            assert!(is_pending(), "the host's stays");
            drop(host);
            assert!(!is_pending());
        }
    }
}
