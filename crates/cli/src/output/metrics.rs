//! The metrics of a run in Prometheus' text format, for the textfile collector of node_exporter.

use super::summary::{State, Summary};
use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

/// The metric that outlives the run: the time of the last success.
const LAST_SUCCESS: &str = "eiot_run_last_success_timestamp_seconds";

/// The metrics of a run. `run` is a label that tells the files in one directory apart; `last_success` is from the file of the
/// run before.
pub(crate) fn metrics(summary: &Summary, run: &str, last_success: Option<f64>) -> String {
    let mut text = Text { text: String::new(), run: escape(run) };
    let cards = &summary.cards;
    text.header("eiot_run_cards", "Cards by result; those without one are in flight.");
    for (result, count) in [
        ("refreshed", cards.refreshed),
        ("failed", cards.failed),
        ("duplicate", cards.duplicates),
        ("refreshed_before", cards.refreshed_before),
        ("failed_before", cards.failed_before),
        ("refreshed_recently", cards.refreshed_recently),
        ("not_sent", cards.not_sent),
        ("not_reached", cards.not_reached),
    ] {
        text.sample("eiot_run_cards", &[("result", result)], count as f64);
    }
    text.header("eiot_run_failures", "Failed cards by kind of failure and code of the platform.");
    for failure in &summary.failures {
        let code = failure.code.as_deref().unwrap_or_default();
        text.sample("eiot_run_failures", &[("kind", failure.kind), ("code", code)], failure.count as f64);
    }
    text.optional("eiot_run_input_cards", "Cards of the input.", cards.total.map(|total| total as f64));
    text.one("eiot_run_read_cards", "Cards that were read from the input.", cards.read as f64);
    text.one("eiot_run_open_cards", "Failed cards that may succeed later.", cards.open as f64);
    if summary.call.is_some() {
        text.one(
            "eiot_run_unknown_calls",
            "Failed calls that the platform may have acted on.",
            cards.unknown as f64,
        );
    }
    text.one(
        "eiot_run_requests",
        "Requests that were attempted, including retries.",
        summary.requests as f64,
    );
    text.one("eiot_run_rate_per_second", "Average number of results per second.", summary.rate.per_second);
    text.optional(
        "eiot_run_rate_limit_per_second",
        "The rate limit that the run keeps, in calls per second.",
        summary.rate.limit_per_second,
    );
    text.one("eiot_run_duration_seconds", "Duration of the run so far.", summary.seconds.as_secs_f64());
    text.one("eiot_run_start_timestamp_seconds", "When the run started.", unix(summary.started));
    text.one("eiot_run_update_timestamp_seconds", "When this file was written.", unix(summary.updated));
    text.header("eiot_run_state", "1 for the state that the run is in.");
    for state in State::ALL {
        let is_current = state == summary.state;
        text.sample("eiot_run_state", &[("state", state.name())], f64::from(u8::from(is_current)));
    }
    text.optional(
        "eiot_run_exit_code",
        "Exit code of the run that has ended.",
        summary.exit_code.map(f64::from),
    );
    let succeeded = (summary.exit_code == Some(0)).then(|| unix(summary.updated));
    text.optional(LAST_SUCCESS, "When a run last ended with exit code 0.", succeeded.or(last_success));
    text.text
}

/// The time of the last success in metrics that [`metrics`] has made.
pub(crate) fn last_success(metrics: &str) -> Option<f64> {
    metrics.lines().find(|line| line.starts_with(LAST_SUCCESS))?.rsplit(' ').next()?.parse().ok()
}

struct Text {
    text: String,
    run: String,
}

impl Text {
    fn header(&mut self, name: &str, help: &str) {
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} gauge");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let _ = write!(self.text, "{name}{{run=\"{}\"", self.run);
        for (label, value) in labels {
            let _ = write!(self.text, ",{label}=\"{}\"", escape(value));
        }
        let _ = writeln!(self.text, "}} {value}");
    }

    fn one(&mut self, name: &str, help: &str, value: f64) {
        self.header(name, help);
        self.sample(name, &[], value);
    }

    fn optional(&mut self, name: &str, help: &str, value: Option<f64>) {
        if let Some(value) = value {
            self.one(name, help, value);
        }
    }
}

fn escape(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn unix(time: SystemTime) -> f64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    (since.as_secs_f64() * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_success_is_that_of_this_run_or_of_the_run_before() {
        let mut summary = Summary::new("cards.csv".to_owned(), None, None);
        let running = metrics(&summary, "nightly", Some(1_700_000_000.5));
        assert_eq!(last_success(&running), Some(1_700_000_000.5));
        (summary.state, summary.exit_code) = (State::Complete, Some(1));
        assert_eq!(last_success(&metrics(&summary, "nightly", None)), None);
        summary.exit_code = Some(0);
        assert_eq!(last_success(&metrics(&summary, "nightly", Some(1.0))), Some(unix(summary.updated)));
    }

    #[test]
    fn labels_are_escaped() {
        let text = metrics(&Summary::new(String::new(), None, None), "a\"b\\c\nd", None);
        assert!(text.contains("{run=\"a\\\"b\\\\c\\nd\",result=\"refreshed\"} 0\n"), "{text}");
    }
}
