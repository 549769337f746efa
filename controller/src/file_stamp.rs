//! How a file is recognised as changed without reading it.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Changes whenever the file does: written to, replaced by another, or behind a symbolic link that was swapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileStamp {
    device: u64,
    inode: u64,
    size: u64,
    // Seconds and nanoseconds.
    modified: (i64, i64),
    // A second write of the same size within the clock's tick shows here, and so does a replaced owner or mode.
    changed: (i64, i64),
}

impl FileStamp {
    /// The stamp of a file, symbolic links followed.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        std::fs::metadata(path).map(|metadata| Self::from(&metadata))
    }

    /// Bytes.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Whether the file was last written at least `age` before `now`. A time in the future counts as recent.
    pub(crate) fn is_older(&self, age: Duration, now: SystemTime) -> bool {
        let written = u64::try_from(self.modified.0.max(self.changed.0)).unwrap_or(0);
        let until = SystemTime::UNIX_EPOCH + Duration::from_secs(written) + Duration::from_secs(1) + age;
        now >= until
    }
}

impl From<&Metadata> for FileStamp {
    fn from(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}
