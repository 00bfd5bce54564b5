//! `--not-refreshed-since`: which cards were refreshed not long ago, from one or more journals.

use super::journal::{JobKey, each_result};
use crate::system::fs;
use eiot::{Eid, Error};
use std::collections::HashSet;
use std::path::Path;
use std::time::SystemTime;

/// Cards that were refreshed since some time. 16 bytes per card.
pub(crate) struct Recent(HashSet<u128>);

impl Recent {
    /// Reads a journal, or every journal in a directory. Only those of the same account count; files that are not journals are
    /// skipped in a directory.
    pub(crate) fn read(path: &Path, job: &JobKey, since: SystemTime) -> Result<Self, Error> {
        let failed = |why: &dyn std::fmt::Display| {
            Error::invalid_argument(format!("--history: {} cannot be used: {why}", path.display()))
        };
        let mut recent = HashSet::new();
        let mut add = |path: &Path| {
            each_result(path, job, |eid, is_ok, time| {
                if is_ok && time >= since {
                    recent.extend(Eid::parse(eid).ok().map(|eid| eid.to_number()));
                }
            })
        };
        match fs::metadata(path).is_ok_and(|metadata| metadata.is_dir()) {
            false => add(path).map_err(|why| failed(&why))?,
            true => {
                for file in fs::list(path).map_err(|why| failed(&why))? {
                    // Not a journal, or not of this account.
                    let _ = add(&file);
                }
            }
        }
        Ok(Self(recent))
    }

    pub(crate) fn contains(&self, eid: &Eid) -> bool {
        self.0.contains(&eid.to_number())
    }
}
