//! Which cards of an earlier run are retried.

use super::journal::{History, PreviousResult};
use clap::ValueEnum;
use eiot::{Error, ErrorKind};

/// A value of `--retry`.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RetryRule {
    /// Invalid EIDs too, for example after strict_eid was turned off
    Invalid,
    /// Permanent refusals too, for example after the package was ordered
    Final,
    /// Retry no card that failed, not even after a transient failure
    None,
}

/// Which failures are retried. By default those that are not final, because the same call may succeed later.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct RetryRules {
    invalid: bool,
    r#final: bool,
    open: bool,
}

impl RetryRules {
    pub(crate) fn new(rules: &[RetryRule]) -> Result<Self, Error> {
        let has = |rule| rules.contains(&rule);
        if has(RetryRule::None) && rules.len() > 1 {
            return Err(Error::invalid_argument("--retry: none cannot be combined with other rules"));
        }
        Ok(Self {
            invalid: has(RetryRule::Invalid),
            r#final: has(RetryRule::Final),
            open: !has(RetryRule::None),
        })
    }

    /// The result of a card in an earlier run, if it leaves nothing to do.
    pub(crate) fn done<'a>(self, history: Option<&'a History>, eid: &str) -> Option<PreviousResult<'a>> {
        history?.previous(eid).filter(|previous| self.is_done(previous))
    }

    /// Whether a card with this result is done.
    fn is_done(self, previous: &PreviousResult<'_>) -> bool {
        match previous {
            PreviousResult::Refreshed => true,
            PreviousResult::Failed(failure) if failure.kind == ErrorKind::InvalidEid => !self.invalid,
            PreviousResult::Failed(failure) if failure.is_final => !self.r#final,
            PreviousResult::Failed(_) => !self.open,
        }
    }
}
