//! The last good version of each file, for the next start.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use tracing::warn;

use crate::atomic_file;

/// A folder of copies, by the names of the files.
#[derive(Debug)]
pub(super) struct GoodCopies {
    folder: PathBuf,
    /// What could not be written yet.
    owed: BTreeMap<String, Owed>,
    /// How often it was asked to try again since it did.
    asked: u32,
}

/// At so many looks once is tried again: an attempt may fill a disk that others write to.
pub(super) const RETRY_EVERY: u32 = 40;

/// A copy that is not in the folder.
#[derive(Debug)]
struct Owed {
    text: Vec<u8>,
    why: io::Error,
}

impl GoodCopies {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, owed: BTreeMap::new(), asked: 0 }
    }

    /// Keeps a text that was good; one that cannot be written is owed.
    pub(super) fn keep(&mut self, name: &str, text: &[u8]) {
        match write(&self.folder, name, text) {
            Ok(()) => self.owed.remove(name),
            Err(why) => self.owed.insert(name.to_owned(), Owed { text: text.to_vec(), why }),
        };
    }

    /// Tries again to write what is owed, now and then.
    pub(super) fn retry(&mut self) {
        self.asked += 1;
        if self.asked < RETRY_EVERY {
            return;
        }
        self.asked = 0;
        self.owed.retain(|name, owed| match write(&self.folder, name, &owed.text) {
            Ok(()) => false,
            Err(why) => {
                owed.why = why;
                true
            }
        });
    }

    /// The folder, and what is wrong with it.
    pub(super) fn problem(&self) -> Option<(String, String)> {
        let (name, Owed { why, .. }) = self.owed.first_key_value()?;
        let others = if self.owed.len() > 1 { " and others" } else { "" };
        let problem = format!(
            "no copy of {name}{others} can be written, so a broken edit has no last good version after a restart; \
             it is tried again: {why}"
        );
        Some((self.folder.display().to_string(), problem))
    }

    /// The text that was kept.
    pub(super) fn recall(&self, name: &str) -> Option<Vec<u8>> {
        if let Some(owed) = self.owed.get(name) {
            return Some(owed.text.clone());
        }
        match std::fs::read(self.folder.join(name)) {
            Ok(text) => Some(text),
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    warn!(file = name, %error, "the last good copy of the manifest cannot be read");
                }
                None
            }
        }
    }

    /// The file is gone for good.
    pub(super) fn forget(&mut self, name: &str) {
        self.owed.remove(name);
        if let Err(error) = atomic_file::remove(&self.folder.join(name)) {
            warn!(file = name, %error, "the copy of a manifest that is gone stays");
        }
    }

    /// The files of which there is a copy. A folder that is not there, or cannot be read, has none.
    pub(super) fn names(&self) -> BTreeSet<String> {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        // One that a crash left half written has a dot before its name.
        names.filter(|name| !name.starts_with('.')).collect()
    }
}

/// Writes a copy. Where that fails the one before goes, which works on a full disk too: it may allow what this one refuses.
fn write(folder: &Path, name: &str, text: &[u8]) -> io::Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    let written = made.and_then(|()| atomic_file::replace(folder, name, text, 0o600));
    if written.is_err() {
        let stays =
            |error| io::Error::other(format!("{error}, and the copy before it cannot be removed either"));
        atomic_file::remove(&folder.join(name)).map_err(stays)?;
    }
    written
}
