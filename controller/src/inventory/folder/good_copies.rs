//! The last text of each file that was good, for the next start.

use std::collections::BTreeSet;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

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

    /// Forgets the copies of files that went while nobody looked.
    pub(super) fn retain(&self, names: &BTreeSet<String>) {
        // A folder that is not there, or cannot be read, has nothing to forget.
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let kept = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        for name in kept.filter(|name| !names.contains(name)) {
            self.forget(&name);
        }
    }
}
