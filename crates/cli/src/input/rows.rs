//! The rows of a table, whatever its format: CSV, TSV and the like, JSON Lines, an Excel workbook, or one value per line.

use super::fields::{Unclosed, fields};
use super::lines::Lines;
use super::source::{Source, open};
use super::workbook::Workbook;
use super::{InputOptions, at_line};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// Separators of fields. A tab takes precedence; otherwise the first one in the first line counts.
const DELIMITERS: [char; 4] = ['\t', ',', ';', '|'];

/// A field of a row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Cell {
    /// Its text, without quotes around it.
    pub(crate) text: String,
    /// It is a number in a workbook, where only 15 digits are kept.
    pub(crate) is_number: bool,
}

/// A row.
#[derive(Debug)]
pub(crate) struct Row {
    /// Its line in the file, or its number in the sheet; the first one is 1.
    pub(crate) line: u64,
    /// What it holds.
    pub(crate) content: Content,
}

/// What a row holds.
#[derive(Debug)]
pub(crate) enum Content {
    /// Fields, in the order of the columns.
    Cells(Vec<Cell>),
    /// The members of a JSON object, verbatim.
    Object(BTreeMap<String, Box<RawValue>>),
}

/// Reads rows, one at a time. Rows without any content are skipped.
pub(crate) struct Rows {
    source: Rowwise,
}

enum Rowwise {
    Text { lines: Lines, format: Format, first: Option<(u64, String)> },
    Workbook(Workbook),
}

/// The format of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// One value per line.
    Values,
    /// Fields, with this delimiter.
    Delimited(char),
    /// One JSON object per line. The journal of a run has lines that are no cards.
    JsonLines { is_journal: bool },
}

impl Cell {
    pub(super) fn text(text: &str) -> Self {
        Self { text: unquoted(text).to_owned(), is_number: false }
    }

    pub(super) fn number(text: String) -> Self {
        Self { text, is_number: true }
    }

    pub(super) fn is_blank(&self) -> bool {
        self.text.is_empty()
    }
}

impl Rows {
    /// Opens a file, or standard input (`-`). The first line that is neither blank nor a comment (`#`) determines the format of a
    /// text: JSON Lines if it begins with a brace, TSV if it has a tab, otherwise a table with the first of `,`, `;` and `|` in it,
    /// otherwise one value per line.
    pub(super) fn open(path: &Path, options: &InputOptions) -> Result<Self, String> {
        match open(path, options)? {
            Source::Text(lines) => Self::of_text(lines),
            Source::Workbook(workbook) => Ok(Self { source: Rowwise::Workbook(workbook) }),
        }
    }

    /// The rows of a text.
    pub(super) fn of_text(mut lines: Lines) -> Result<Self, String> {
        let first = loop {
            match lines.next_line()? {
                Some((_, line)) if is_blank_or_comment(&line) => {}
                line => break line,
            }
        };
        let format = first.as_ref().map_or(Ok(Format::Values), |(_, line)| Format::of(line))?;
        Ok(Self { source: Rowwise::Text { lines, format, first } })
    }

    /// Whether a row is a single value, so that there may be no header.
    pub(super) fn is_single_column(&self) -> bool {
        matches!(self.source, Rowwise::Text { format: Format::Values, .. })
    }

    /// Whether rows are objects, which name their members themselves.
    pub(super) fn is_self_describing(&self) -> bool {
        matches!(self.source, Rowwise::Text { format: Format::JsonLines { .. }, .. })
    }

    /// The next row. An error names the line.
    pub(super) fn next_row(&mut self) -> Result<Option<Row>, String> {
        let (lines, format, first) = match &mut self.source {
            Rowwise::Workbook(workbook) => {
                let row = workbook.next_row()?;
                return Ok(row.map(|(line, cells)| Row { line, content: Content::Cells(cells) }));
            }
            Rowwise::Text { lines, format, first } => (lines, *format, first),
        };
        loop {
            let next = match first.take() {
                Some(line) => Some(line),
                None => lines.next_line()?,
            };
            let Some((line, text)) = next else { return Ok(None) };
            if let Some(content) = format.read(&text).map_err(|why| at_line(line, why))? {
                return Ok(Some(Row { line, content }));
            }
        }
    }
}

impl Format {
    /// The format that the first line with content shows.
    fn of(first: &str) -> Result<Self, String> {
        match first.trim_start().chars().next() {
            Some('{') => return Ok(Self::JsonLines { is_journal: first.contains("\"eiot_journal\"") }),
            Some('[') => {
                return Err(
                    "looks like a JSON array; give one object per line, for example with jq -c '.[]'"
                        .to_owned(),
                );
            }
            _ => {}
        }
        let delimiter = match first.contains('\t') {
            true => Some('\t'),
            false => first.chars().find(|c| DELIMITERS.contains(c)),
        };
        Ok(delimiter.map_or(Self::Values, Self::Delimited))
    }

    /// The content of a line; `None` if there is none.
    fn read(self, line: &str) -> Result<Option<Content>, String> {
        match self {
            Self::Values if is_blank_or_comment(line) => Ok(None),
            Self::Values => Ok(Some(Content::Cells(vec![Cell::text(line)]))),
            Self::Delimited(delimiter) => {
                let fields = fields(line, delimiter).map_err(|Unclosed| {
                    "a quoted field does not end on its line. If the quote belongs to the text, put the field in quotes and \
                     double those in it; if the field has line ends, replace them"
                        .to_owned()
                })?;
                let cells: Vec<Cell> = fields.iter().map(|field| Cell::text(field)).collect();
                Ok((!cells.iter().all(Cell::is_blank)).then_some(Content::Cells(cells)))
            }
            Self::JsonLines { .. } if line.trim().is_empty() => Ok(None),
            Self::JsonLines { is_journal } => {
                let Members(object) =
                    serde_json::from_str(line).map_err(|why| format!("not a JSON object: {why}"))?;
                let is_card = !is_journal || object.contains_key("eid");
                Ok(is_card.then_some(Content::Object(object)))
            }
        }
    }
}

/// The members of a JSON object. A duplicate name is an error: one of the two values would vanish in silence.
struct Members(BTreeMap<String, Box<RawValue>>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = BTreeMap<String, Box<RawValue>>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    if members.insert(name.clone(), value).is_some() {
                        return Err(serde::de::Error::custom(format!("duplicate member {name:?}")));
                    }
                }
                Ok(members)
            }
        }

        deserializer.deserialize_map(Object).map(Self)
    }
}

/// The text of a JSON value: that of a string, otherwise the value verbatim; empty for null.
pub(crate) fn json_text(value: &RawValue) -> String {
    match value.get() {
        "null" => String::new(),
        raw => serde_json::from_str(raw).unwrap_or_else(|_| raw.to_owned()),
    }
}

/// Whether this line is blank or a comment. A line that begins with the name `#` and a delimiter is not.
fn is_blank_or_comment(line: &str) -> bool {
    match line.trim().strip_prefix('#') {
        Some(comment) => !comment.starts_with(DELIMITERS),
        None => line.trim().is_empty(),
    }
}

/// Removes quotes, and the `=` of a spreadsheet formula: `="8904"`.
fn unquoted(text: &str) -> &str {
    let text = text.trim();
    let text = text.strip_prefix('=').unwrap_or(text);
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    inner.unwrap_or(text).trim()
}
