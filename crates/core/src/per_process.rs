//! State that belongs to one process and handles `fork`.

use crate::system::address_space;
use std::sync::OnceLock;

/// A value that each process creates for itself.
///
/// A forked child inherits its parent's memory, but not its threads, and shares its sockets: using *or dropping* an
/// inherited connection breaks the parent's, and an inherited mutex may be locked forever by a thread that does not
/// exist in the child. So a child leaves what it inherited alone and creates its own value. No lock protects the search
/// for it, because that lock could be inherited too.
pub(crate) struct PerProcess<T> {
    newest: OnceLock<Box<Owned<T>>>,
}

/// The value of one process, linked to those of its descendants.
struct Owned<T> {
    pid: u32,
    /// `None` only while it is dropped.
    value: Option<T>,
    child: OnceLock<Box<Owned<T>>>,
}

impl<T> PerProcess<T> {
    /// Creates nothing until the first use.
    pub(crate) const fn new() -> Self {
        Self { newest: OnceLock::new() }
    }

    /// Returns this process's value. If two threads ask at once, both may create one, and both get the same.
    pub(crate) fn get(&self, make: impl Fn() -> T) -> &T {
        self.get_as(address_space(), make)
    }

    fn get_as(&self, pid: u32, make: impl Fn() -> T) -> &T {
        let mut slot = &self.newest;
        loop {
            // Only the last one counts: the system may have reused an ancestor's pid.
            match slot.get() {
                Some(owned) => match &owned.value {
                    Some(value) if owned.pid == pid && owned.child.get().is_none() => return value,
                    _ => slot = &owned.child,
                },
                None => {
                    let owned = Owned { pid, value: Some(make()), child: OnceLock::new() };
                    // On failure another thread was first; the next iteration finds its value.
                    let _ = slot.set(Box::new(owned));
                }
            }
        }
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        if self.pid != address_space() {
            // Inherited: closing it here would close it for the parent.
            std::mem::forget(self.value.take());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    struct CountsDrops(Arc<AtomicU32>);

    impl Drop for CountsDrops {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn per_process_value_is_created_once_per_process() {
        let state = PerProcess::new();
        let here = std::process::id();
        let made = AtomicU32::new(0);
        let make = || made.fetch_add(1, Ordering::Relaxed);
        assert_eq!(*state.get_as(here, make), 0);
        assert_eq!(*state.get_as(here, make), 0);
        assert_eq!(*state.get_as(here + 1, make), 1, "a child makes its own");
        assert_eq!(*state.get_as(here + 1, make), 1);
        assert_eq!(
            *state.get_as(here, make),
            2,
            "a grandchild with a recycled pid does not get its ancestor's"
        );
    }

    #[test]
    fn per_process_value_that_was_inherited_is_not_dropped() {
        let dropped = Arc::new(AtomicU32::new(0));
        let state = PerProcess::new();
        state.get_as(std::process::id() + 1, || CountsDrops(dropped.clone()));
        drop(state);
        assert_eq!(dropped.load(Ordering::Relaxed), 0);

        let state = PerProcess::new();
        state.get(|| CountsDrops(dropped.clone()));
        drop(state);
        assert_eq!(dropped.load(Ordering::Relaxed), 1);
    }
}
