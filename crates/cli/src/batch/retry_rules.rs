//! Which cards and calls of an earlier run are retried.

use super::journal::{History, PreviousResult};
use super::row_call::Fingerprint;
use clap::ValueEnum;
use eiot::{Error, ErrorKind};

/// A value of `--retry`.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RetryRule {
    /// Invalid EIDs too, for example after strict_eid was turned off
    Invalid,
    /// Permanent refusals too, for example after the package was ordered
    Final,
    /// With eiot call, calls with an unknown outcome too: the platform may then act twice
    Unknown,
    /// Retry nothing that failed, not even after a transient failure
    None,
}

/// Which failures are retried. By default those that are not final, because the same call may succeed later, unless the platform
/// may act twice then.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct RetryRules {
    invalid: bool,
    r#final: bool,
    unknown: bool,
    open: bool,
}

impl RetryRules {
    /// `is_idempotent`: the calls of the run may be repeated even if the platform has acted on them.
    pub(crate) fn new(rules: &[RetryRule], is_idempotent: bool) -> Result<Self, Error> {
        let has = |rule| rules.contains(&rule);
        if has(RetryRule::None) && rules.len() > 1 {
            return Err(Error::invalid_argument("--retry: none cannot be combined with other rules"));
        }
        Ok(Self {
            invalid: has(RetryRule::Invalid),
            r#final: has(RetryRule::Final),
            unknown: has(RetryRule::Unknown) || is_idempotent,
            open: !has(RetryRule::None),
        })
    }

    /// The result of a card in an earlier run, if it leaves nothing to do.
    pub(crate) fn done<'a>(self, history: Option<&'a History>, eid: &str) -> Option<PreviousResult<'a>> {
        history?.previous(eid).filter(|previous| self.is_done(previous))
    }

    /// The result of a call in an earlier run, if it leaves nothing to do except, possibly, to report it.
    pub(crate) fn done_call(
        self,
        history: Option<&History>,
        call: Fingerprint,
    ) -> Option<PreviousResult<'_>> {
        history?.previous_call(call).filter(|previous| self.is_done(previous))
    }

    /// Whether a card or a call with this result is done.
    fn is_done(self, previous: &PreviousResult<'_>) -> bool {
        match previous {
            PreviousResult::Refreshed => true,
            PreviousResult::Lost => !self.unknown,
            PreviousResult::Failed(failure) if failure.is_unknown && !self.unknown => true,
            PreviousResult::Failed(failure) if failure.kind == ErrorKind::InvalidEid => !self.invalid,
            PreviousResult::Failed(failure) if failure.is_final => !self.r#final,
            PreviousResult::Failed(_) => !self.open,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::journal::PreviousFailure;
    use super::*;

    fn retried(rules: &[RetryRule], is_idempotent: bool, previous: PreviousResult<'_>) -> bool {
        !RetryRules::new(rules, is_idempotent).expect("valid").is_done(&previous)
    }

    #[test]
    fn call_whose_outcome_is_unknown_is_retried_only_if_requested() {
        let failure = |is_final, is_unknown| PreviousFailure {
            kind: ErrorKind::Timeout,
            is_final,
            is_unknown,
            message: String::new(),
        };
        let (open, unknown) = (failure(false, false), failure(false, true));
        assert!(retried(&[], false, PreviousResult::Failed(&open)));
        for previous in [PreviousResult::Lost, PreviousResult::Failed(&unknown)] {
            for rules in [&[][..], &[RetryRule::Final, RetryRule::Invalid], &[RetryRule::None]] {
                assert!(!retried(rules, false, previous));
            }
            assert!(retried(&[RetryRule::Unknown], false, previous));
            assert!(retried(&[], true, previous), "it was declared idempotent since");
        }
        assert!(!retried(&[RetryRule::Unknown], false, PreviousResult::Refreshed));
        assert!(RetryRules::new(&[RetryRule::Unknown, RetryRule::None], false).is_err());
    }
}
