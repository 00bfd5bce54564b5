//! What a run takes from its input.

use super::row_call::{CallTemplate, RowCall};
use crate::input::InputOptions;
use crate::input::call_rows::{CallRows, Column};
use crate::input::cards::{Card, Cards};
use eiot::Error;
use std::path::PathBuf;

/// A row of the input.
#[derive(Debug)]
pub(crate) enum Item {
    /// A card to refresh.
    Card(Card),
    /// A call to make.
    Call(Box<RowCall>),
}

/// What a run makes of each row.
#[derive(Debug, Clone)]
pub(crate) enum Work {
    /// Refreshes the card in this column.
    Refresh { column: Option<String> },
    /// Makes a call with the values of these columns.
    Call { template: CallTemplate, columns: Vec<Column> },
}

/// The input of a run.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) from: PathBuf,
    pub(crate) input: InputOptions,
    pub(crate) work: Work,
}

/// The rows of an input.
pub(crate) type Items = Box<dyn Iterator<Item = Result<Item, Error>>>;

impl Source {
    /// Opens the input. An error of a row names its line.
    pub(crate) fn open(&self) -> Result<Items, Error> {
        let Self { from, input, work } = self;
        Ok(match work {
            Work::Refresh { column } => {
                Box::new(Cards::open(from, column.as_deref(), input)?.map(|card| card.map(Item::Card)))
            }
            Work::Call { template, columns } => {
                let template = template.clone();
                let call = move |row| template.call(row).map(|call| Item::Call(Box::new(call)));
                Box::new(CallRows::open(from, columns, input)?.map(move |row| row.and_then(&call)))
            }
        })
    }

    /// What is called for each row, if not a refresh.
    pub(crate) fn call(&self) -> Option<&CallTemplate> {
        match &self.work {
            Work::Refresh { .. } => None,
            Work::Call { template, .. } => Some(template),
        }
    }
}
