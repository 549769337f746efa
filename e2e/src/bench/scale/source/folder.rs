//! A folder of manifests, with what a controller and its proxies need besides.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use karez_lab::manifests::Manifests;

use crate::bench::scale::{manifests, objects};

/// The folder.
#[derive(Debug)]
pub struct Folder {
    folder: PathBuf,
    manifests: Manifests,
}

impl Folder {
    /// An empty one in `folder`.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self { folder: folder.to_owned(), manifests: Manifests::create(&folder.join("manifests"))? })
    }

    /// Fills it with so many Pods, of whom some are going to change.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn fill(&self, pods: u32, changing: &BTreeSet<u32>) -> Result<()> {
        manifests::fill(&self.manifests, pods, changing)
    }

    /// Makes another revision of a Pod.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn change(&self, pod: u32, revision: u32) -> Result<()> {
        manifests::change(&self.manifests, pod, revision)
    }

    /// The controller of it, which knows the tokens of so many proxies.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn controller(&self, program: &Path, proxies: u32) -> Result<Command> {
        let tokens = self.write_tokens(proxies)?;
        let mut command = Command::new(program);
        command.arg("--manifests").arg(self.manifests.folder());
        command.arg("--state-dir").arg(self.folder.join("state")).arg("--tokens").arg(tokens);
        Ok(command)
    }

    fn write_tokens(&self, proxies: u32) -> Result<PathBuf> {
        let mut tokens = String::new();
        for number in 0..proxies {
            let node = objects::node(number);
            fs::write(self.token_file(number), format!("token-of-{node}\n"))?;
            tokens.push_str(&format!("token-of-{node} node {node}\n"));
        }
        let list = self.folder.join("tokens");
        fs::write(&list, tokens)?;
        // The controller takes no list that others may read.
        fs::set_permissions(&list, fs::Permissions::from_mode(0o600))?;
        Ok(list)
    }

    /// The token of a proxy.
    #[must_use]
    pub fn token_file(&self, proxy: u32) -> PathBuf {
        self.folder.join(format!("{proxy}.token"))
    }

    /// What the controller's certificate is verified against, once it runs.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.folder.join("state/root.pem")
    }

    /// Where logs go.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}
