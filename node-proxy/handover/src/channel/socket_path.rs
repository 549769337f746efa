//! Checks who could have placed a socket at a path.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

const ROOT: u32 = 0;
/// Write permission of the group and of others.
const WRITABLE: u32 = 0o022;
/// inode(7): in such a folder everybody may create, but only owners rename and remove.
const STICKY: u32 = 0o1000;

/// Resolves symbolic links, which others could redirect. Refuses a path where a user other than root and `owner` could
/// have placed a socket.
///
/// # Errors
/// When a folder on the way is missing, belongs to another user, or is writable by others.
pub(super) fn trusted(path: &Path, owner: u32) -> io::Result<PathBuf> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let folder = folder.canonicalize()?;
    check_folder(&folder, &[ROOT, owner])?;
    Ok(folder.join(path.file_name().unwrap_or_default()))
}

fn check_folder(folder: &Path, owners: &[u32]) -> io::Result<()> {
    for (height, folder) in folder.ancestors().enumerate() {
        let found = fs::metadata(folder)?;
        let is_ours = owners.contains(&found.uid());
        // Only above the last folder: there others may create, but the path's parts already exist and belong to the
        // owner.
        let is_guarded = height > 0 && found.mode() & STICKY != 0;
        if !is_ours || found.mode() & WRITABLE != 0 && !is_guarded {
            return Err(untrusted(folder));
        }
    }
    Ok(())
}

fn untrusted(folder: &Path) -> io::Error {
    let folder = folder.display();
    let message = format!(
        "other users than the agent can create a socket in {folder}: give it the agent's uid and mode 0755"
    );
    io::Error::new(io::ErrorKind::PermissionDenied, message)
}

#[cfg(test)]
mod tests;
