//! The authority's state in a folder: `ca.json` with the keys, for this program alone, and `root.pem` with the certificates, for
//! whoever has to trust them.
//!
//! One file holds one state, and takes the place of the one before in one step: a crash leaves the one or the other.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::{State, StateError, bundle};
use crate::atomic_file;
use crate::ca::Roots;

const STATE_FILE: &str = "ca.json";
const BUNDLE_FILE: &str = "root.pem";
const LOCK_FILE: &str = "lock";
/// Bytes of the state file that are read: thousands of nodes.
const MAX_SIZE: u64 = 16 << 20;

/// The folder that holds the state. One process has it at a time.
#[derive(Debug)]
pub struct FolderStore {
    folder: PathBuf,
    // Released by the system when the process ends, however it ends.
    _lock: File,
}

impl FolderStore {
    /// Makes the folder if need be, and takes it.
    ///
    /// # Errors
    /// When it cannot be made, or another process has it.
    pub fn open(folder: PathBuf) -> Result<Self, StateError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |error| StateError::Io { path, error }
        };
        // Nodes on this machine read root.pem in it.
        DirBuilder::new().recursive(true).mode(0o755).create(&folder).map_err(at(&folder))?;
        let path = folder.join(LOCK_FILE);
        let lock = open_lock(&path).map_err(at(&path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { folder, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(StateError::InUse { path: folder }),
            Err(TryLockError::Error(error)) => Err(StateError::Io { path, error }),
        }
    }

    /// The state as it was last saved; nothing in a new folder.
    ///
    /// # Errors
    /// When there is one that cannot be used.
    pub fn load(&self) -> Result<Option<State>, StateError> {
        let path = self.folder.join(STATE_FILE);
        let failed = |error| StateError::Io { path: path.clone(), error };
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(failed)?,
        };
        if file.metadata().map_err(failed)?.permissions().mode() & 0o077 != 0 {
            return Err(StateError::TooOpen { path });
        }
        let mut text = Vec::new();
        file.take(MAX_SIZE).read_to_end(&mut text).map_err(failed)?;
        serde_json::from_slice(&text).map(Some).map_err(|error| StateError::Damaged { path, error })
    }

    /// Saves the state, and then the bundle: whoever trusts `root.pem` trusts whatever the controller presents next.
    /// What is on disk already is not written again, so that a start needs no room there.
    ///
    /// # Errors
    /// When one of them cannot be written. A state that was saved without its bundle is mended by the next start.
    pub fn save(&self, state: &State) -> Result<(), StateError> {
        let text = serde_json::to_vec_pretty(state).map_err(StateError::Encode)?;
        self.replace(STATE_FILE, &text, 0o600)?;
        self.publish(&state.roots)
    }

    /// Writes `root.pem`: every root that is trusted.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn publish(&self, roots: &Roots) -> Result<(), StateError> {
        self.replace(BUNDLE_FILE, bundle(roots).as_bytes(), 0o644)
    }

    fn replace(&self, name: &str, content: &[u8], mode: u32) -> Result<(), StateError> {
        let path = self.folder.join(name);
        atomic_file::replace(&self.folder, name, content, mode)
            .map_err(|error| StateError::Io { path, error })
    }
}

/// A file system that became read-only still has a state to serve from, and its lock.
fn open_lock(path: &Path) -> io::Result<File> {
    match OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path) {
        Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => {
            File::open(path).map_err(|_| error)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests;
