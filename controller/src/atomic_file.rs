//! A file that takes the place of the one before in one step.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Writes the file beside its place, and then puts it there: readers see the old one or the new one, whole, and so does the
/// next start after a loss of power.
pub(crate) fn replace(folder: &Path, name: &str, content: &[u8], mode: u32) -> io::Result<()> {
    let beside = folder.join(format!(".{name}.new"));
    match std::fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        // One that a crash left behind may have another mode.
        _ => {}
    }
    let mut file = OpenOptions::new().create_new(true).write(true).mode(mode).open(&beside)?;
    // The process' umask may have taken something away that its readers need.
    file.set_permissions(Permissions::from_mode(mode))?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&beside, folder.join(name))?;
    File::open(folder)?.sync_all()
}
