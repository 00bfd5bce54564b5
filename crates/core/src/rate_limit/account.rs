//! The state of an account within this process, shared by all its clients.

use super::backpressure::Backpressure;
use super::cooldown::Cooldowns;
use super::schedule::Schedule;
use super::share::Offset;
use crate::locked::locked;
use crate::per_process::PerProcess;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// With more accounts than this, those without a client are dropped.
const MAX_ACCOUNTS: usize = 1024;

/// The accounts of this process. A forked child starts with an empty registry, because a thread that does not exist in
/// the child may hold an inherited lock.
static ACCOUNTS: PerProcess<Mutex<HashMap<String, Arc<Account>>>> = PerProcess::new();

/// The state that all clients of an account share within a process.
pub(crate) struct Account {
    pub(crate) cooldowns: Cooldowns,
    pub(crate) backpressure: Backpressure,
    /// How far this machine's clock is off.
    pub(crate) offset: Offset,
    /// A forked child inherits this account, but has one of its own.
    pid: u32,
    schedule: Mutex<Schedule>,
    /// Why the rate is not shared with other processes although it should be; `None` inside after this was reported.
    fallback: OnceLock<Mutex<Option<String>>>,
}

impl Account {
    /// Returns the account with this key: appkey, host with port, and share of the rate. It outlives its clients,
    /// because a program may create a client per call. `seed` seeds the nonces of an account that is new to this
    /// process.
    pub(crate) fn of(key: &str, seed: impl FnOnce() -> u64) -> Arc<Self> {
        let accounts = ACCOUNTS.get(Mutex::default);
        let mut accounts = locked(accounts);
        if let Some(account) = accounts.get(key) {
            return account.clone();
        }
        if accounts.len() >= MAX_ACCOUNTS {
            accounts.retain(|_, account| Arc::strong_count(account) > 1);
        }
        let account = Arc::new(Self {
            cooldowns: Cooldowns::default(),
            backpressure: Backpressure::default(),
            offset: Offset::default(),
            pid: std::process::id(),
            schedule: Mutex::new(Schedule::new(seed())),
            fallback: OnceLock::new(),
        });
        accounts.insert(key.to_owned(), account.clone());
        account
    }

    /// The shared rate file is unusable, so this process continues alone. Only the first reason counts.
    pub(crate) fn fall_back(&self, why: String) {
        self.fallback.get_or_init(|| Mutex::new(Some(why)));
    }

    /// Why the rate is not shared with other processes, unless it is shared or this was reported already.
    pub(crate) fn unreported_fallback(&self) -> Option<String> {
        self.fallback.get()?.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Whether this process may give back what was taken from this account; a forked child may not.
    pub(super) fn is_of_this_process(&self) -> bool {
        self.pid == std::process::id()
    }

    /// The in-memory schedule. Never locked across a wait.
    pub(super) fn schedule(&self) -> MutexGuard<'_, Schedule> {
        // Every update is complete, even if another thread panicked.
        locked(&self.schedule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_is_one_per_key_and_outlives_its_clients() {
        let first = Account::of("account_is_one\nhost", || 7);
        let address = Arc::as_ptr(&first);
        drop(first);
        assert_eq!(Arc::as_ptr(&Account::of("account_is_one\nhost", || 8)), address);
        assert_ne!(Arc::as_ptr(&Account::of("account_is_one\nhost:81", || 7)), address);
    }

    #[test]
    fn account_registry_is_bounded_and_keeps_accounts_that_have_a_client() {
        let kept = Account::of("registry\nkept", || 7);
        for number in 0..2 * MAX_ACCOUNTS {
            Account::of(&format!("registry\n{number}"), || 7);
        }
        assert!(Arc::ptr_eq(&kept, &Account::of("registry\nkept", || 8)));
        let accounts = ACCOUNTS.get(Mutex::default).lock().expect("not poisoned").len();
        assert!(accounts <= MAX_ACCOUNTS, "{accounts}");
    }
}
