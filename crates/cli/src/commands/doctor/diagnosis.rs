//! The result of one check of `eiot doctor`.

use crate::options::Source;
use crate::output::wrap::in_column;
use crate::output::{ExitCode, color};
use eiot::{Error, escaped};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The options in effect, by name; `None` for an option that is not set.
pub(crate) type OptionValues = BTreeMap<&'static str, Option<String>>;

/// Where each option comes from.
pub(crate) type Sources = BTreeMap<&'static str, Source>;

/// The status of a check.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// Nothing is wrong.
    Ok,
    /// Something may be wrong; the command does not fail.
    Warning,
    /// Something is wrong.
    Failed,
    /// Not checked: not needed, or an earlier check failed.
    Skipped,
}

impl Status {
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// On a terminal, where messages begin.
const MESSAGE_COLUMN: usize = 24;

/// The result of a check. Names and their meaning never change; new ones may be added.
#[derive(Serialize)]
pub(crate) struct Diagnosis {
    check: &'static str,
    /// The status.
    pub(crate) status: Status,
    message: String,
    advice: Option<&'static str>,
    options: Option<OptionValues>,
    sources: Option<Sources>,
    profile: Option<String>,
    config_file: Option<PathBuf>,
    clock_offset_ms: Option<i64>,
    kind: Option<&'static str>,
    code: Option<String>,
    /// The exit code of the command if this is the first check that failed; `None` unless it failed.
    #[serde(skip)]
    pub(crate) exit_code: Option<ExitCode>,
}

impl Diagnosis {
    /// A check that found nothing wrong.
    pub(crate) fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Self {
            check,
            status: Status::Ok,
            message: message.into(),
            advice: None,
            options: None,
            sources: None,
            profile: None,
            config_file: None,
            clock_offset_ms: None,
            kind: None,
            code: None,
            exit_code: None,
        }
    }

    /// A check that was skipped.
    pub(crate) fn skipped(check: &'static str, why: impl Into<String>) -> Self {
        Self { status: Status::Skipped, ..Self::ok(check, why) }
    }

    /// A check that found something that may be wrong.
    pub(crate) fn warning(
        check: &'static str,
        message: impl Into<String>,
        advice: Option<&'static str>,
    ) -> Self {
        Self { status: Status::Warning, advice, ..Self::ok(check, message) }
    }

    /// A check that found something wrong. `advice` says what to do if the message does not.
    pub(crate) fn failed(
        check: &'static str,
        message: impl Into<String>,
        advice: Option<&'static str>,
    ) -> Self {
        Self {
            status: Status::Failed,
            advice,
            exit_code: Some(ExitCode::Failure),
            ..Self::ok(check, message)
        }
    }

    /// The same, with the kind, platform code and exit code of this error.
    pub(crate) fn of(self, error: &Error) -> Self {
        Self {
            kind: Some(error.kind().name()),
            code: error.platform_code().map(str::to_owned),
            exit_code: self.exit_code.map(|_| ExitCode::of(error.kind())),
            ..self
        }
    }

    /// The same, with every option, where it comes from, and the profile in use.
    pub(crate) fn with_options(
        self,
        options: OptionValues,
        sources: Sources,
        profile: Option<(String, PathBuf)>,
    ) -> Self {
        let (profile, config_file) = profile.unzip();
        Self { options: Some(options), sources: Some(sources), profile, config_file, ..self }
    }

    /// The same, with the offset of the server's clock, in milliseconds; positive if it is ahead.
    pub(crate) fn with_clock_offset_ms(self, clock_offset_ms: i64) -> Self {
        Self { clock_offset_ms: Some(clock_offset_ms), ..self }
    }

    /// As a line for people.
    pub(crate) fn to_text(&self) -> String {
        let status = self.status.name();
        let advice = self.advice.map(|advice| format!("; {advice}")).unwrap_or_default();
        format!("{status:<8} {:<14} {}{advice}", self.check, escaped(&self.message))
    }

    /// As lines on a terminal of this width, in color.
    pub(crate) fn to_terminal(&self, width: Option<usize>, in_color: bool) -> String {
        let paint = |style, text: &str| if in_color { color::paint(style, text) } else { text.to_owned() };
        let style = match self.status {
            Status::Ok => color::GOOD,
            Status::Warning => color::WARNING,
            Status::Failed => color::BAD,
            Status::Skipped => color::DIM,
        };
        let status = paint(style, &format!("{:<8}", self.status.name()));
        let check = paint(color::STRONG, &format!("{:<14}", self.check));
        let width = width.unwrap_or(usize::MAX);
        let message = in_column(&escaped(&self.message), MESSAGE_COLUMN, width);
        let advice = self.advice.map(|advice| {
            let advice = in_column(&format!("→ {advice}"), MESSAGE_COLUMN, width);
            format!("\n{:MESSAGE_COLUMN$}{}", "", paint(color::STRONG, &advice))
        });
        format!("{status} {check} {message}{}", advice.unwrap_or_default())
    }

    /// As a line of `--json`.
    pub(crate) fn to_json(&self) -> Result<String, Error> {
        serde_json::to_string(self).map_err(Error::internal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn diagnosis_has_the_exit_code_of_its_error_only_if_it_failed() {
        let error = Error::config("proxy", "is wrong");
        assert_eq!(Diagnosis::failed("dns", "m", None).exit_code, Some(ExitCode::Failure));
        assert_eq!(Diagnosis::failed("dns", "m", None).of(&error).exit_code, Some(ExitCode::Usage));
        assert_eq!(Diagnosis::warning("dns", "m", None).of(&error).exit_code, None);
        assert_eq!(Diagnosis::skipped("dns", "m").exit_code, None);
    }

    #[test]
    fn diagnosis_on_a_terminal_is_wrapped_behind_its_name_and_has_advice_on_a_line_of_its_own() {
        let failed = Diagnosis::failed("connection", "refused by the other side", Some("look at it"));
        assert_eq!(
            failed.to_terminal(Some(45), false),
            "failed   connection     refused by the other\n                        side\n                        \
             → look at it"
        );
        let colored = failed.to_terminal(None, true);
        assert!(colored.starts_with("\u{1b}[1m\u{1b}[31mfailed  \u{1b}[0m "), "{colored:?}");
    }

    #[test]
    fn diagnosis_line_has_status_check_message_and_advice() {
        let lines = [
            Diagnosis::ok("dns", "found"),
            Diagnosis::skipped("clock", "no answer"),
            Diagnosis::warning("account", "too many", None),
            Diagnosis::failed("connection", "refused\nby a\tpeer", Some("look at base_url")),
        ];
        assert_eq!(
            lines.map(|line| line.to_text()),
            [
                "ok       dns            found",
                "skipped  clock          no answer",
                "warning  account        too many",
                "failed   connection     refused\\nby a\\tpeer; look at base_url",
            ]
        );
    }
}
