//! Which files are to be read now, and which are gone. Pure.
//!
//! A file that is being written looks like a good one that lost some objects, and one that is being replaced looks gone for a
//! moment. So what was seen once is believed when it was seen twice. A file that is never the same twice keeps nobody waiting for ever.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use super::{Listed, Listing};
use crate::file_stamp::FileStamp;

/// A file that was written this long ago is settled at first sight.
const SETTLED: Duration = Duration::from_secs(1);

/// Looks in a row at which a file may have changed before it is no longer waited for: five seconds.
const PATIENCE: u32 = 20;

/// What was seen and read before.
#[derive(Debug, Default)]
pub(super) struct Settling {
    /// Every file that was there at some time and is not known to be gone.
    known: BTreeSet<String>,
    /// As it was at the last look.
    seen: BTreeMap<String, FileStamp>,
    /// Known, and missing at the last look for the first time.
    missing: BTreeSet<String>,
    /// As it was when it was read.
    read: BTreeMap<String, FileStamp>,
    /// Seen at the last look and neither read nor known to be unreadable; and at how many looks before.
    waiting: BTreeMap<String, u32>,
    /// The folder was listed at the last look.
    listed: bool,
}

/// What is to be done now.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) read: Vec<(String, FileStamp)>,
    pub(super) gone: Vec<String>,
    /// Changed at every look for too long: they are not waited for.
    pub(super) restless: Vec<(String, FileStamp)>,
}

impl Settling {
    /// Begins with the files that were there when another controller looked.
    pub(super) fn knowing(known: BTreeSet<String>) -> Self {
        Self { known, ..Self::default() }
    }

    /// Takes in what the folder holds.
    pub(super) fn plan(&mut self, listing: Listing, now: SystemTime) -> Plan {
        self.listed = listing.incomplete.is_none();
        if !self.listed {
            return Plan::default();
        }
        let mut plan = Plan { gone: self.gone(&listing), ..Plan::default() };
        let mut seen = BTreeMap::new();
        let waited = std::mem::take(&mut self.waiting);
        for (name, listed) in listing.files {
            // One that cannot be looked at keeps what it had.
            let Listed::Present(stamp) = listed else { continue };
            if self.read.get(&name) != Some(&stamp) {
                let settled = self.seen.get(&name) == Some(&stamp) || stamp.is_older(SETTLED, now);
                let looks = waited.get(&name).map_or(0, |looks| looks.saturating_add(1));
                if settled {
                    plan.read.push((name.clone(), stamp));
                } else if looks > PATIENCE {
                    plan.restless.push((name.clone(), stamp));
                }
                self.waiting.insert(name.clone(), looks);
            }
            seen.insert(name, stamp);
        }
        self.seen = seen;
        plan
    }

    /// Files that are missing for the second time.
    fn gone(&mut self, listing: &Listing) -> Vec<String> {
        self.known.extend(listing.files.keys().cloned());
        let is_missing = |name: &&String| !listing.files.contains_key(*name);
        let missing = self.known.iter().filter(is_missing).cloned();
        let (gone, missing): (Vec<_>, Vec<_>) = missing.partition(|name| self.missing.contains(name));
        for name in &gone {
            self.read.remove(name);
            self.known.remove(name);
        }
        self.missing = missing.into_iter().collect();
        gone
    }

    /// The file was read as it was then.
    pub(super) fn loaded(&mut self, name: &str, stamp: FileStamp) {
        self.read.insert(name.to_owned(), stamp);
        self.waiting.remove(name);
    }

    /// The file could not be read. It is tried again at the next look.
    pub(super) fn failed(&mut self, name: &str) {
        self.waiting.remove(name);
    }

    /// Every file that there is, or may be.
    pub(super) fn known(&self) -> &BTreeSet<String> {
        &self.known
    }

    /// The folder was listed, nothing in it waits to be read but what is restless, and nothing may be back at the next look.
    pub(super) fn is_complete(&self) -> bool {
        let is_restless = |looks: &u32| *looks > PATIENCE;
        self.listed && self.waiting.values().all(is_restless) && self.missing.is_empty()
    }
}

#[cfg(test)]
mod tests;
