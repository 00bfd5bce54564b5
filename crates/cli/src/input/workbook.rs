//! The rows of a sheet of an Excel workbook (.xlsx).

use super::at_line;
use super::rows::Cell;
use crate::system::fs::File;
use calamine::{Data, DataRef, Reader, Xlsx, XlsxError};
use std::io::BufReader;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// How many rows are read ahead.
const READ_AHEAD: usize = 64;

type Row = (u64, Vec<Cell>);

/// The rows of a sheet, read by a thread, because the reader of a sheet borrows its workbook.
pub(super) struct Workbook {
    rows: Receiver<Result<Row, String>>,
}

impl Workbook {
    /// Opens a sheet: the one with this name, or the only one that is not empty.
    pub(super) fn open(path: &Path, sheet: Option<&str>) -> Result<Self, String> {
        let file = File::open(path).map_err(|why| format!("cannot be read: {why}"))?;
        let mut workbook = Xlsx::new(BufReader::new(file)).map_err(|why| {
            format!(
                "is a ZIP archive that is not a readable Excel workbook (.xlsx): {why}; save the table as CSV"
            )
        })?;
        let sheet = choose(&mut workbook, sheet)?;
        let (sender, rows) = sync_channel(READ_AHEAD);
        thread::spawn(move || {
            let mut row = (0, Vec::new());
            if let Err(why) = send_rows(&mut workbook, &sheet, &mut row, &sender) {
                // If the receiver is gone, the rows are not wanted.
                let _ = sender
                    .send(Err(at_line(row.0 + 1, format_args!("sheet {sheet:?} cannot be read: {why}"))));
            }
        });
        Ok(Self { rows })
    }

    /// The next row with a cell that is not empty, and its number; the first row is 1.
    pub(super) fn next_row(&mut self) -> Result<Option<Row>, String> {
        self.rows.recv().ok().transpose()
    }
}

type Book = Xlsx<BufReader<File>>;

fn choose(workbook: &mut Book, wanted: Option<&str>) -> Result<String, String> {
    let names = workbook.sheet_names();
    if let Some(wanted) = wanted {
        return match names.iter().any(|name| name == wanted) {
            true => Ok(wanted.to_owned()),
            false => Err(format!("has no sheet {wanted:?}; its sheets are {}", names.join(", "))),
        };
    }
    let mut with_rows = Vec::new();
    for name in names {
        // A chart sheet has no cells and cannot be read as a table.
        let is_empty = match workbook.worksheet_cells_reader(&name) {
            Ok(mut cells) => loop {
                match cells.next_cell() {
                    Ok(Some(cell)) if read(cell.get_value()).is_none_or(|cell| cell.is_blank()) => {}
                    Ok(None) => break true,
                    Ok(Some(_)) | Err(_) => break false,
                }
            },
            Err(_) => true,
        };
        with_rows.extend((!is_empty).then_some(name));
    }
    match with_rows.as_slice() {
        [only] => Ok(only.clone()),
        [] => workbook.sheet_names().first().cloned().ok_or_else(|| "has no sheets".to_owned()),
        several => Err(format!(
            "has {} sheets with cells; name one with --sheet: {}",
            several.len(),
            several.join(", ")
        )),
    }
}

/// Sends the rows of a sheet. `row` is the one that is being read.
fn send_rows(
    workbook: &mut Book,
    sheet: &str,
    row: &mut Row,
    rows: &SyncSender<Result<Row, String>>,
) -> Result<(), XlsxError> {
    let mut cells = workbook.worksheet_cells_reader(sheet)?;
    while let Some(cell) = cells.next_cell()? {
        let (line, column) = (u64::from(cell.get_position().0) + 1, cell.get_position().1 as usize);
        let Some(value) = read(cell.get_value()) else { continue };
        if line != row.0 && !send(rows, std::mem::replace(row, (line, Vec::new()))) {
            return Ok(());
        }
        if row.1.len() <= column {
            row.1.resize(column + 1, Cell::default());
        }
        if let Some(place) = row.1.get_mut(column) {
            *place = value;
        }
    }
    send(rows, std::mem::take(row));
    Ok(())
}

/// Hands a row on, unless it is empty. Returns whether more are wanted.
fn send(rows: &SyncSender<Result<Row, String>>, row: Row) -> bool {
    row.1.iter().all(Cell::is_blank) || rows.send(Ok(row)).is_ok()
}

/// The value of a cell that is not empty.
fn read(value: &DataRef<'_>) -> Option<Cell> {
    match value {
        DataRef::Empty => None,
        DataRef::String(text) => Some(Cell::text(text)),
        DataRef::SharedString(text) => Some(Cell::text(text)),
        DataRef::Int(number) => Some(Cell::number(number.to_string())),
        DataRef::Float(number) if number.abs() < 1e15 => Some(Cell::number(number.to_string())),
        DataRef::Float(number) => Some(Cell::number(format!("{number:E}"))),
        DataRef::DateTime(time) => Some(Cell::number(time.as_f64().to_string())),
        other => Some(Cell::text(&Data::from(other.clone()).to_string())),
    }
}
