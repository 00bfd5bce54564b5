//! State that related clients share.

use super::Sources;
use super::multiplexer::Multiplexer;
use super::statistics::Statistics;
use crate::config::{Config, RateScope};
use crate::error::Error;
use crate::locked::locked;
use crate::observer::Notice;
use crate::per_process::PerProcess;
use crate::protocol::{REFRESH_USAGE, Request};
use crate::rate_limit::{Account, RateLimiter, Redis, SharedFile};
use crate::retry::TokenBucket;
use crate::signing::{ClockSkew, Credentials, Secret};
use crate::system::Directory;
use crate::transport::{Connections, EventLoopPool, Settings, TlsFiles, Transport, client_config, endpoint};
use std::sync::{Arc, Mutex, OnceLock};

/// State that a client shares with its clones and with the clients of [`Client::with_options`].
pub(crate) struct ClientInner {
    /// The options of the original client. Only options that are not per call are read from here.
    pub(crate) config: Arc<Config>,
    pub(crate) credentials: Credentials,
    pub(crate) transport: Transport,
    pub(crate) skew: ClockSkew,
    pub(crate) sources: Sources,
    /// [`Config::warnings`] that no observer has received yet.
    warnings: Mutex<Vec<String>>,
    process: PerProcess<ProcessState>,
}

/// State that a process must not share with its children.
pub(crate) struct ProcessState {
    pub(crate) account: Arc<Account>,
    /// The error, if the shared rate file is unusable.
    limiter: Result<Arc<RateLimiter>, String>,
    pub(crate) event_loops: EventLoopPool,
    pub(crate) retry_tokens: TokenBucket,
    /// Created by the first started call.
    pub(super) multiplexer: OnceLock<Multiplexer>,
    pub(crate) statistics: Statistics,
}

impl ClientInner {
    /// Validates the options; sends nothing. The stored configuration omits the secret, which is kept once.
    pub(super) fn new(mut config: Config, sources: Sources) -> Result<Self, Error> {
        config.check()?;
        let credentials = config.credentials()?;
        config.secret = Secret::default();
        let transport = Transport::new(Settings {
            endpoint: endpoint(&config.base_url, config.allow_http)?,
            default_path: REFRESH_USAGE,
            user_agent: format!("eiot/{} {}", crate::VERSION, config.user_agent_suffix).trim_end().to_owned(),
            connect_timeout: config.connect_timeout,
            is_paced: config.rate_limit.is_some(),
            proxy: config.proxy.as_deref(),
            source_address: config.source_address,
            tls: TlsFiles {
                ca_file: config.ca_file.as_deref(),
                client_cert_file: config.client_cert_file.as_deref(),
                client_key_file: config.client_key_file.as_deref(),
            },
        })?;
        let inner = Self {
            credentials,
            transport,
            skew: ClockSkew::default(),
            sources,
            warnings: Mutex::new(config.warnings()),
            process: PerProcess::new(),
            config: Arc::new(config),
        };
        inner.process().limiter()?;
        Ok(inner)
    }

    /// The state of this process. Finding it takes a system call, so a call does it once.
    pub(crate) fn process(&self) -> &ProcessState {
        self.process.get(|| {
            let key = self.account_key();
            let account = Account::of(&key, || self.sources.random.next_u64());
            ProcessState {
                limiter: self.limiter(&account, &key),
                account,
                event_loops: EventLoopPool::default(),
                retry_tokens: TokenBucket::new(),
                multiplexer: OnceLock::new(),
                statistics: Statistics::new(),
            }
        })
    }

    /// Begins the connection of a request that needs one of its own.
    pub(super) fn begin_connection(&self, connections: &Connections, request: Request<'_>) {
        if !request.is_idempotent() {
            connections.connecting.begin(&self.transport);
        }
    }

    /// Reports the warnings to the observer of a client's first call.
    pub(crate) fn report_warnings(&self, process: &ProcessState, mut notify: impl FnMut(&Notice<'_>)) {
        if let Some(reason) = process.account.unreported_fallback() {
            notify(&Notice::RateNotShared { reason: &reason });
        }
        let warnings = std::mem::take(&mut *locked(&self.warnings));
        for warning in &warnings {
            notify(&Notice::Configuration { warning });
        }
    }

    /// The account and the platform.
    pub(super) fn account(&self) -> String {
        format!("{}\n{}", self.credentials.appkey, self.transport.host())
    }

    /// Identifies an account. Each share of a rate is an account of its own, even if several are used on one machine.
    fn account_key(&self) -> String {
        let (account, (which, of)) = (self.account(), self.config.rate_share);
        if of > 1 { format!("{account}\n{which}/{of}") } else { account }
    }

    fn limiter(&self, account: &Arc<Account>, key: &str) -> Result<Arc<RateLimiter>, String> {
        let clock = self.sources.clock.clone();
        let limiter = RateLimiter::in_process(account.clone(), self.config.rate(), clock);
        let limiter = match &self.config.rate_scope {
            RateScope::Process => limiter,
            RateScope::Redis(url) => {
                // The client certificate is for the platform only.
                let trust = TlsFiles { ca_file: self.config.ca_file.as_deref(), ..TlsFiles::default() };
                let tls = url.tls.then(|| client_config(&trust)).transpose();
                limiter.in_redis(Redis::new(url.clone(), tls.map_err(|why| why.to_string())?, key)?)
            }
            RateScope::Auto | RateScope::Host => {
                // An explicit option must work; the default may fall back.
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

impl ProcessState {
    /// The account's rate limiter.
    pub(crate) fn limiter(&self) -> Result<&Arc<RateLimiter>, Error> {
        self.limiter.as_ref().map_err(RateLimiter::unusable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_of_the_limiter_names_its_option_once() {
        let mut config = Config::new("k", "s");
        config.set("rate_scope", "rediss://a..b:6379").expect("an address");
        let error = ClientInner::new(config, Sources::default()).err().expect("no host has this name");
        assert_eq!(error.to_string(), "rate_scope: \"a..b\" is not a host name");
    }
}
