//! `pthread_cancel`, deferred while a thread is inside the library.
//!
//! Cancelling a thread unwinds its stack by force, and a forced unwind that reaches a Rust frame aborts the process. So
//! cancellation is disabled for the length of each function; a request that arrives meanwhile stays pending, and takes effect
//! at the thread's next cancellation point outside the library.

#[cfg(target_os = "linux")]
pub(crate) use linux::Disabled;

/// There is no thread cancellation here, or none that is known.
#[cfg(not(target_os = "linux"))]
pub(crate) struct Disabled;

#[cfg(not(target_os = "linux"))]
impl Disabled {
    pub(crate) fn new() -> Self {
        Self
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::ffi::c_int;
    use std::marker::PhantomData;

    // glibc's and musl's <pthread.h>.
    const PTHREAD_CANCEL_DISABLE: c_int = 1;

    unsafe extern "C" {
        fn pthread_setcancelstate(state: c_int, old_state: *mut c_int) -> c_int;
    }

    /// Cancellation is disabled on this thread while this lives.
    pub(crate) struct Disabled {
        state_before: c_int,
        // The state is the thread's own.
        _stays_on_its_thread: PhantomData<*const ()>,
    }

    impl Disabled {
        pub(crate) fn new() -> Self {
            let mut state_before = 0;
            // SAFETY: the output is ours; the call cannot fail with this state.
            unsafe { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &mut state_before) };
            Self { state_before, _stays_on_its_thread: PhantomData }
        }
    }

    impl Drop for Disabled {
        fn drop(&mut self) {
            // SAFETY: the state came from the same call; the old one may be NULL in glibc and musl.
            unsafe { pthread_setcancelstate(self.state_before, std::ptr::null_mut()) };
        }
    }
}
