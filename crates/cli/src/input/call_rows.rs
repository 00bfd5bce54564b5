//! The rows of a file as the parameters of calls, one JSON object per row.
//!
//! A table has the names of the parameters in its header, and every value is text. An object in JSON Lines has the parameters as
//! its members, with their types.

use super::rows::{Cell, Content, Row, Rows, json_text};
use super::{InputOptions, at_line, unreadable};
use eiot::Error;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::path::Path;

/// The parameter that is checked to be an EID.
const EID: &str = "eid";

/// Members by which an outcome of this command is recognized.
const OUTCOME: [&str; 3] = ["kind", "attempts", "delivered"];

/// Which column holds a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    /// The name of the parameter.
    parameter: String,
    /// The name of the column or member, or its position in a table without a header.
    source: String,
}

/// The parameters of a call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CallRow {
    /// Its line; the first line is 1.
    pub(crate) line: u64,
    /// The members of a JSON object, without its braces.
    pub(crate) members: String,
    /// The text of the parameter `eid`, verbatim, if the row has one.
    pub(crate) eid: Option<String>,
}

/// Reads the parameters of calls. Memory use does not depend on their number.
pub(crate) struct CallRows {
    rows: Rows,
    layout: Layout,
    /// A row that was read to look for a header.
    first: Option<Row>,
}

/// Where the parameters of a row are.
enum Layout {
    /// In all cells, one for each of these names. Cells without a name must be empty.
    Header(Vec<Option<String>>),
    /// In these cells; others are not parameters.
    Cells(Vec<(String, usize)>),
    /// In all members of the objects.
    AllMembers,
    /// In these members; others are not parameters.
    Members(Vec<Column>),
}

impl std::str::FromStr for Column {
    type Err = String;

    /// Parses `PARAMETER=COLUMN`, or the name of both.
    fn from_str(text: &str) -> Result<Self, String> {
        let (parameter, source) = text.split_once('=').unwrap_or((text, text));
        let (parameter, source) = (parameter.trim(), source.trim());
        if position(parameter).is_some() {
            return Err(format!("name the parameter that the column holds, such as eid={source}"));
        }
        match is_name(parameter) && !source.is_empty() {
            true => Ok(Self { parameter: parameter.to_owned(), source: source.to_owned() }),
            false => Err("must be a name, or PARAMETER=COLUMN".to_owned()),
        }
    }
}

/// Whether this can be the name of a parameter. Those of the platform are words of ASCII letters; a header in another language is
/// for people.
fn is_name(name: &str) -> bool {
    let is_first = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(is_first) && name.chars().all(|c| is_first(c) || c.is_ascii_digit() || "-.".contains(c))
}

/// The index of the column with this position, which is a number from 1 on.
fn position(text: &str) -> Option<usize> {
    text.parse::<usize>().ok()?.checked_sub(1)
}

impl CallRows {
    /// Opens a file, or standard input (`-`). Without columns, every column or member is a parameter.
    pub(crate) fn open(path: &Path, columns: &[Column], options: &InputOptions) -> Result<Self, Error> {
        Rows::open(path, options)
            .and_then(|rows| Self::of(rows, columns))
            .map_err(|why| unreadable(path, &why))
    }

    fn of(mut rows: Rows, columns: &[Column]) -> Result<Self, String> {
        if rows.is_self_describing() {
            let layout = match columns {
                [] => Layout::AllMembers,
                columns => Layout::Members(columns.to_vec()),
            };
            return Ok(Self { rows, layout, first: None });
        }
        let first = rows.next_row()?;
        let names: Vec<String> = match &first {
            Some(Row { content: Content::Cells(cells), .. }) => {
                cells.iter().map(|cell| cell.text.clone()).collect()
            }
            // No rows; the caller says that there are none.
            _ => return Ok(Self { rows, layout: Layout::Cells(Vec::new()), first: None }),
        };
        let (layout, has_header) = match columns
            .iter()
            .filter(|column| position(&column.source).is_some())
            .count()
        {
            0 if columns.is_empty() => (Layout::Header(header(&names)?), true),
            0 => (
                Layout::Cells(columns.iter().map(|column| column.among(&names)).collect::<Result<_, _>>()?),
                true,
            ),
            count if count == columns.len() => {
                let cells: Vec<_> = columns
                    .iter()
                    .filter_map(|column| Some((column.parameter.clone(), position(&column.source)?)))
                    .collect();
                let is_header = |(parameter, index): &(String, usize)| {
                    names.get(*index).is_some_and(|name| name.eq_ignore_ascii_case(parameter))
                };
                let has_header = cells.iter().any(is_header);
                (Layout::Cells(cells), has_header)
            }
            _ => {
                return Err("has either a header or none; give --column either names or positions".to_owned());
            }
        };
        Ok(Self { rows, layout, first: first.filter(|_| !has_header) })
    }

    fn next_call(&mut self) -> Result<Option<CallRow>, String> {
        let row = match self.first.take() {
            Some(row) => Some(row),
            None => self.rows.next_row()?,
        };
        let Some(Row { line, content }) = row else { return Ok(None) };
        self.layout.read(line, content).map(Some).map_err(|why| at_line(line, why))
    }
}

impl Column {
    /// The cell of the column among these.
    fn among(&self, names: &[String]) -> Result<(String, usize), String> {
        let Self { parameter, source } = self;
        let found = names.iter().position(|name| name == source);
        let found = found.or_else(|| names.iter().position(|name| name.eq_ignore_ascii_case(source)));
        found.map(|index| (parameter.clone(), index)).ok_or_else(|| {
            format!(
                "has no column {source:?}; its columns are {}. If there is no header, give positions, such as --column eid=1",
                names.join(", ")
            )
        })
    }
}

/// The names of the parameters in a header.
fn header(names: &[String]) -> Result<Vec<Option<String>>, String> {
    let mut found = Vec::new();
    for name in names {
        if !name.is_empty() && !is_name(name) {
            return Err(format!(
                "has no header with the names of the parameters: {name:?} is not one. Name the columns with --column, such as \
                 --column eid=1 in a table without a header"
            ));
        }
        let name = (!name.is_empty()).then(|| name.clone());
        if name.is_some() && found.contains(&name) {
            return Err(format!("has several columns {:?}", name.unwrap_or_default()));
        }
        found.push(name);
    }
    Ok(found)
}

impl Layout {
    /// The parameters of a row, or why they cannot be used.
    fn read(&self, line: u64, content: Content) -> Result<CallRow, String> {
        let mut row = CallRow { line, members: String::new(), eid: None };
        match (self, content) {
            (Self::Header(names), Content::Cells(cells)) => {
                for (index, cell) in cells.iter().enumerate() {
                    match names.get(index).and_then(Option::as_ref) {
                        Some(name) => row.add_cell(name, cell)?,
                        None if cell.is_blank() => {}
                        None => {
                            return Err(format!(
                                "field {} has no name in the header: {:?}",
                                index + 1,
                                cell.text
                            ));
                        }
                    }
                }
            }
            (Self::Cells(columns), Content::Cells(cells)) => {
                for (name, index) in columns {
                    row.add_cell(name, cells.get(*index).unwrap_or(&Cell::default()))?;
                }
            }
            (Self::Members(columns), Content::Object(object)) => {
                for Column { parameter, source } in columns {
                    if let Some(value) = object.get(source) {
                        row.add(parameter, value)?;
                    }
                }
            }
            (_, Content::Object(object)) => {
                refuse_outcome(&object)?;
                for (name, value) in &object {
                    row.add(name, value)?;
                }
            }
            // Objects and cells are never in one file.
            (_, Content::Cells(_)) => {}
        }
        Ok(row)
    }
}

/// Outcomes of this command have more members than parameters.
fn refuse_outcome(object: &BTreeMap<String, Box<RawValue>>) -> Result<(), String> {
    match OUTCOME.iter().all(|member| object.contains_key(*member)) {
        true => Err("is an outcome of eiot, whose members are not parameters; name those that are with --column, such as \
                     --column eid, or use eiot journal failed"
            .to_owned()),
        false => Ok(()),
    }
}

impl CallRow {
    /// Adds the value of a cell, as text. An empty one is no parameter, except for an EID, which is malformed then.
    fn add_cell(&mut self, name: &str, cell: &Cell) -> Result<(), String> {
        if cell.is_number {
            return Err(format!(
                "{name}: the cell is a number, of which a spreadsheet keeps 15 digits and no leading zeros. Format the column as \
                 text and enter the values again"
            ));
        }
        match cell.is_blank() && name != EID {
            true => Ok(()),
            false => {
                self.add(name, &serde_json::value::to_raw_value(&cell.text).map_err(|why| why.to_string())?)
            }
        }
    }

    fn add(&mut self, name: &str, value: &RawValue) -> Result<(), String> {
        if !self.members.is_empty() {
            self.members.push(',');
        }
        let quoted = serde_json::to_string(name).map_err(|why| why.to_string())?;
        self.members.push_str(&format!("{quoted}:{}", value.get()));
        if name == EID {
            self.eid = Some(json_text(value));
        }
        Ok(())
    }
}

impl Iterator for CallRows {
    type Item = Result<CallRow, Error>;

    /// The next row. An error names the line and ends the iteration.
    fn next(&mut self) -> Option<Self::Item> {
        self.next_call().map_err(Error::invalid_argument).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::super::lines::Lines;
    use super::*;
    use std::io::Cursor;

    fn read(text: &str, columns: &[&str]) -> Result<Vec<(u64, String)>, String> {
        let rows = Rows::of_text(Lines::new(Cursor::new(text.as_bytes().to_vec())))?;
        let columns: Vec<Column> = columns.iter().map(|column| column.parse()).collect::<Result<_, _>>()?;
        let rows = CallRows::of(rows, &columns)?;
        rows.map(|row| row.map(|row| (row.line, row.members)).map_err(|error| error.to_string())).collect()
    }

    fn members(text: &str, columns: &[&str]) -> Vec<String> {
        read(text, columns).expect("readable").into_iter().map(|(_, members)| members).collect()
    }

    #[test]
    fn parameters_of_a_table_have_the_names_of_its_header_and_are_text() {
        let table = "eid;packageCode;note\n001;P 1;\n2;\"a \"\"b\"\"; c\";x\n";
        assert_eq!(
            members(table, &[]),
            [r#""eid":"001","packageCode":"P 1""#, r#""eid":"2","packageCode":"a \"b\"; c","note":"x""#]
        );
        assert_eq!(read("eid\n\n1\n", &[]).expect("one column"), [(3, r#""eid":"1""#.to_owned())]);
        assert_eq!(members("eid,count,\n1,2,\n3\n", &[]), [r#""eid":"1","count":"2""#, r#""eid":"3""#]);
    }

    #[test]
    fn parameters_of_json_lines_keep_their_types() {
        let lines = "{\"eid\": \"1\", \"pageNum\": 1, \"plan\": {\"a\": [1.50]}}\n{\"renew\":false}\n";
        assert_eq!(
            members(lines, &[]),
            [r#""eid":"1","pageNum":1,"plan":{"a": [1.50]}"#, r#""renew":false"#]
        );
        assert_eq!(members(lines, &["eid"]), [r#""eid":"1""#, ""]);
        assert_eq!(members("{\"card\":\"7\"}", &["eid=card"]), [r#""eid":"7""#]);
    }

    #[test]
    fn parameters_are_only_those_of_the_named_columns() {
        let table = "Card EID,name,code\n1,Zhang,P1\n2,,\n";
        assert_eq!(
            members(table, &["eid=card eid", "packageCode=code"]),
            [r#""eid":"1","packageCode":"P1""#, r#""eid":"2""#]
        );
        assert_eq!(
            members("1,P1\n2,P2\n", &["code=2", "eid=1"]),
            [r#""code":"P1","eid":"1""#, r#""code":"P2","eid":"2""#]
        );
        assert_eq!(members("8904\n8905\n", &["eid=1"]), [r#""eid":"8904""#, r#""eid":"8905""#]);
        assert_eq!(members("EID\n8904\n", &["eid=1"]), [r#""eid":"8904""#], "there is a header after all");
        assert_eq!(
            members("eid,a\n,1\n", &[]),
            [r#""eid":"","a":"1""#],
            "an EID that is missing is not left out"
        );
    }

    #[test]
    fn rows_that_cannot_be_parameters_are_refused_with_their_line() {
        for (text, columns, says) in [
            ("8904\n8905\n", &[][..], "has no header with the names of the parameters: \"8904\""),
            ("eid,eid\n1,2\n", &[], "several columns \"eid\""),
            ("eid,code\n1,P1\n2,P,2\n", &[], "line 3: field 3 has no name in the header: \"2\""),
            (
                "eid,code\n1,P1\n",
                &["packageCode"],
                "has no column \"packageCode\"; its columns are eid, code.",
            ),
            ("eid,code\n1,P1\n", &["eid=1", "code"], "either names or positions"),
            ("1\n", &["1"], "such as eid=1"),
            ("1\n", &["=1"], "PARAMETER=COLUMN"),
            ("{\"eid\":\"1\",\"eid\":\"2\"}\n", &[], "line 1: not a JSON object: duplicate member"),
            ("{\"eid\":\"1\"}\n[1]\n", &[], "line 2: not a JSON object"),
            (
                "{\"eid\":\"1\",\"kind\":\"ok\",\"attempts\":1,\"delivered\":\"yes\"}\n",
                &[],
                "line 1: is an outcome of eiot",
            ),
        ] {
            let why = read(text, columns).expect_err(text);
            assert!(why.contains(says), "{text:?}: {why}");
        }
    }

    #[test]
    fn row_with_a_number_in_a_workbook_is_refused() {
        let layout = Layout::Header(vec![Some("outTradeNo".to_owned())]);
        let cells = vec![Cell { text: "2026".to_owned(), is_number: true }];
        let why = layout.read(7, Content::Cells(cells)).expect_err("a number");
        assert!(why.starts_with("outTradeNo: the cell is a number"), "{why}");
    }

    #[test]
    fn eid_of_a_row_is_its_text() {
        let rows = Rows::of_text(Lines::new(Cursor::new(b"{\"eid\":8904}\n{\"eid\":\"1\"}\n{}\n".to_vec())))
            .expect("rows");
        let eids: Vec<_> =
            CallRows::of(rows, &[]).expect("rows").map(|row| row.expect("a row").eid).collect();
        assert_eq!(eids, [Some("8904".to_owned()), Some("1".to_owned()), None]);
    }
}
