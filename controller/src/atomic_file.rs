//! A file that takes the place of the one before in one step.

use std::fs::{File, Metadata, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Writes the file beside its place, and then puts it there: readers see the old one or the new one, whole, and so does the
/// next start after a loss of power. What is there already is not written again: that would fail on a full disk for nothing.
pub(crate) fn replace(folder: &Path, name: &str, content: &[u8], mode: u32) -> io::Result<()> {
    let path = folder.join(name);
    if holds(&path, content, mode) {
        return Ok(());
    }
    let beside = folder.join(format!(".{name}.new"));
    // One that a crash left behind may have another mode.
    remove(&beside)?;
    let replaced = write(&beside, content, mode).and_then(|()| std::fs::rename(&beside, &path));
    if replaced.is_err() {
        // Half a file keeps the space that the next attempt needs. That it failed matters more than that this does.
        let _ = remove(&beside);
    }
    replaced?;
    File::open(folder)?.sync_all()
}

/// Removes a file that need not be there.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn holds(path: &Path, content: &[u8], mode: u32) -> bool {
    let is_alike = |metadata: Metadata| {
        metadata.is_file()
            && metadata.len() == content.len() as u64
            && metadata.permissions().mode() & 0o7777 == mode
    };
    std::fs::symlink_metadata(path).is_ok_and(is_alike)
        && std::fs::read(path).is_ok_and(|present| present == content)
}

fn write(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().create_new(true).write(true).mode(mode).open(path)?;
    // The process' umask may have taken something away that its readers need.
    file.set_permissions(Permissions::from_mode(mode))?;
    file.write_all(content)?;
    file.sync_all()
}

#[cfg(test)]
mod tests;
