//! The last good version of each file's objects, for the next start.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use karez_resources::{Key, manifest};
use tracing::warn;

use crate::atomic_file;

/// A folder of copies, by the names of the files.
#[derive(Debug)]
pub(super) struct GoodCopies {
    folder: PathBuf,
}

impl GoodCopies {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Keeps a text that was good.
    pub(super) fn keep(&self, name: &str, text: &[u8]) {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.folder);
        let kept = made.and_then(|()| atomic_file::replace(&self.folder, name, text, 0o600));
        if let Err(error) = kept {
            warn!(file = name, %error, "no copy of the manifest is kept: after a restart a broken edit of it has no last good version");
        }
    }

    /// Keeps of a text that is not good as a whole the objects that are, and of the others what was kept before. `held` are
    /// the objects of the file, and whether they have a good version; one that never had one is kept as such where that refuses
    /// something.
    pub(super) fn keep_objects<'a>(
        &self,
        name: &str,
        text: &[u8],
        held: impl Iterator<Item = (&'a Key, bool)>,
    ) {
        let mut new = manifest::good_objects(text);
        let mut old = self.recall(name).map_or_else(BTreeMap::new, |text| manifest::good_objects(&text));
        let documents = held.filter_map(|(key, good)| match good {
            true => new.remove(key).or_else(|| old.remove(key)),
            false => key.kind.refuses_unread().then(|| manifest::never_readable(key)),
        });
        self.keep(name, manifest::join(documents).as_bytes());
    }

    /// The text that was kept.
    pub(super) fn recall(&self, name: &str) -> Option<Vec<u8>> {
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
    pub(super) fn forget(&self, name: &str) {
        match std::fs::remove_file(self.folder.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                warn!(file = name, %error, "the copy of a manifest that is gone stays");
            }
            _ => {}
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
