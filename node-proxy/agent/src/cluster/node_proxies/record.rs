//! The node proxies that are served, on disk.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use karez_handover::pod::NamespaceId;
use serde::{Deserialize, Serialize};

use crate::processes::FoundNamespace;

/// Why they cannot be kept, or not be read.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub(super) struct RecordError {
    path: PathBuf,
    source: io::Error,
}

#[derive(Debug, Serialize, Deserialize)]
struct Written {
    uid: String,
    netns: PathBuf,
    device: u64,
    inode: u64,
}

/// Those on record, by Pod uid; none where there is no record. Blocks.
pub(super) fn load(path: &Path) -> Result<BTreeMap<String, FoundNamespace>, RecordError> {
    let failed = |source| RecordError { path: path.to_owned(), source };
    let text = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        read => read.map_err(failed)?,
    };
    let written: Vec<Written> = serde_json::from_slice(&text).map_err(|error| failed(error.into()))?;
    let found = written.into_iter().map(|Written { uid, netns, device, inode }| {
        (uid, FoundNamespace { path: netns, id: NamespaceId { device, inode } })
    });
    Ok(found.collect())
}

/// Replaces the record. Blocks.
pub(super) fn save(path: &Path, served: &BTreeMap<String, FoundNamespace>) -> Result<(), RecordError> {
    let failed = |source| RecordError { path: path.to_owned(), source };
    let written: Vec<Written> = served
        .iter()
        .map(|(uid, FoundNamespace { path, id })| Written {
            uid: uid.clone(),
            netns: path.clone(),
            device: id.device,
            inode: id.inode,
        })
        .collect();
    let text = serde_json::to_vec_pretty(&written).map_err(|error| failed(error.into()))?;
    let half_written = path.with_extension("new");
    fs::write(&half_written, text).and_then(|()| fs::rename(&half_written, path)).map_err(failed)
}

#[cfg(test)]
mod tests;
