//! What this process knows about an account, whatever the number of clients.

use super::backpressure::Backpressure;
use super::cooldown::Cooldowns;
use super::schedule::Schedule;
use super::share::Offset;
use crate::locked::locked;
use crate::per_process::PerProcess;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// With more accounts than this, those without a client are forgotten.
const MAX_ACCOUNTS: usize = 1024;

/// The accounts of this process. A forked child starts with an empty registry, since an inherited lock may be held by a
/// thread that the child does not have.
static ACCOUNTS: PerProcess<Mutex<HashMap<String, Arc<Account>>>> = PerProcess::new();

/// The state that all clients of an account share within a process.
pub(crate) struct Account {
    pub(crate) cooldowns: Cooldowns,
    pub(crate) backpressure: Backpressure,
    /// How far this machine's clock is off.
    pub(crate) offset: Offset,
    schedule: Mutex<Schedule>,
    /// Why the rate is not shared with other processes, where it should be; `None` inside once that was told.
    fallback: OnceLock<Mutex<Option<String>>>,
}

impl Account {
    /// The account with this key: appkey, host with port, and share of the rate. It stays when its clients are gone, since a
    /// program may make a client per call. `seed` starts the nonces of an account that is new to this process.
    pub(crate) fn of(key: &str, seed: impl FnOnce() -> u64) -> Arc<Self> {
        let accounts = ACCOUNTS.get(Mutex::default);
        let mut accounts = locked(&accounts);
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
            schedule: Mutex::new(Schedule::new(seed())),
            fallback: OnceLock::new(),
        });
        accounts.insert(key.to_owned(), account.clone());
        account
    }

    /// The file that processes share cannot be used, and this process goes on alone. Only the first reason counts.
    pub(crate) fn fall_back(&self, why: String) {
        self.fallback.get_or_init(|| Mutex::new(Some(why)));
    }

    /// Why the rate is not shared with other processes, if that is so and was not told yet.
    pub(crate) fn untold_fallback(&self) -> Option<String> {
        self.fallback.get()?.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The schedule in memory. Never held across a wait.
    pub(super) fn schedule(&self) -> MutexGuard<'_, Schedule> {
        // A panic elsewhere cannot leave it half written.
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
