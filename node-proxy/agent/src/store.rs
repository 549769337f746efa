//! The enrolled Pods on disk: a file each, replaced whole, so that a bad one costs one Pod.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use karez_handover::pod::EnrolledPod;

use crate::record::{InvalidRecord, Record};

/// A folder of records.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
}

/// Why the folder cannot be used, or a record not be kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file or the folder.
    #[error("cannot {task} {}: {source}", path.display())]
    File {
        /// What was tried.
        task: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The record has no form on disk.
    #[error("Pod {pod} cannot be written down: {source}")]
    Record {
        /// Whose.
        pod: String,
        /// Why not.
        source: serde_json::Error,
    },
}

/// What lies among the records and cannot be taken for one.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// A file or folder that cannot be read.
    #[error(transparent)]
    File(#[from] StoreError),
    /// A file that says something else.
    #[error("{} is no record of a Pod: {reason}", path.display())]
    Record {
        /// Where.
        path: PathBuf,
        /// Why not.
        reason: InvalidRecord,
    },
}

impl Store {
    /// The records below `state`, a folder that is made where there is none, for its owner only.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(state: &Path) -> Result<Self, StoreError> {
        let folder = state.join("pods");
        make(&folder)?;
        Ok(Self { folder })
    }

    /// All records, and what is none: it costs its own Pod, and no other.
    ///
    /// # Errors
    /// When the folder cannot be read at all.
    pub fn load(&self) -> Result<(Vec<Record>, Vec<Unreadable>), StoreError> {
        let (mut records, mut unreadable) = (Vec::new(), Vec::new());
        for namespace in entries(&self.folder)? {
            let paths = entries(&namespace).unwrap_or_else(|error| {
                unreadable.push(error.into());
                Vec::new()
            });
            for path in paths.into_iter().filter(|path| !is_half_written(path)) {
                match read(path) {
                    Ok(record) => records.push(record),
                    Err(error) => unreadable.push(error),
                }
            }
        }
        Ok((records, unreadable))
    }

    /// Keeps a record, in place of the one of that namespace and name.
    ///
    /// # Errors
    /// When it cannot be written; the old one is still there then.
    pub fn save(&self, record: &Record) -> Result<(), StoreError> {
        let text = record.to_json();
        let text = text.map_err(|source| StoreError::Record { pod: record.pod.to_string(), source })?;
        let folder = self.folder.join(&*record.pod.namespace);
        make(&folder)?;
        let half_written = folder.join(format!("{HALF_WRITTEN}{}", record.pod.name));
        // Over a crash of the agent the page cache is enough, and over one of the node nothing is kept.
        fs::write(&half_written, text).map_err(failed("write", &half_written))?;
        let path = folder.join(&*record.pod.name);
        fs::rename(&half_written, &path).map_err(failed("write", &path))
    }

    /// Drops a Pod's record, if there is one.
    ///
    /// # Errors
    /// When it is there and cannot be removed.
    pub fn forget(&self, pod: &EnrolledPod) -> Result<(), StoreError> {
        let path = self.folder.join(&*pod.namespace).join(&*pod.name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(failed("remove", &path)),
        }
    }

    /// Takes the folder itself away, where no record is in it.
    ///
    /// # Errors
    /// When there is one, or it cannot be removed.
    pub fn remove(&self) -> io::Result<()> {
        for namespace in fs::read_dir(&self.folder)? {
            fs::remove_dir(namespace?.path())?;
        }
        fs::remove_dir(&self.folder)
    }
}

fn read(path: PathBuf) -> Result<Record, Unreadable> {
    let text = fs::read(&path).map_err(failed("read", &path))?;
    Record::from_json(&text).map_err(|reason| Unreadable::Record { path, reason })
}

/// Before a Pod's name, which begins with a letter or digit.
const HALF_WRITTEN: &str = ".";

fn is_half_written(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(HALF_WRITTEN.as_bytes()))
}

fn make(folder: &Path) -> Result<(), StoreError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(failed("make", folder))
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let entries = fs::read_dir(folder).and_then(|entries| {
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()
    });
    entries.map_err(failed("read", folder))
}

fn failed(task: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_path_buf();
    move |source| StoreError::File { task, path, source }
}

#[cfg(test)]
mod tests;
