//! What the command reads: files of cards.

pub(crate) mod cards;
mod limited_reader;
