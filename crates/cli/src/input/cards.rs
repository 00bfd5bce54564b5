//! The cards of a file: the EID of each row, as text.

use super::rows::{Cell, Content, Row, Rows, json_text};
use super::{InputOptions, unreadable};
use eiot::{Eid, EidRules, Error};
use std::path::Path;

/// The column that holds the EIDs by default.
const DEFAULT_COLUMN: &str = "eid";

/// A card's EID, verbatim from the file; it may be malformed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Card {
    /// Its line; the first line is 1.
    pub(crate) line: u64,
    /// The text.
    pub(crate) text: String,
    /// The text is not what was typed, because the cell is a number.
    pub(crate) is_number: bool,
}

/// Reads cards. Memory use does not depend on their number.
pub(crate) struct Cards {
    rows: Rows,
    column: Column,
    /// A row that was read to look for a header.
    first: Option<Row>,
}

/// Where the EID is in a row.
enum Column {
    /// In the cell with this index.
    Index(usize),
    /// In the member with this name.
    Member(String),
}

impl Cards {
    /// Opens a file, or standard input (`-`). A table has a header, and `column` names the column with the EIDs, by default `eid`;
    /// a number is the position of the column in a table without a header. A single column may have a header.
    pub(crate) fn open(path: &Path, column: Option<&str>, options: &InputOptions) -> Result<Self, Error> {
        Rows::open(path, options)
            .and_then(|rows| Self::of(rows, column))
            .map_err(|why| unreadable(path, &why))
    }

    fn of(mut rows: Rows, column: Option<&str>) -> Result<Self, String> {
        let wanted = column.unwrap_or(DEFAULT_COLUMN);
        if rows.is_self_describing() {
            return Ok(Self { rows, column: Column::Member(wanted.to_owned()), first: None });
        }
        let is_single_column = rows.is_single_column();
        let first = rows.next_row()?;
        let names: Vec<String> = match &first {
            Some(Row { content: Content::Cells(cells), .. }) => {
                cells.iter().map(|cell| cell.text.clone()).collect()
            }
            _ => Vec::new(),
        };
        let is = |name: &String, wanted: &str| name.eq_ignore_ascii_case(wanted);
        if let Some(number) = wanted.parse::<usize>().ok().filter(|number| *number > 0) {
            let index = number - 1;
            let is_header = names.get(index).is_some_and(|name| is(name, DEFAULT_COLUMN));
            return Ok(Self { rows, column: Column::Index(index), first: first.filter(|_| !is_header) });
        }
        match (names.iter().position(|name| is(name, wanted)), is_single_column, column) {
            (Some(index), _, _) => Ok(Self { rows, column: Column::Index(index), first: None }),
            (None, true, None) => Ok(Self { rows, column: Column::Index(0), first }),
            (None, true, Some(wanted)) => Err(format!(
                "has no column {wanted:?}; it has one column, and its first line is {:?}",
                names.first().map(String::as_str).unwrap_or_default()
            )),
            // Without rows there is no column either; the caller says that it is empty.
            (None, false, _) if first.is_none() => Ok(Self { rows, column: Column::Index(0), first }),
            (None, false, _) => Err(format!(
                "has no column {wanted:?}; name the column with the EIDs with --column, one of: {}. If there is no header, give \
                 its position, such as --column 1",
                names.join(", ")
            )),
        }
    }

    fn next_card(&mut self) -> Result<Option<Card>, Error> {
        let row = match self.first.take() {
            Some(row) => Some(row),
            None => self.rows.next_row().map_err(Error::invalid_argument)?,
        };
        Ok(row.map(|row| {
            let Cell { text, is_number } = self.column.of(row.content);
            Card { line: row.line, text, is_number }
        }))
    }
}

impl Column {
    /// The cell of a row in this column; an empty one if the row has none.
    fn of(&self, content: Content) -> Cell {
        match (self, content) {
            (Self::Index(index), Content::Cells(mut cells)) if *index < cells.len() => {
                cells.swap_remove(*index)
            }
            (Self::Member(name), Content::Object(object)) => {
                let member = object.iter().find(|(member, _)| member.eq_ignore_ascii_case(name));
                member.map(|(_, value)| Cell::text(&json_text(value))).unwrap_or_default()
            }
            _ => Cell::default(),
        }
    }
}

impl Card {
    /// The EID, by these rules.
    pub(crate) fn eid(&self, rules: EidRules) -> Result<Eid, Error> {
        match self.is_number {
            false => parse_eid(&self.text, rules),
            true => Err(Error::invalid_eid(
                &self.text,
                "the cell is a number, of which a spreadsheet keeps 15 digits; the others are lost. Format the column as text \
                 and enter the EIDs again",
            )),
        }
    }
}

impl Iterator for Cards {
    type Item = Result<Card, Error>;

    /// The next card. An error names the line and ends the iteration.
    fn next(&mut self) -> Option<Self::Item> {
        self.next_card().transpose()
    }
}

/// Parses an EID by these rules.
pub(crate) fn parse_eid(text: impl AsRef<[u8]>, rules: EidRules) -> Result<Eid, Error> {
    Eid::parse_as(text, rules)
}

#[cfg(test)]
mod tests {
    use super::super::lines::Lines;
    use super::*;
    use std::io::Cursor;

    fn read(text: &str, column: Option<&str>) -> Result<Vec<(u64, String)>, String> {
        let rows = Rows::of_text(Lines::new(Cursor::new(text.as_bytes().to_vec())))?;
        let cards = Cards::of(rows, column)?;
        cards.map(|card| card.map(|card| (card.line, card.text)).map_err(|error| error.to_string())).collect()
    }

    fn texts(text: &str, column: Option<&str>) -> Vec<String> {
        read(text, column).expect("readable").into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn cards_of_plain_lines_are_read_with_any_line_ending() {
        assert_eq!(
            read("1\r\n\n# a comment\n 2 \n3", None).expect("readable"),
            [(1, "1".to_owned()), (4, "2".to_owned()), (5, "3".to_owned())]
        );
        assert_eq!(read("eid\n1\n", None).expect("readable"), [(2, "1".to_owned())]);
        assert_eq!(texts("eid\r1\r2\r", None), ["1", "2"]);
        assert_eq!(texts("", None), Vec::<String>::new());
    }

    #[test]
    fn cards_of_a_table_are_read_by_column_name() {
        for table in [
            "name,EID\na,1\nb,2\n",
            "name;eid\r\na;1\r\nb;2\r\n",
            "name\t Eid \na\t1\nb\t2",
            "name|eid\ra|1\rb|2\r",
        ] {
            assert_eq!(texts(table, None), ["1", "2"], "{table:?}");
        }
        assert_eq!(texts("card,eid\n1,x\n2,y\n", Some("Card")), ["1", "2"]);
    }

    #[test]
    fn cards_of_a_table_without_header_are_read_by_position() {
        assert_eq!(texts("1,a\n2,b\n", Some("1")), ["1", "2"]);
        assert_eq!(texts("a|1\nb|2\n", Some("2")), ["1", "2"]);
        assert_eq!(texts("a,eid\nb,2\n", Some("2")), ["2"], "there is a header after all");
        assert_eq!(texts("1\n2\n", Some("1")), ["1", "2"]);
        assert_eq!(texts("1,1\n2,2\n", Some("3")), ["", ""], "rows do not vanish");
    }

    #[test]
    fn cards_after_a_stray_quote_are_not_swallowed() {
        let why = read("note,eid\nx,1\n\"5 inch,2\n\"6 inch,3\ny,4\n", None).expect_err("a stray quote");
        assert!(why.contains("line 3: a quoted field does not end on its line"), "{why}");
        let why = read("eid,note\n1,\"two\nlines\"\n2,\n", None).expect_err("a line end in quotes");
        assert!(why.contains("line 2"), "{why}");
        assert_eq!(texts("note,eid\n5\" inch,1\n6\" inch,2\n", None), ["1", "2"], "text before a quote");
        assert_eq!(texts("\"5 inch\n1\n", None), ["\"5 inch", "1"], "no fields, so no quotes");
    }

    #[test]
    fn cards_of_json_lines_are_read_by_member_and_keep_their_digits() {
        let eid = "89044011112233441122334411223321";
        let lines =
            format!("{{\"EID\":\"{eid}\",\"a\":{{}}}}\n\n{{\"eid\":{eid}}}\n{{\"a\":1}}\n{{\"eid\":null}}\n");
        assert_eq!(texts(&lines, None), [eid, eid, "", ""]);
        assert_eq!(texts("{\"card\":\"1\"}\n", Some("card")), ["1"]);
        assert!(
            read("{\"eid\":\"1\"}\n{\"eid\":\n", None)
                .expect_err("not JSON")
                .contains("line 2: not a JSON object")
        );
        let why = read("{\"eid\":\"1\",\"eid\":\"2\"}", None).expect_err("two EIDs");
        assert!(why.contains("line 1: not a JSON object: duplicate member \"eid\""), "{why}");
        assert!(read("[{\"eid\":\"1\"}]", None).expect_err("an array").contains("JSON array"));
    }

    #[test]
    fn cards_of_a_journal_are_its_results() {
        let journal = concat!(
            "{\"eiot_journal\":1,\"account\":\"a\"}\n{\"eid\":\"1\",\"kind\":\"ok\"}\n",
            "{\"finished\":\"2026\"}\n{\"eid\":\"2\",\"kind\":\"timeout\"}\n"
        );
        assert_eq!(texts(journal, None), ["1", "2"]);
    }

    #[test]
    fn cards_keep_all_digits() {
        let eid = "89044011112233441122334411223321";
        assert_eq!(texts(&format!("a,eid\nx,\"{eid}\"\ny,=\"{eid}\"\n"), None), [eid, eid]);
        assert_eq!(texts(&format!("\"{eid}\"\n=\"{eid}\"\n"), None), [eid, eid]);
        assert_eq!(
            texts("a,eid\nx,8.9044E+31\n", None),
            ["8.9044E+31"],
            "what a spreadsheet lost is not hidden"
        );
    }

    #[test]
    fn card_in_a_cell_with_a_number_is_refused_even_if_its_digits_look_complete() {
        let card = Card { line: 7, text: "8904".to_owned(), is_number: true };
        let error = card.eid(EidRules::default()).expect_err("a number");
        assert_eq!((error.kind(), error.eid()), (eiot::ErrorKind::InvalidEid, Some("8904")));
        assert!(error.to_string().contains("the cell is a number"), "{error}");
    }

    #[test]
    fn cards_without_the_column_have_an_empty_eid() {
        assert_eq!(texts("a,eid\nonly\nx,2\n", None), ["", "2"]);
    }

    #[test]
    fn cards_without_a_known_column_are_refused_with_the_list_of_columns() {
        let why = read("name,iccid\na,1\n", None).expect_err("no eid");
        assert!(why.contains("no column \"eid\"") && why.contains("one of: name, iccid"), "{why}");
        assert!(read("1\n2\n", Some("card")).expect_err("no header").contains("one column"));
    }

    #[test]
    fn cards_may_follow_blank_lines_and_comments() {
        let lines = "\n# cards, of May; all\n\n1\n";
        assert_eq!(read(lines, None).expect("lines"), [(4, "1".to_owned())]);
        assert_eq!(read("# May\neid\n1\n", None).expect("lines"), [(3, "1".to_owned())]);
        for end in ["\n", "\r\n"] {
            let table = ["", "  ", "name,eid", "a,1", "", ",", "b,2", ""].join(end);
            assert_eq!(
                read(&table, None).expect("a table"),
                [(4, "1".to_owned()), (7, "2".to_owned())],
                "{table:?}"
            );
        }
        assert_eq!(texts("#,eid\n7,1\n", None), ["1"], "a column may be called #");
        assert_eq!(texts("\n# nothing, else\n", None), Vec::<String>::new());
    }

    #[test]
    fn cards_of_an_unreadable_file_are_refused_with_its_name() {
        let open = |path| Cards::open(Path::new(path), None, &InputOptions::default()).err();
        let error = open("/nonexistent/cards.csv").expect("absent");
        assert!(error.to_string().contains("/nonexistent/cards.csv cannot be read"), "{error}");
        assert!(open("/").expect("a directory").to_string().contains("directory"));
    }
}
