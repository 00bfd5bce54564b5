//! The report of a run: one HTML page that needs nothing else, in light and dark, on paper and on a phone.

mod plot;

use super::humanize::humanize;
use super::summary::{State, Summary};
use super::wording::Wording;
use eiot::escaped;
use std::fmt::{Display, Write};
use std::time::SystemTime;

/// The style, which is part of the page.
const STYLE: &str = include_str!("style.css");

/// A page of a run that goes on is loaded again after this many seconds.
const RELOAD_SECONDS: u32 = 10;

/// The page.
pub(crate) fn report(summary: &Summary) -> String {
    let mut page = head(summary);
    heading(&mut page, summary);
    tiles(&mut page, summary);
    section(&mut page, "Throughput", &plot::plot(&summary.throughput, summary.rate.limit_per_second));
    unknown(&mut page, summary);
    failures(&mut page, summary);
    details(&mut page, summary);
    page + "</main>\n</body>\n</html>\n"
}

/// Text in HTML, where characters that could control a terminal or reorder a line are visible.
fn text(text: impl Display) -> String {
    let mut safe = String::new();
    for c in escaped(&text.to_string()).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

/// A number with a separator between thousands.
fn number(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            // A narrow space that does not break.
            grouped.push('\u{202f}');
        }
        grouped.push(digit);
    }
    grouped
}

fn time(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string().replace('T', " ").replace('Z', " UTC")
}

/// The name of the input without its directories.
fn input(summary: &Summary) -> &str {
    summary.input.rsplit(['/', '\\']).next().unwrap_or(&summary.input)
}

fn head(summary: &Summary) -> String {
    let reload = match summary.state {
        State::Running => format!("<meta http-equiv=\"refresh\" content=\"{RELOAD_SECONDS}\">\n"),
        _ => String::new(),
    };
    // The policy makes sure that the page loads nothing and runs nothing, whatever the platform's messages contain.
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n{reload}\
         <title>{}: {}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n",
        text(input(summary)),
        summary.state.name()
    )
}

fn heading(page: &mut String, summary: &Summary) {
    let (class, state) = match (summary.state, summary.exit_code) {
        (State::Complete, Some(0)) => ("good", "complete".to_owned()),
        (State::Complete, _) => ("other", "complete, with failures".to_owned()),
        (State::Failed, _) => ("bad", "failed".to_owned()),
        (state, _) => ("other", state.name().to_owned()),
    };
    let exit_code = summary.exit_code.map(|code| format!(", exit code {code}")).unwrap_or_default();
    let _ = writeln!(
        page,
        "<h1>{} of {}</h1>\n<p><span class=\"state {class}\">{state}</span> \
         <span class=\"muted\">{}, {}{exit_code}</span></p>",
        if summary.wording() == Wording::Cards { "Refresh" } else { "Calls" },
        text(input(summary)),
        time(summary.started),
        humanize(summary.seconds)
    );
    if let Some(error) = &summary.error {
        let _ = writeln!(page, "<p class=\"error\">{}</p>", text(error));
    }
}

fn tiles(page: &mut String, summary: &Summary) {
    let cards = &summary.cards;
    page.push_str("<div class=\"tiles\">\n");
    let mut tile = |class: &str, value: String, what: &str| {
        let _ =
            writeln!(page, "<div class=\"tile\"><b class=\"{class}\">{value}</b><span>{what}</span></div>");
    };
    let words = summary.wording();
    tile("", number(cards.total.unwrap_or(cards.read)), words.rows());
    tile("good", number(cards.refreshed), words.done());
    tile(if cards.failed > 0 { "bad" } else { "" }, number(cards.failed), "failed");
    let before = format!("{} before", words.done());
    for (count, what) in [
        (cards.unknown, "unknown"),
        (cards.duplicates, "duplicates"),
        (cards.refreshed_before, before.as_str()),
        (cards.failed_before, "failed before"),
        (cards.refreshed_recently, "refreshed not long ago"),
        (cards.not_sent, "not sent"),
        (cards.not_reached, "not reached"),
    ] {
        if count > 0 {
            tile("", number(count), what);
        }
    }
    tile("", format!("{:.1}/s", summary.rate.per_second), "average rate");
    page.push_str("</div>\n");
}

fn section(page: &mut String, title: &str, content: &str) {
    let _ = writeln!(page, "<section>\n<h2>{title}</h2>\n{content}</section>");
}

/// What to do about calls whose outcome is unknown.
fn unknown(page: &mut String, summary: &Summary) {
    let count = summary.cards.unknown;
    if count > 0 {
        let advice = format!(
            "<p>The platform may have acted on {} calls that failed. They are among the failed ones, and are not repeated. List \
             them with <code>eiot journal failed --unknown</code>, and find out from the platform whether it has acted. \
             <code>--retry unknown</code> repeats them all.</p>\n",
            number(count)
        );
        section(page, "Unknown outcomes", &advice);
    }
}

fn failures(page: &mut String, summary: &Summary) {
    if !summary.failures.is_empty() {
        let mut table = String::from(
            "<div class=\"scroll\"><table>\n<thead><tr><th>Kind</th><th>Code</th><th class=\"number\">Count</th>\
             <th class=\"number\">Final</th><th>Example</th></tr></thead>\n<tbody>\n",
        );
        for failure in &summary.failures {
            let _ = writeln!(
                table,
                "<tr><td data-name=\"Kind\">{}</td><td data-name=\"Code\">{}</td><td class=\"number\" data-name=\"Count\">{}\
                 </td><td class=\"number\" data-name=\"Final\">{}</td><td class=\"example\">{}</td></tr>",
                text(failure.kind),
                text(failure.code.as_deref().unwrap_or("–")),
                number(failure.count),
                number(failure.final_count),
                text(&failure.example)
            );
        }
        table.push_str(
            "</tbody></table></div>\n<p class=\"muted\">A final failure would fail again; all others may succeed later.</p>\n",
        );
        section(page, "Failures", &table);
    }
    if !summary.failures_before.is_empty() {
        let rows = summary.failures_before.iter();
        let rows = rows
            .map(|failure| format!("<dt>{}</dt><dd>{}</dd>\n", text(failure.kind), number(failure.count)));
        let list = format!("<dl>\n{}</dl>\n", rows.collect::<String>());
        section(page, "Failed in an earlier run, and not retried", &list);
    }
}

fn details(page: &mut String, summary: &Summary) {
    let rate = &summary.rate;
    let limit = rate.limit_per_second.map(|limit| format!(", limit {limit:.1}/s")).unwrap_or_default();
    let total = summary.cards.total.map(|total| format!(" of {}", number(total))).unwrap_or_default();
    let rows = [
        ("Call", summary.call.as_ref().map(text)),
        ("Input", Some(text(&summary.input))),
        ("Journal", summary.journal.as_ref().map(text)),
        ("Results", summary.output.as_ref().map(text)),
        ("Started", Some(time(summary.started))),
        (if summary.state == State::Running { "Updated" } else { "Ended" }, Some(time(summary.updated))),
        ("Rows read", Some(format!("{}{total}", number(summary.cards.read)))),
        ("May succeed later", Some(number(summary.cards.open))),
        ("Requests", Some(number(summary.requests))),
        ("Rate", Some(format!("{:.1}/s, peak {:.1}/s{limit}", rate.per_second, rate.peak_per_second))),
        ("Written by", Some(format!("eiot {}", summary.version))),
    ];
    let rows =
        rows.into_iter().filter_map(|(name, value)| Some(format!("<dt>{name}</dt><dd>{}</dd>\n", value?)));
    let list = format!("<dl>\n{}</dl>\n", rows.collect::<String>());
    section(page, "Details", &list);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::summary::FailureCount;

    #[test]
    fn report_escapes_everything_that_is_not_its_own() {
        let nasty = "<script>alert('x' & \"y\")</script>\u{202e}\u{1b}[2J";
        let mut summary = Summary::new(nasty.to_owned(), Some(nasty.to_owned()), Some(nasty.to_owned()));
        (summary.state, summary.error) = (State::Failed, Some(nasty.to_owned()));
        let code = Some(nasty.to_owned());
        summary.failures = vec![FailureCount {
            kind: "platform",
            code,
            count: 1,
            final_count: 0,
            example: nasty.to_owned(),
        }];
        let page = report(&summary);
        assert!(!page.contains("<script") && !page.contains("alert('"), "{page}");
        assert!(!page.contains('\u{202e}') && !page.contains('\u{1b}'));
        assert_eq!(page.matches("&lt;script&gt;alert(&#39;x&#39; &amp; &quot;y&quot;)").count(), 6);
    }

    #[test]
    fn number_has_groups_of_three_digits() {
        let shown = [0, 999, 1_000, 1_234_567].map(|count| number(count).replace('\u{202f}', " "));
        assert_eq!(shown, ["0", "999", "1 000", "1 234 567"]);
    }
}
