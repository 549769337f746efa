//! The plugin's files on the node. All of it blocks.
//!
//! Each file is replaced whole, by a rename of what is on the disk, so that it is whole after a power failure too: a half-written configuration makes the node NotReady, and a configuration that
//! names a plugin which is not there fails every Pod. So the program comes before its entry and goes after it, and what
//! is half written has no name that a runtime reads.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use karez_cni::NAME;
use karez_cni::agent_file::{AgentFile, Found};
use karez_cni::configuration::Entry;

use crate::cni::conflist::{InvalidConflist, with_entry, without_entry};

/// In the folder of configurations, with a name that no runtime takes for one.
const AGENT_FILE: &str = "karez-agent-state";

/// What runtimes read in the folder of configurations, in the order of the names alone.
const EXTENSIONS: [&str; 3] = ["conf", CONFLIST, "json"];
/// A list of plugins; what else they read is a single one.
const CONFLIST: &str = "conflist";

/// Where the plugin is installed.
#[derive(Debug, Clone)]
pub struct Installation {
    /// The program to install.
    pub program: PathBuf,
    /// Where the runtime looks for plugins.
    pub bin_dir: PathBuf,
    /// Where the runtime looks for networks' configurations.
    pub conf_dir: PathBuf,
    /// The agent's Unix socket, for the plugin.
    pub socket: PathBuf,
    /// Namespaces whose Pods never wait.
    pub exempt: BTreeSet<String>,
}

/// Why the plugin is not installed.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// A file or folder.
    #[error("cannot {task} {}: {source}", path.display())]
    File {
        /// What was tried.
        task: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// No network to chain it to, yet.
    #[error("there is no .conflist in {}: install a CNI plugin that makes Pods' networks", .0.display())]
    NoConflist(PathBuf),
    /// The network that runtimes take has one plugin alone.
    #[error(
        "{} comes first by its name, so it is what runtimes take, and it is no list that karez-cni could stand in: make it a \
         .conflist, or remove it",
        .0.display()
    )]
    NoList(PathBuf),
    /// Another program has just written it.
    #[error("{} was changed by another program at the same moment: the agent tries again", .0.display())]
    Changed(PathBuf),
    /// It cannot be chained to the network.
    #[error("{} takes no chained plugin: {reason}", path.display())]
    Conflist {
        /// Its configuration.
        path: PathBuf,
        /// Why not.
        reason: InvalidConflist,
    },
    /// What the plugin is to be told has no form in JSON.
    #[error("the plugin's file has no form: {0}")]
    Form(#[from] serde_json::Error),
}

impl Installation {
    /// Installs what is missing or another; tells whether anything was.
    ///
    /// # Errors
    /// When a step fails; the steps after it are not taken.
    pub fn install(&self) -> Result<bool, InstallError> {
        let has_new_program = self.install_program()?;
        let path = self.conflist()?;
        let text = fs::read_to_string(&path).map_err(failed("read", &path))?;
        let entry = Entry::new(&self.socket, self.agent_file(), self.exempt.clone());
        let invalid = |reason| InstallError::Conflist { path: path.clone(), reason };
        let Some(chained) = with_entry(&text, &entry).map_err(invalid)? else { return Ok(has_new_program) };
        edit(&path, &text, &chained)?;
        Ok(true)
    }

    /// Takes the plugin away, in reverse.
    ///
    /// # Errors
    /// When a step fails; the steps after it are not taken.
    pub fn uninstall(&self) -> Result<(), InstallError> {
        for path in self.configurations()?.into_iter().filter(|path| is_conflist(path)) {
            let text = fs::read_to_string(&path).map_err(failed("read", &path))?;
            // What is no list of plugins has none of ours.
            if let Ok(Some(unchained)) = without_entry(&text) {
                edit(&path, &text, &unchained)?;
            }
        }
        remove(&self.agent_file())?;
        remove(&self.bin_dir.join(NAME))
    }

    /// What the plugin was told last; None where it was told nothing that can be read.
    #[must_use]
    pub fn told(&self) -> Option<AgentFile> {
        Found::read(&self.agent_file(), SystemTime::now())?.file
    }

    /// Tells the plugin.
    ///
    /// # Errors
    /// When the file cannot be replaced.
    pub fn tell(&self, file: &AgentFile) -> Result<(), InstallError> {
        replace(&self.agent_file(), &serde_json::to_vec_pretty(file)?, 0o644)
    }

    /// Gives the plugin a sign of life.
    ///
    /// # Errors
    /// When the file is not there or cannot be touched.
    pub fn touch(&self) -> Result<(), InstallError> {
        let path = self.agent_file();
        let touched = fs::File::options().append(true).open(&path);
        touched.and_then(|file| file.set_modified(SystemTime::now())).map_err(failed("touch", &path))
    }

    fn install_program(&self) -> Result<bool, InstallError> {
        let program = fs::read(&self.program).map_err(failed("read", &self.program))?;
        let path = self.bin_dir.join(NAME);
        if fs::read(&path).is_ok_and(|there| there == program) {
            return Ok(false);
        }
        replace(&path, &program, 0o755)?;
        Ok(true)
    }

    /// The configuration that runtimes take: the first by name, which has to be a list.
    fn conflist(&self) -> Result<PathBuf, InstallError> {
        let first = self.configurations()?.into_iter().next();
        let first = first.ok_or_else(|| InstallError::NoConflist(self.conf_dir.clone()))?;
        if is_conflist(&first) { Ok(first) } else { Err(InstallError::NoList(first)) }
    }

    fn configurations(&self) -> Result<Vec<PathBuf>, InstallError> {
        let entries = fs::read_dir(&self.conf_dir).map_err(failed("read", &self.conf_dir))?;
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let mut paths: Vec<_> = paths
            .filter(|path| EXTENSIONS.iter().any(|it| path.extension() == Some(OsStr::new(it))))
            .collect();
        paths.sort();
        Ok(paths)
    }

    fn agent_file(&self) -> PathBuf {
        self.conf_dir.join(AGENT_FILE)
    }
}

fn is_conflist(path: &Path) -> bool {
    path.extension() == Some(OsStr::new(CONFLIST))
}

/// Replaces a file of another program's, unless it has written it anew since it was read as `before`.
fn edit(path: &Path, before: &str, after: &str) -> Result<(), InstallError> {
    let mode = fs::metadata(path).map_err(failed("read", path))?.permissions().mode();
    let new = write_beside(path, after.as_bytes(), mode)?;
    if fs::read(path).map_err(failed("read", path))? != before.as_bytes() {
        remove(&new)?;
        return Err(InstallError::Changed(path.to_owned()));
    }
    put_in_place(&new, path)
}

/// Replaces a file whole.
fn replace(path: &Path, content: &[u8], mode: u32) -> Result<(), InstallError> {
    put_in_place(&write_beside(path, content, mode)?, path)
}

/// Writes what is to replace a file to the disk, beside it: under a name that ends in no extension which a runtime reads.
fn write_beside(path: &Path, content: &[u8], mode: u32) -> Result<PathBuf, InstallError> {
    let mut half_written = path.as_os_str().to_owned();
    half_written.push(".karez-new");
    let half_written = PathBuf::from(half_written);
    let write = || {
        let mut file = fs::File::create(&half_written)?;
        file.write_all(content)?;
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        file.sync_all()
    };
    write().map_err(failed("write", &half_written))?;
    Ok(half_written)
}

fn put_in_place(new: &Path, path: &Path) -> Result<(), InstallError> {
    let rename = || {
        fs::rename(new, path)?;
        // The rename is on the disk once the folder is.
        path.parent().map_or(Ok(()), |folder| fs::File::open(folder)?.sync_all())
    };
    rename().map_err(failed("write", path))
}

fn remove(path: &Path) -> Result<(), InstallError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(failed("remove", path)),
    }
}

fn failed(task: &'static str, path: &Path) -> impl FnOnce(io::Error) -> InstallError {
    let path = path.to_path_buf();
    move |source| InstallError::File { task, path, source }
}

#[cfg(test)]
mod tests;
