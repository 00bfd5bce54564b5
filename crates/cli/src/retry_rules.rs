//! Which cards of an earlier run are tried again.

use clap::ValueEnum;
use eiot::{Error, ErrorKind, Past};

/// A value of `--retry`.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RetryRule {
    /// Also invalid EIDs, for example after strict_eid was turned off
    Invalid,
    /// Also final rejections, for example after the package was ordered
    Final,
    /// No card that has failed
    None,
}

/// What is tried again. Without any rule: failures that are not final, since the same call may succeed later.
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

    /// Whether nothing is left to do for a card with this past.
    pub(crate) fn is_done(self, past: &Past<'_>) -> bool {
        match past {
            Past::Refreshed => true,
            Past::Failed(failure) if failure.kind == ErrorKind::InvalidEid => !self.invalid,
            Past::Failed(failure) if failure.is_final => !self.r#final,
            Past::Failed(_) => !self.open,
        }
    }
}
