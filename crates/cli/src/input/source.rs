//! Opens a file or standard input, and says what it is.

use super::decoded::Decoded;
use super::file_kind::FileKind;
use super::is_stdin;
use super::workbook::Workbook;
use super::{InputOptions, lines::Lines};
use crate::system::fs::File;
use encoding_rs::Encoding;
use flate2::bufread::MultiGzDecoder;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

/// What a file holds.
pub(super) enum Source {
    Text(Lines),
    Workbook(Workbook),
}

/// Opens a file, or standard input (`-`).
pub(super) fn open(path: &Path, options: &InputOptions) -> Result<Source, String> {
    let encoding = options.encoding.as_deref().map(encoding).transpose()?;
    let mut reader: Box<dyn BufRead + Send> = match is_stdin(path) {
        true => Box::new(BufReader::new(io::stdin())),
        false => {
            let file = File::open(path).map_err(failed)?;
            if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
                return Err("is a directory".to_owned());
            }
            Box::new(BufReader::new(file))
        }
    };
    let source = match FileKind::of(reader.fill_buf().map_err(failed)?) {
        FileKind::Zip if is_stdin(path) => {
            return Err(
                "is an Excel workbook or a ZIP archive, which cannot be read as a stream; name the file"
                    .to_owned(),
            );
        }
        FileKind::Zip => Source::Workbook(Workbook::open(path, options.sheet.as_deref())?),
        FileKind::Gzip => {
            let mut reader = BufReader::new(MultiGzDecoder::new(reader));
            text(FileKind::of(reader.fill_buf().map_err(failed)?), reader, encoding)?
        }
        kind => text(kind, reader, encoding)?,
    };
    match (&source, options) {
        (Source::Text(_), InputOptions { sheet: Some(_), .. }) => {
            Err("is not an Excel workbook, so --sheet does not apply".to_owned())
        }
        _ => Ok(source),
    }
}

fn text(
    kind: FileKind,
    reader: impl BufRead + Send + 'static,
    encoding: Option<&'static Encoding>,
) -> Result<Source, String> {
    match kind {
        FileKind::Text => Ok(Source::Text(Lines::new(Decoded::new(reader, encoding)))),
        FileKind::Other(what) => Err(what.to_owned()),
        FileKind::Gzip | FileKind::Zip => Err("is an archive in a gzip file; extract it".to_owned()),
    }
}

fn encoding(label: &str) -> Result<&'static Encoding, String> {
    Encoding::for_label(label.as_bytes())
        .ok_or_else(|| format!("cannot be read: unknown encoding {label:?}; known ones are such as utf-8, gb18030, utf-16le, windows-1252"))
}

fn failed(why: io::Error) -> String {
    format!("cannot be read: {why}")
}
