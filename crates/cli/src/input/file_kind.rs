//! What a file is, by its first bytes.

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileKind {
    /// Text, in some encoding.
    Text,
    /// Compressed by gzip.
    Gzip,
    /// A ZIP archive, which may be an Excel workbook.
    Zip,
    /// Something that cannot be read: what it is, and what to do.
    Other(&'static str),
}

/// How files of known formats begin.
const SIGNATURES: [(&[u8], &str); 18] = [
    (
        b"\xd0\xcf\x11\xe0",
        "is an Excel workbook in the old format (.xls) or with a password; save it as .xlsx or CSV",
    ),
    (b"%PDF", "is a PDF; export the table as CSV"),
    (b"\x28\xb5\x2f\xfd", "is compressed by zstd; decompress it, or use gzip"),
    (b"\xfd7zXZ", "is compressed by xz; decompress it, or use gzip"),
    (b"BZh", "is compressed by bzip2; decompress it, or use gzip"),
    (b"\x04\x22\x4d\x18", "is compressed by lz4; decompress it, or use gzip"),
    (b"7z\xbc\xaf", "is a 7-Zip archive; extract it, or use gzip"),
    (b"Rar!", "is a RAR archive; extract it, or use gzip"),
    (b"PAR1", "is a Parquet file; export it as CSV"),
    (b"ARROW1", "is an Arrow file; export it as CSV"),
    (b"Obj\x01", "is an Avro file; export it as CSV"),
    (b"SQLite format 3", "is an SQLite database; export the table as CSV"),
    (b"{\\rtf", "is a document (RTF); export the table as CSV"),
    (b"\x89PNG", "is an image (PNG), not a table"),
    (b"\xff\xd8\xff", "is an image (JPEG), not a table"),
    (b"\x7fELF", "is a program (ELF), not a table"),
    (b"<!DOCTYPE", "is a web page (HTML), not a table; an export may have failed"),
    (b"<html", "is a web page (HTML), not a table; an export may have failed"),
];

const OPENDOCUMENT: &[u8] = b"application/vnd.oasis.opendocument";

impl FileKind {
    /// Recognizes a file by its first bytes; the more there are, the better.
    pub(super) fn of(head: &[u8]) -> Self {
        if head.starts_with(b"\x1f\x8b") {
            return Self::Gzip;
        }
        if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
            return match head.windows(OPENDOCUMENT.len()).any(|bytes| bytes == OPENDOCUMENT) {
                true => Self::Other("is an OpenDocument file (.ods); save it as .xlsx or CSV"),
                false => Self::Zip,
            };
        }
        if head.get(257..262).is_some_and(|magic| magic == b"ustar") {
            return Self::Other("is a tar archive; extract it");
        }
        let found = SIGNATURES.iter().find(|(signature, _)| head.starts_with(signature));
        found.map_or(Self::Text, |(_, what)| Self::Other(what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_kind_is_recognized_by_the_first_bytes() {
        assert_eq!(FileKind::of(b"eid\n1\n"), FileKind::Text);
        assert_eq!(FileKind::of(b""), FileKind::Text);
        assert_eq!(FileKind::of(b"\x1f\x8b\x08\x00"), FileKind::Gzip);
        assert_eq!(FileKind::of(b"PK\x03\x04\x14\x00"), FileKind::Zip);
        let ods = b"PK\x03\x04....mimetypeapplication/vnd.oasis.opendocument.spreadsheet";
        assert!(matches!(FileKind::of(ods), FileKind::Other(what) if what.contains(".ods")));
        assert!(matches!(FileKind::of(b"%PDF-1.7"), FileKind::Other(what) if what.contains("PDF")));
        let mut tar = vec![b'a'; 257];
        tar.extend(b"ustar\x0000");
        assert!(matches!(FileKind::of(&tar), FileKind::Other(what) if what.contains("tar")));
    }
}
