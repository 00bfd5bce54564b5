//! The exit codes of the command. Numbers never change; `help` and docs/errors.md list them.

use eiot::ErrorKind;

/// An exit code. If several apply, the largest is returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ExitCode {
    /// Everything that was requested is done.
    Success = 0,
    /// A call failed, or the output cannot be written.
    Failure = 1,
    /// Wrong usage, invalid configuration or an invalid EID.
    Usage = 2,
    /// The platform does not accept the account, or a webhook has an invalid signature.
    Auth = 3,
    /// A bug in eiot (`EX_SOFTWARE` of sysexits.h).
    Internal = 70,
    /// SIGINT or SIGTERM: 128 + SIGINT, as shells report it.
    Interrupted = 130,
    /// Standard output was closed: 128 + SIGPIPE, as shells report it.
    BrokenPipe = 141,
}

impl ExitCode {
    /// The exit code for a kind of error.
    pub(crate) fn of(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::InvalidArgument | ErrorKind::InvalidEid | ErrorKind::Config => Self::Usage,
            ErrorKind::Auth | ErrorKind::InvalidSignature => Self::Auth,
            ErrorKind::Cancelled => Self::Interrupted,
            ErrorKind::Internal => Self::Internal,
            _ => Self::Failure,
        }
    }

    /// The number.
    pub(crate) fn number(self) -> u8 {
        self as u8
    }
}

#[cfg(test)]
impl ExitCode {
    /// Every exit code, in ascending order.
    pub(crate) const ALL: [Self; 7] = [
        Self::Success,
        Self::Failure,
        Self::Usage,
        Self::Auth,
        Self::Internal,
        Self::Interrupted,
        Self::BrokenPipe,
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_code_of_every_kind_is_the_documented_one() {
        let documentation = include_str!("../../../../docs/errors.md");
        for kind in ErrorKind::ALL {
            let name = kind.name();
            let row =
                documentation.lines().find(|line| line.starts_with(&format!("| `{name}` |"))).expect(name);
            let column = row.split(" | ").nth(3).expect("the column with the exit code");
            assert_eq!(column.parse(), Ok(ExitCode::of(kind).number()), "{row}");
        }
    }

    #[test]
    fn exit_code_of_every_kind_keeps_its_number() {
        let numbers = ErrorKind::ALL.map(|kind| (kind.name(), ExitCode::of(kind).number()));
        assert_eq!(
            numbers,
            [
                ("invalid_argument", 2),
                ("invalid_eid", 2),
                ("config", 2),
                ("connect", 1),
                ("tls", 1),
                ("timeout", 1),
                ("connection_lost", 1),
                ("cancelled", 130),
                ("auth", 3),
                ("rate_limited", 1),
                ("cooldown", 1),
                ("platform", 1),
                ("http", 1),
                ("protocol", 1),
                ("unavailable", 1),
                ("invalid_signature", 3),
                ("internal", 70),
            ]
        );
    }

    #[test]
    fn exit_codes_are_in_ascending_order() {
        assert!(ExitCode::ALL.is_sorted_by(|one, other| one < other && one.number() < other.number()));
    }
}
