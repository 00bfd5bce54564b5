//! The cards of a file: CSV, TSV, or an EID a line, read as text and one by one.

use crate::ration::{Ration, Rationed};
use eiot::Error;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;

/// A line that is longer than this holds no card; most likely a quote was never closed.
const LONGEST_BYTES: u64 = 64 * 1024;

/// The column that holds the EIDs where nothing else is said.
const USUAL_COLUMN: &str = "eid";

/// A card's EID as it stands in the file, whatever that may be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Card {
    /// Where it stands; the first line is 1.
    pub(crate) line: u64,
    /// The text there.
    pub(crate) text: String,
}

/// Reads cards. Memory does not depend on how many there are.
pub(crate) struct Cards {
    source: Source,
}

enum Source {
    Lines { reader: Box<dyn BufRead>, line: u64 },
    Table { reader: csv::Reader<Rationed<Box<dyn Read>>>, ration: Ration, column: usize },
}

impl Cards {
    /// Opens a file, or standard input where it is `-`. The first line that is neither blank nor a comment (`#`) tells what it
    /// is: a tab in it makes it TSV, a comma or a semicolon CSV, and anything else an EID a line. A table has a header;
    /// `column` names the one with the EIDs, which is else the one called `eid`.
    pub(crate) fn open(path: &Path, column: Option<&str>) -> Result<Self, Error> {
        let unreadable = |why: io::Error| refused(path, &format!("cannot be read: {why}"));
        let reader: Box<dyn BufRead> = match path == Path::new("-") {
            true => Box::new(BufReader::new(io::stdin())),
            false => {
                let file = File::open(path).map_err(unreadable)?;
                if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
                    return Err(refused(path, "is a directory"));
                }
                Box::new(BufReader::new(file))
            }
        };
        Self::read(reader, column).map_err(|why| refused(path, &why))
    }

    fn read(mut reader: Box<dyn BufRead>, column: Option<&str>) -> Result<Self, String> {
        let (head, telling) = head(&mut reader).map_err(|why| format!("cannot be read: {why}"))?;
        if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) {
            return Err("is UTF-16; save it as UTF-8".to_owned());
        }
        let whole = Cursor::new(head).chain(reader);
        match telling.iter().find(|byte| b"\t,;".contains(byte)) {
            None => Self::lines(&telling, Box::new(whole), column),
            Some(_) if telling.contains(&b'\t') => Self::table(b'\t', Box::new(whole), column),
            Some(delimiter) => Self::table(*delimiter, Box::new(whole), column),
        }
    }

    /// An EID a line; the first may be a header.
    fn lines(first: &[u8], reader: Box<dyn BufRead>, column: Option<&str>) -> Result<Self, String> {
        let name = unquoted(&String::from_utf8_lossy(first));
        let mut cards = Self { source: Source::Lines { reader, line: 0 } };
        if name.eq_ignore_ascii_case(column.unwrap_or(USUAL_COLUMN)) {
            cards.next_card().map_err(|why| why.to_string())?;
        } else if let Some(column) = column {
            return Err(format!(
                "has no column {column:?}: it has one column, and its first line is {name:?}"
            ));
        }
        Ok(cards)
    }

    fn table(delimiter: u8, reader: Box<dyn Read>, column: Option<&str>) -> Result<Self, String> {
        let ration = Ration::default();
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .flexible(true)
            // A blank line before it is no header.
            .has_headers(false)
            // The \r before it is trimmed with other whitespace; else the lines are counted wrongly.
            .terminator(csv::Terminator::Any(b'\n'))
            .from_reader(Rationed::new(reader, ration.clone()));
        let header = next_row(&mut reader, &ration)?.unwrap_or_default();
        let names: Vec<String> =
            header.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect();
        let wanted = column.unwrap_or(USUAL_COLUMN);
        match names.iter().position(|name| name.eq_ignore_ascii_case(wanted)) {
            Some(column) => Ok(Self { source: Source::Table { reader, ration, column } }),
            None => Err(format!(
                "has no column {wanted:?} in its first line; name the one with the EIDs by --column: {}",
                names.join(", ")
            )),
        }
    }

    fn next_card(&mut self) -> Result<Option<Card>, Error> {
        match &mut self.source {
            Source::Lines { reader, line } => loop {
                *line += 1;
                let failed = |why: &dyn fmt::Display| Error::invalid_argument(format!("line {line}: {why}"));
                let mut bytes = Vec::new();
                let length = reader.take(LONGEST_BYTES).read_until(b'\n', &mut bytes);
                if length.map_err(|why| failed(&why))? == 0 {
                    return Ok(None);
                }
                // What is left of it must not be taken for a line of its own.
                if bytes.len() as u64 == LONGEST_BYTES && !bytes.ends_with(b"\n") {
                    return Err(failed(&"is too long to be an EID"));
                }
                if is_telling(&bytes) {
                    return Ok(Some(Card { line: *line, text: unquoted(&String::from_utf8_lossy(&bytes)) }));
                }
            },
            Source::Table { reader, ration, column } => {
                let Some(row) = next_row(reader, ration).map_err(Error::invalid_argument)? else {
                    return Ok(None);
                };
                let line = row.position().map_or(0, csv::Position::line);
                let field = row.get(*column).unwrap_or_default();
                Ok(Some(Card { line, text: unquoted(&String::from_utf8_lossy(field)) }))
            }
        }
    }
}

/// The beginning of the file without a byte order mark, up to and with the first line that tells what the file is; and that
/// line.
fn head(reader: &mut dyn BufRead) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let (mut head, mut telling) = (Vec::new(), Vec::new());
    let mut reader = reader.take(LONGEST_BYTES);
    loop {
        let begin = head.len();
        if reader.read_until(b'\n', &mut head)? == 0 {
            return Ok((head, telling));
        }
        if begin == 0 && head.starts_with("\u{feff}".as_bytes()) {
            head.drain(..3);
        }
        let line = head.get(begin..).unwrap_or_default();
        if is_telling(line) {
            telling.extend_from_slice(line);
            return Ok((head, telling));
        }
    }
}

/// Is this line neither blank nor a comment?
fn is_telling(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    !line.is_empty() && !line.starts_with(b"#")
}

/// The next row with anything in it.
fn next_row(
    reader: &mut csv::Reader<Rationed<Box<dyn Read>>>,
    ration: &Ration,
) -> Result<Option<csv::ByteRecord>, String> {
    let mut row = csv::ByteRecord::new();
    loop {
        ration.set(LONGEST_BYTES);
        let line = reader.position().line();
        if !reader.read_byte_record(&mut row).map_err(|why| format!("line {line}: {why}"))? {
            return Ok(None);
        }
        if row.iter().any(|field| !field.trim_ascii().is_empty()) {
            return Ok(Some(row));
        }
    }
}

impl Iterator for Cards {
    type Item = Result<Card, Error>;

    /// The next card; an error ends the reading, and names the line.
    fn next(&mut self) -> Option<Self::Item> {
        self.next_card().transpose()
    }
}

/// The text that a spreadsheet was told to leave alone, `="8904"`, and text in quotes.
fn unquoted(text: &str) -> String {
    let text = text.trim();
    let text = text.strip_prefix('=').unwrap_or(text);
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    inner.unwrap_or(text).trim().to_owned()
}

fn refused(path: &Path, why: &str) -> Error {
    let name = if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() };
    Error::invalid_argument(format!("{name} {why}"))
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
    fn plain_lines_are_eids_whatever_ends_them() {
        assert_eq!(
            read("1\r\n\n# a comment\n 2 \n3", None).expect("readable"),
            [(1, "1".to_owned()), (4, "2".to_owned()), (5, "3".to_owned())]
        );
        assert_eq!(read("eid\n1\n", None).expect("readable"), [(2, "1".to_owned())]);
        assert_eq!(texts("\u{feff}1\n2\n", None), ["1", "2"]);
        assert_eq!(texts("", None), Vec::<String>::new());
    }

    #[test]
    fn a_table_is_read_by_the_name_of_its_column() {
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
    fn digits_stay_digits() {
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
    fn a_row_without_the_column_is_an_empty_eid_and_not_another() {
        assert_eq!(texts("a,eid\nonly\nx,2\n", None), ["", "2"]);
    }

    #[test]
    fn a_column_that_is_not_there_is_told_with_those_that_are() {
        let why = read("name,iccid\na,1\n", None).expect_err("no eid");
        assert!(why.contains("no column \"eid\"") && why.ends_with("--column: name, iccid"), "{why}");
        assert!(read("1\n2\n", Some("card")).expect_err("no header").contains("one column"));
    }

    #[test]
    fn what_is_not_text_is_refused() {
        let utf16: Box<dyn BufRead> = Box::new(Cursor::new(vec![0xff, 0xfe, b'1', 0]));
        assert!(Cards::read(utf16, None).err().expect("UTF-16").contains("UTF-16"));
    }

    #[test]
    fn a_quote_that_is_not_closed_is_refused_before_much_is_read() {
        /// Bytes without end, counted.
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
        assert!(why.contains("line 3: is too long; is a quote not closed?"), "{why}");
        assert!(count.get() < 1_000_000, "{}", count.get());
    }

    #[test]
    fn the_rest_of_a_line_that_is_too_long_is_no_card() {
        let why =
            read(&format!("1\n{}123\n7\n", "x".repeat(LONGEST_BYTES as usize)), None).expect_err("too long");
        assert!(why.contains("line 2: is too long"), "{why}");
        let why =
            read(&format!("{}123\n7\n", "x".repeat(LONGEST_BYTES as usize)), None).expect_err("too long");
        assert!(why.contains("line 1: is too long"), "{why}");
    }

    #[test]
    fn blank_lines_and_comments_before_the_first_do_not_tell_what_the_file_is() {
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
    fn a_file_that_cannot_be_read_is_named() {
        let error = Cards::open(Path::new("/nonexistent/cards.csv"), None).err().expect("absent");
        assert!(error.to_string().contains("/nonexistent/cards.csv cannot be read"), "{error}");
        assert!(
            Cards::open(Path::new("/"), None).err().expect("a directory").to_string().contains("directory")
        );
    }
}
