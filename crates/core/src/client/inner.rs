//! What clients that come from one another have in common.

use crate::client::Sources;
use crate::config::{Config, RateScope};
use crate::error::Error;
use crate::observer::Notice;
use crate::per_process::PerProcess;
use crate::rate_limit::{Account, Directory, RateLimiter, Redis, SharedFile};
use crate::retry::Budget;
use crate::signing::Credentials;
use crate::signing::Skew;
use crate::transport::Pool;
use crate::transport::Transport;
use std::sync::{Arc, Mutex, PoisonError};

/// What clients that come from one another have in common.
pub(crate) struct Shared {
    /// Those of the first of them. Only what [`Config::CALL_OPTIONS`] does not list counts here.
    pub(crate) config: Arc<Config>,
    pub(crate) credentials: Credentials,
    pub(crate) transport: Transport,
    pub(crate) skew: Skew,
    pub(crate) sources: Sources,
    /// [`Config::warnings`] that no observer was told of yet.
    pub(crate) warnings: Mutex<Vec<String>>,
    pub(crate) state: PerProcess<State>,
}

/// What a process must not share with its children.
pub(crate) struct State {
    pub(crate) account: Arc<Account>,
    /// An error where the file that processes share cannot be used.
    limiter: Result<Arc<RateLimiter>, String>,
    pub(crate) lanes: Pool,
    pub(crate) budget: Budget,
}

impl Shared {
    /// What belongs to this process. To find that out takes a system call, so a call asks once.
    pub(crate) fn state(&self) -> &State {
        self.state.get(|| {
            let key = self.account_key();
            let account = Account::of(&key, || self.sources.random.next_u64());
            State {
                limiter: self.limiter(&account, &key),
                account,
                lanes: Pool::default(),
                budget: Budget::new(),
            }
        })
    }

    /// Tells what the observer of a client's first call should know.
    pub(crate) fn tell_warnings(&self, mut tell: impl FnMut(&Notice<'_>)) {
        if let Some(reason) = self.state().account.untold_fallback() {
            tell(&Notice::RateNotShared { reason: &reason });
        }
        let warnings = std::mem::take(&mut *self.warnings.lock().unwrap_or_else(PoisonError::into_inner));
        for warning in &warnings {
            tell(&Notice::Configuration { warning });
        }
    }

    /// Tells one account from another. Each share of a rate is an account of its own, also where several of them are used on
    /// one machine.
    fn account_key(&self) -> String {
        let (host, (which, of)) = (self.transport.host(), self.config.rate_share);
        let appkey = &self.credentials.appkey;
        if of > 1 { format!("{appkey}\n{host}\n{which}/{of}") } else { format!("{appkey}\n{host}") }
    }

    fn limiter(&self, account: &Arc<Account>, key: &str) -> Result<Arc<RateLimiter>, String> {
        let clock = self.sources.clock.clone();
        let limiter = RateLimiter::in_process(account.clone(), self.config.rate(), clock);
        let limiter = match &self.config.rate_scope {
            RateScope::Process => limiter,
            RateScope::Redis(url) => {
                // Who we are at the platform is no business of the Redis.
                let (client_cert_file, client_key_file) = (None, None);
                let trust = Config { client_cert_file, client_key_file, ..(*self.config).clone() };
                let tls = url.tls.then(|| crate::transport::client_config(&trust)).transpose();
                let redis = tls.and_then(|tls| Redis::new(url.clone(), tls, key));
                limiter.in_redis(redis.map_err(|why| why.to_string())?)
            }
            RateScope::Auto | RateScope::Host => {
                // What the operator has asked for must work; the default need not.
                let is_optional = self.config.rate_scope == RateScope::Auto && self.config.rate_dir.is_none();
                let chosen = self.config.rate_dir.as_deref();
                match SharedFile::open(chosen.map_or_else(Directory::of_user, Directory::chosen), key) {
                    Ok(file) => limiter.in_file(file, is_optional),
                    Err(why) if is_optional => {
                        account.fall_back(why);
                        limiter
                    }
                    Err(why) => return Err(why),
                }
            }
        };
        Ok(Arc::new(limiter))
    }
}

impl State {
    /// The account's rate limiter.
    pub(crate) fn limiter(&self) -> Result<&Arc<RateLimiter>, Error> {
        self.limiter.as_ref().map_err(RateLimiter::unusable)
    }
}
