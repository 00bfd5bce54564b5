//! `eiot journal show`: how far a run is.

use super::JournalFile;
use super::card_results::CardResults;
use crate::batch::journal::JournalHeader;
use crate::output::wording::Wording;
use crate::output::wrap::in_column;
use crate::output::{ExitCode, Failure, print_line};
use clap::Args;
use eiot::{Error, escaped};
use serde::Serialize;
use std::collections::BTreeMap;

/// Print how far a run is: counts, and failures by kind and code.
#[derive(Args)]
pub(super) struct Show {
    #[command(flatten)]
    journal: JournalFile,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Where the second column begins.
const INDENT: usize = 10;

/// What is shown. Names and their meaning never change; new ones may be added.
#[derive(Serialize)]
struct Overview {
    /// The path that is called for each row; absent if cards are refreshed.
    #[serde(skip_serializing_if = "Option::is_none")]
    call: Option<String>,
    input: String,
    started: String,
    last_result: Option<String>,
    finished: Option<String>,
    cards: usize,
    refreshed: usize,
    failed: usize,
    open: usize,
    /// Failed calls that the platform may have acted on; those in flight are among them.
    unknown: usize,
    results: u64,
    damaged_lines: u64,
    failures: Vec<Failures>,
}

/// Failures of one kind and code.
#[derive(Serialize)]
struct Failures {
    kind: String,
    code: Option<String>,
    #[serde(rename = "final")]
    is_final: bool,
    count: u64,
    example: String,
}

impl Show {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        let reader = self.journal.open()?;
        let header = reader.header().clone();
        let overview = overview(header, &CardResults::read(reader)?);
        match self.json {
            true => print_line(&serde_json::to_string(&overview).map_err(Error::internal)?)?,
            false => {
                let width = terminal_size::terminal_size_of(std::io::stdout())
                    .map_or(usize::MAX, |(width, _)| usize::from(width.0));
                overview.lines().iter().try_for_each(|(name, text)| {
                    print_line(&format!("{name:<INDENT$}{}", in_column(&escaped(text), INDENT, width)))
                })?;
            }
        }
        Ok(ExitCode::Success)
    }
}

fn overview(header: JournalHeader, cards: &CardResults) -> Overview {
    let JournalHeader { input, started, call, .. } = header;
    let failed = cards.failed();
    let mut groups: BTreeMap<_, Failures> = BTreeMap::new();
    for result in &failed {
        let key = (result.kind.as_str(), result.code.as_deref(), result.r#final);
        let group = groups.entry(key).or_insert_with(|| Failures {
            kind: result.kind.clone(),
            code: result.code.clone(),
            is_final: result.r#final,
            count: 0,
            example: result.message.clone(),
        });
        group.count += 1;
    }
    let mut failures: Vec<_> = groups.into_values().collect();
    failures.sort_by_key(|group| std::cmp::Reverse(group.count));
    Overview {
        call,
        input,
        started,
        last_result: cards.last.clone(),
        finished: cards.finished.clone(),
        cards: cards.refreshed.len() + failed.len(),
        refreshed: cards.refreshed.len(),
        failed: failed.len(),
        open: failed.iter().filter(|result| !result.r#final && !result.unknown).count(),
        unknown: failed.iter().filter(|result| result.unknown).count(),
        results: cards.results,
        damaged_lines: cards.damaged,
        failures,
    }
}

impl Overview {
    /// Each with what stands in the first column.
    fn lines(&self) -> Vec<(String, String)> {
        let end = match (&self.finished, &self.last_result) {
            (Some(time), _) => format!("finished {time}"),
            (None, Some(time)) => format!("not finished, last result {time}"),
            (None, None) => "no results yet".to_owned(),
        };
        let words = if self.call.is_some() { Wording::Calls } else { Wording::Cards };
        let mut counts = format!(
            "{}: {} {}, {} failed, of which {} may succeed later",
            self.cards,
            self.refreshed,
            words.done(),
            self.failed,
            self.open
        );
        if self.unknown > 0 {
            counts.push_str(&format!(", and the outcome of {} is unknown", self.unknown));
        }
        let call = self.call.iter().map(|path| ("call".to_owned(), path.clone()));
        let mut lines: Vec<_> = call.collect();
        lines.extend([
            ("input".to_owned(), self.input.clone()),
            ("started".to_owned(), format!("{}, {end}", self.started)),
            (words.rows().to_owned(), counts),
        ]);
        for Failures { kind, code, is_final, count, example } in &self.failures {
            let code = code.as_ref().map(|code| format!(" {code}")).unwrap_or_default();
            let is_final = if *is_final { ", final" } else { "" };
            lines.push((format!("{count:>9}"), format!("{kind}{code}{is_final}, for example {example}")));
        }
        if self.damaged_lines > 0 {
            let text = format!("{} lines; eiot journal check names them", self.damaged_lines);
            lines.push(("damaged".to_owned(), text));
        }
        lines
    }
}
