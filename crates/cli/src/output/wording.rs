//! How messages name the rows of a run and their success.

/// What a run makes of its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wording {
    /// Cards are refreshed.
    Cards,
    /// Calls are made.
    Calls,
}

impl Wording {
    /// `"cards"` or `"calls"`.
    pub(crate) fn rows(self) -> &'static str {
        match self {
            Self::Cards => "cards",
            Self::Calls => "calls",
        }
    }

    /// `"refreshed"` or `"succeeded"`.
    pub(crate) fn done(self) -> &'static str {
        match self {
            Self::Cards => "refreshed",
            Self::Calls => "succeeded",
        }
    }
}
