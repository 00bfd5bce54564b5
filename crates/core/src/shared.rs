//! What clients that come from one another have in common.

use crate::backpressure::Backpressure;
use crate::client::Sources;
use crate::config::{Config, RateScope};
use crate::cooldown::Cooldowns;
use crate::credentials::Credentials;
use crate::error::Error;
use crate::host_slot::{self, HostSlot};
use crate::lane::Transport;
use crate::nonce::Nonces;
use crate::pace::Pace;
use crate::per_process::PerProcess;
use crate::pool::Pool;
use crate::retry::Budget;
use crate::skew::Skew;
use std::sync::Arc;

/// What clients that come from one another have in common.
pub(crate) struct Shared {
    /// Those of the first of them. Only what [`Config::CALL_OPTIONS`] does not list counts here.
    pub(crate) config: Arc<Config>,
    pub(crate) credentials: Credentials,
    pub(crate) transport: Transport,
    pub(crate) skew: Skew,
    pub(crate) sources: Sources,
    pub(crate) state: PerProcess<State>,
}

/// What a process must not share with its children.
pub(crate) struct State {
    pub(crate) cooldowns: Cooldowns,
    /// An error where the file that processes share cannot be used.
    pace: Result<Pace, String>,
    pub(crate) lanes: Pool,
    pub(crate) nonces: Nonces,
    pub(crate) budget: Budget,
    pub(crate) backpressure: Backpressure,
}

impl Shared {
    /// What belongs to this process. To find that out takes a system call, so a call asks once.
    pub(crate) fn state(&self) -> &State {
        self.state.get(|| State {
            cooldowns: Cooldowns::new(self.config.eid_cooldown),
            pace: self.make_pace(),
            lanes: Pool::default(),
            nonces: Nonces::new(self.sources.random.next_u64()),
            budget: Budget::new(),
            backpressure: Backpressure::default(),
        })
    }

    fn make_pace(&self) -> Result<Pace, String> {
        let rate = self.config.rate();
        match self.config.rate_scope {
            RateScope::Process => Ok(Pace::of_process(&rate)),
            RateScope::Host => {
                let slot =
                    HostSlot::open(host_slot::path_for(&self.credentials.appkey, &self.transport.host()));
                slot.map(|slot| Pace::of_host(&rate, slot)).map_err(|why| why.to_string())
            }
        }
    }
}

impl State {
    /// The account's rate.
    pub(crate) fn pace(&self) -> Result<&Pace, Error> {
        self.pace.as_ref().map_err(|why| Error::config("rate_scope", why))
    }
}
