//! The cards of a file: CSV, TSV, or an EID a line, read as text and one by one.

use eiot::Error;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;

/// A line that is longer than this holds no card; most likely a quote was never closed.
const LONGEST_BYTES: usize = 64 * 1024;

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
    Table { reader: csv::Reader<Box<dyn Read>>, column: usize },
}

impl Cards {
    /// Opens a file, or standard input where it is `-`. The first line tells what it is: a tab in it makes it TSV, a comma or
    /// a semicolon CSV, and anything else an EID a line. A table has a header; `column` names the one with the EIDs, which
    /// is else the one called `eid`.
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
        let mut first = Vec::new();
        (&mut reader)
            .take(LONGEST_BYTES as u64)
            .read_until(b'\n', &mut first)
            .map_err(|why| format!("cannot be read: {why}"))?;
        if first.starts_with(&[0xff, 0xfe]) || first.starts_with(&[0xfe, 0xff]) {
            return Err("is UTF-16; save it as UTF-8".to_owned());
        }
        let begin = if first.starts_with("\u{feff}".as_bytes()) { 3 } else { 0 };
        let first = first.split_off(begin);
        let delimiter = match first.iter().find(|byte| b"\t,;".contains(byte)) {
            Some(delimiter) => *delimiter,
            None => return Self::lines(first, reader, column),
        };
        let delimiter = if first.contains(&b'\t') { b'\t' } else { delimiter };
        let whole: Box<dyn Read> = Box::new(Cursor::new(first).chain(reader));
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .flexible(true)
            // The \r before it is trimmed with other white space; else the lines are counted wrongly.
            .terminator(csv::Terminator::Any(b'\n'))
            .from_reader(whole);
        let header = reader.byte_headers().map_err(|why| format!("has no header that can be read: {why}"))?;
        let names: Vec<String> =
            header.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect();
        let wanted = column.unwrap_or(USUAL_COLUMN);
        match names.iter().position(|name| name.eq_ignore_ascii_case(wanted)) {
            Some(column) => Ok(Self { source: Source::Table { reader, column } }),
            None => Err(format!(
                "has no column {wanted:?} in its first line; name the one with the EIDs by --column: {}",
                names.join(", ")
            )),
        }
    }

    /// An EID a line; the first may be a header.
    fn lines(first: Vec<u8>, reader: Box<dyn BufRead>, column: Option<&str>) -> Result<Self, String> {
        let name = String::from_utf8_lossy(&first).trim().trim_matches('"').to_owned();
        let is_header = name.eq_ignore_ascii_case(column.unwrap_or(USUAL_COLUMN));
        if let (Some(column), false) = (column, is_header) {
            return Err(format!(
                "has no column {column:?}: it has one column, and its first line is {name:?}"
            ));
        }
        let first = if is_header { Vec::new() } else { first };
        let reader = Box::new(Cursor::new(first).chain(reader));
        Ok(Self { source: Source::Lines { reader, line: u64::from(is_header) } })
    }

    fn next_card(&mut self) -> Result<Option<Card>, Error> {
        match &mut self.source {
            Source::Lines { reader, line } => loop {
                let mut bytes = Vec::new();
                let length = reader
                    .take(LONGEST_BYTES as u64)
                    .read_until(b'\n', &mut bytes)
                    .map_err(|why| Error::invalid_argument(format!("line {}: {why}", *line + 1)))?;
                if length == 0 {
                    return Ok(None);
                }
                *line += 1;
                let text = String::from_utf8_lossy(&bytes).trim().to_owned();
                if !text.is_empty() && !text.starts_with('#') {
                    return Ok(Some(Card { line: *line, text: unquoted(&text) }));
                }
            },
            Source::Table { reader, column } => {
                let mut record = csv::ByteRecord::new();
                if !reader
                    .read_byte_record(&mut record)
                    .map_err(|why| Error::invalid_argument(why.to_string()))?
                {
                    return Ok(None);
                }
                let line = record.position().map_or(0, csv::Position::line);
                if record.as_slice().len() > LONGEST_BYTES {
                    let text = format!("line {line}: is too long; is a quote not closed?");
                    return Err(Error::invalid_argument(text));
                }
                let field = record.get(*column).unwrap_or_default();
                Ok(Some(Card { line, text: unquoted(String::from_utf8_lossy(field).trim()) }))
            }
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
        let open_quote = format!("a,eid\n\"{}", "x,1\n".repeat(LONGEST_BYTES));
        assert!(read(&open_quote, None).expect_err("too long").contains("quote"));
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
