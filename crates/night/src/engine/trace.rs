//! The trace of a night: a line per event. Of every night only its checksum and its number of lines are kept; a night that is
//! run again with the same seed prints the same lines.

use std::cell::{Cell, RefCell};
use std::fmt;

/// Receives what happens.
pub struct Trace {
    /// The last lines, if they are to be read; how many.
    kept: usize,
    lines: RefCell<std::collections::VecDeque<String>>,
    checksum: Cell<u64>,
    count: Cell<u64>,
}

impl Trace {
    /// Keeps this many of the last lines.
    pub fn new(kept: usize) -> Self {
        Self {
            kept,
            lines: RefCell::default(),
            checksum: Cell::new(0xCBF2_9CE4_8422_2325),
            count: Cell::new(0),
        }
    }

    /// Whether lines are kept, so that it is worthwhile to write long ones.
    pub fn is_kept(&self) -> bool {
        self.kept > 0
    }

    /// Whether only the last lines are kept.
    pub fn is_short(&self) -> bool {
        self.kept < usize::MAX
    }

    /// Adds numbers that stand for a line, cheaply.
    pub fn sum(&self, numbers: &[u64]) {
        let sum = numbers
            .iter()
            .fold(self.checksum.get(), |sum, number| (sum ^ number).wrapping_mul(0x0100_0000_01B3));
        self.checksum.set(sum);
        self.count.set(self.count.get() + 1);
    }

    /// Adds a line; `time` is virtual.
    pub fn line(&self, time: u64, text: fmt::Arguments<'_>) {
        if self.kept == 0 {
            return;
        }
        let (seconds, micros) = (time / 1_000_000_000, time / 1_000 % 1_000_000);
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let mut lines = self.lines.borrow_mut();
        if lines.len() == self.kept {
            lines.pop_front();
        }
        lines.push_back(format!("{hours:02}:{minutes:02}:{seconds:02}.{micros:06} {text}"));
    }

    /// The lines that were kept.
    pub fn lines(&self) -> Vec<String> {
        self.lines.borrow().iter().cloned().collect()
    }

    /// The checksum of everything that happened.
    pub fn checksum(&self) -> u64 {
        self.checksum.get()
    }
}
