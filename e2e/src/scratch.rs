//! A folder that goes with the test.

use std::path::{Path, PathBuf};

/// A folder under the private `/run`; removed when dropped. `LAB_KEEP_LOGS` names a folder where the logs are kept.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// A new, empty folder.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(name: &str) -> std::io::Result<Self> {
        let path = PathBuf::from("/run/karez-lab").join(format!("{name}-{}", std::process::id()));
        // What an earlier test of that name left is of no use.
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path)?;
        Ok(Self { path })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        keep_logs(&self.path);
        // The tmpfs that holds it goes with the namespaces.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// Copies the programs' logs out of the private tmpfs.
fn keep_logs(from: &Path) {
    let Some(target) = std::env::var_os("LAB_KEEP_LOGS").map(PathBuf::from) else { return };
    let target = target.join(from.file_name().unwrap_or_default());
    // Logs that cannot be kept change nothing about the test.
    let _ = std::fs::create_dir_all(&target);
    for entry in std::fs::read_dir(from).into_iter().flatten().flatten() {
        let _ = std::fs::copy(entry.path(), target.join(entry.file_name()));
    }
}
