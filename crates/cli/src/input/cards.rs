//! The cards of a file: CSV, TSV, or one EID per line. Reads one card at a time, as text.

use crate::input::limited_reader::{LimitedReader, ReadLimit};
use crate::input::{is_stdin, unreadable};
use eiot::{Eid, EidRules, Error};
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;

/// Longer lines are refused; most likely a quote is not closed.
const MAX_LINE_BYTES: u64 = 64 * 1024;

/// The column that holds the EIDs by default.
const DEFAULT_COLUMN: &str = "eid";

/// A card's EID, verbatim from the file; it may be malformed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Card {
    /// Its line; the first line is 1.
    pub(crate) line: u64,
    /// The text.
    pub(crate) text: String,
}

/// Reads cards. Memory use does not depend on their number.
pub(crate) struct Cards {
    source: Source,
}

enum Source {
    Lines { reader: Box<dyn BufRead>, line: u64 },
    Table { reader: csv::Reader<LimitedReader<Box<dyn Read>>>, limit: ReadLimit, column: usize },
}

impl Cards {
    /// Opens a file, or standard input (`-`). The first line that is neither blank nor a comment (`#`) determines the format: TSV
    /// if it contains a tab, CSV if it contains a comma or a semicolon, otherwise one EID per line. A table has a header; `column`
    /// names the column with the EIDs, by default `eid`.
    pub(crate) fn open(path: &Path, column: Option<&str>) -> Result<Self, Error> {
        let failed = |why: io::Error| unreadable(path, &format!("cannot be read: {why}"));
        let reader: Box<dyn BufRead> = match is_stdin(path) {
            true => Box::new(BufReader::new(io::stdin())),
            false => {
                let file = File::open(path).map_err(failed)?;
                if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
                    return Err(unreadable(path, "is a directory"));
                }
                Box::new(BufReader::new(file))
            }
        };
        Self::read(reader, column).map_err(|why| unreadable(path, &why))
    }

    fn read(mut reader: Box<dyn BufRead>, column: Option<&str>) -> Result<Self, String> {
        let (head, first) = head(&mut reader).map_err(|why| format!("cannot be read: {why}"))?;
        if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) {
            return Err("is UTF-16; save it as UTF-8".to_owned());
        }
        let whole = Cursor::new(head).chain(reader);
        match first.iter().find(|byte| b"\t,;".contains(byte)) {
            None => Self::lines(&first, Box::new(whole), column),
            Some(_) if first.contains(&b'\t') => Self::table(b'\t', Box::new(whole), column),
            Some(delimiter) => Self::table(*delimiter, Box::new(whole), column),
        }
    }

    /// One EID per line; the first line may be a header.
    fn lines(first: &[u8], reader: Box<dyn BufRead>, column: Option<&str>) -> Result<Self, String> {
        let name = unquoted(&String::from_utf8_lossy(first));
        let mut cards = Self { source: Source::Lines { reader, line: 0 } };
        if name.eq_ignore_ascii_case(column.unwrap_or(DEFAULT_COLUMN)) {
            cards.next_card().map_err(|why| why.to_string())?;
        } else if let Some(column) = column {
            return Err(format!(
                "has no column {column:?}; it has one column, and its first line is {name:?}"
            ));
        }
        Ok(cards)
    }

    fn table(delimiter: u8, reader: Box<dyn Read>, column: Option<&str>) -> Result<Self, String> {
        let limit = ReadLimit::default();
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .flexible(true)
            // Blank lines may precede the header.
            .has_headers(false)
            // \r is trimmed as whitespace. With the default terminator, lines would be miscounted.
            .terminator(csv::Terminator::Any(b'\n'))
            .from_reader(LimitedReader::new(reader, limit.clone()));
        let header = next_row(&mut reader, &limit)?.unwrap_or_default();
        let names: Vec<String> =
            header.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect();
        let wanted = column.unwrap_or(DEFAULT_COLUMN);
        match names.iter().position(|name| name.eq_ignore_ascii_case(wanted)) {
            Some(column) => Ok(Self { source: Source::Table { reader, limit, column } }),
            None => Err(format!(
                "has no column {wanted:?}; name the column with the EIDs with --column, one of: {}",
                names.join(", ")
            )),
        }
    }

    fn next_card(&mut self) -> Result<Option<Card>, Error> {
        match &mut self.source {
            Source::Lines { reader, line } => loop {
                *line += 1;
                let failed = |why: &dyn fmt::Display| Error::invalid_argument(at_line(*line, why));
                let mut bytes = Vec::new();
                let length = reader.take(MAX_LINE_BYTES).read_until(b'\n', &mut bytes);
                if length.map_err(|why| failed(&why))? == 0 {
                    return Ok(None);
                }
                // The rest of the line must not be read as another line.
                if bytes.len() as u64 == MAX_LINE_BYTES && !bytes.ends_with(b"\n") {
                    return Err(failed(&"too long for an EID"));
                }
                if is_content(&bytes) {
                    return Ok(Some(Card { line: *line, text: unquoted(&String::from_utf8_lossy(&bytes)) }));
                }
            },
            Source::Table { reader, limit, column } => {
                let Some(row) = next_row(reader, limit).map_err(Error::invalid_argument)? else {
                    return Ok(None);
                };
                let line = row.position().map_or(0, csv::Position::line);
                let field = row.get(*column).unwrap_or_default();
                Ok(Some(Card { line, text: unquoted(&String::from_utf8_lossy(field)) }))
            }
        }
    }
}

/// The beginning of the file without a byte order mark, up to and including the first line with content; and that line.
fn head(reader: &mut dyn BufRead) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let (mut head, mut first) = (Vec::new(), Vec::new());
    let mut reader = reader.take(MAX_LINE_BYTES);
    loop {
        let begin = head.len();
        if reader.read_until(b'\n', &mut head)? == 0 {
            return Ok((head, first));
        }
        if begin == 0 && head.starts_with("\u{feff}".as_bytes()) {
            head.drain(..3);
        }
        let line = head.get(begin..).unwrap_or_default();
        if is_content(line) {
            first.extend_from_slice(line);
            return Ok((head, first));
        }
    }
}

/// Whether this line is neither blank nor a comment.
fn is_content(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    !line.is_empty() && !line.starts_with(b"#")
}

/// The next row that is not blank.
fn next_row(
    reader: &mut csv::Reader<LimitedReader<Box<dyn Read>>>,
    limit: &ReadLimit,
) -> Result<Option<csv::ByteRecord>, String> {
    let mut row = csv::ByteRecord::new();
    loop {
        limit.set(MAX_LINE_BYTES);
        let line = reader.position().line();
        if !reader.read_byte_record(&mut row).map_err(|why| at_line(line, why))? {
            return Ok(None);
        }
        if row.iter().any(|field| !field.trim_ascii().is_empty()) {
            return Ok(Some(row));
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

/// Removes quotes, and the `=` of a spreadsheet formula: `="8904"`.
fn unquoted(text: &str) -> String {
    let text = text.trim();
    let text = text.strip_prefix('=').unwrap_or(text);
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    inner.unwrap_or(text).trim().to_owned()
}

/// Parses an EID by these rules.
pub(crate) fn parse_eid(text: impl AsRef<[u8]>, rules: EidRules) -> Result<Eid, Error> {
    Eid::parse_as(text, rules)
}

/// A message about a line of the input.
pub(crate) fn at_line(line: u64, message: impl fmt::Display) -> String {
    format!("line {line}: {message}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::rc::Rc;

    fn read(text: &str, column: Option<&str>) -> Result<Vec<(u64, String)>, String> {
        let reader: Box<dyn BufRead> = Box::new(Cursor::new(text.as_bytes().to_vec()));
        let cards = Cards::read(reader, column)?;
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
        assert_eq!(texts("\u{feff}1\n2\n", None), ["1", "2"]);
        assert_eq!(texts("", None), Vec::<String>::new());
    }

    #[test]
    fn cards_of_a_table_are_read_by_column_name() {
        for table in ["name,EID\na,1\nb,2\n", "name;eid\r\na;1\r\nb;2\r\n", "name\t Eid \na\t1\nb\t2"] {
            assert_eq!(texts(table, None), ["1", "2"], "{table:?}");
        }
        assert_eq!(texts("card,eid\n1,x\n2,y\n", Some("Card")), ["1", "2"]);
        assert_eq!(
            read("eid,note\n1,\"two\nlines\"\n2,\n", None).expect("readable"),
            [(2, "1".to_owned()), (4, "2".to_owned())],
            "a field may have line ends in it"
        );
        assert_eq!(
            read("note;eid\r\n\"a\r\nb\";\"1\"\r\nc;2\r\n", None).expect("readable"),
            [(2, "1".to_owned()), (4, "2".to_owned())]
        );
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
    fn cards_without_the_column_have_an_empty_eid() {
        assert_eq!(texts("a,eid\nonly\nx,2\n", None), ["", "2"]);
    }

    #[test]
    fn cards_without_a_known_column_are_refused_with_the_list_of_columns() {
        let why = read("name,iccid\na,1\n", None).expect_err("no eid");
        assert!(why.contains("no column \"eid\"") && why.ends_with("one of: name, iccid"), "{why}");
        assert!(read("1\n2\n", Some("card")).expect_err("no header").contains("one column"));
    }

    #[test]
    fn cards_in_utf_16_are_refused() {
        let utf16: Box<dyn BufRead> = Box::new(Cursor::new(vec![0xff, 0xfe, b'1', 0]));
        assert!(Cards::read(utf16, None).err().expect("UTF-16").contains("UTF-16"));
    }

    #[test]
    fn cards_with_an_unclosed_quote_are_refused_before_much_is_read() {
        /// An infinite stream of bytes, counted.
        struct Endless(Rc<Cell<usize>>);
        impl Read for Endless {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                buffer.fill(b'1');
                self.0.set(self.0.get() + buffer.len());
                Ok(buffer.len())
            }
        }
        let count = Rc::new(Cell::new(0));
        let endless = BufReader::new(Endless(count.clone()));
        let file = Cursor::new(b"a,eid\nx,1\n\"".to_vec()).chain(endless);
        let mut cards = Cards::read(Box::new(file), None).expect("a header");
        assert_eq!(cards.next().expect("a row").expect("readable").text, "1");
        let why = cards.next().expect("an error").expect_err("endless").to_string();
        assert!(why.contains("line 3: too long; check for an unclosed quote"), "{why}");
        assert!(count.get() < 1_000_000, "{}", count.get());
    }

    #[test]
    fn cards_are_not_read_from_the_rest_of_a_line_that_is_too_long() {
        let why =
            read(&format!("1\n{}123\n7\n", "x".repeat(MAX_LINE_BYTES as usize)), None).expect_err("too long");
        assert!(why.contains("line 2: too long"), "{why}");
        let why =
            read(&format!("{}123\n7\n", "x".repeat(MAX_LINE_BYTES as usize)), None).expect_err("too long");
        assert!(why.contains("line 1: too long"), "{why}");
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
        let error = Cards::open(Path::new("/nonexistent/cards.csv"), None).err().expect("absent");
        assert!(error.to_string().contains("/nonexistent/cards.csv cannot be read"), "{error}");
        assert!(
            Cards::open(Path::new("/"), None).err().expect("a directory").to_string().contains("directory")
        );
    }
}
