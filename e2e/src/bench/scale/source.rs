//! Where the controller reads the simulated mesh.
//!
//! * [`folder`] – manifests
//! * [`cluster`] – an API server
//! * [`stored`] – objects as an API server keeps them
//! * [`http`] – requests to it

pub mod cluster;
pub mod folder;
mod http;
mod stored;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use cluster::Cluster;
use folder::Folder;

/// The simulated mesh as a controller reads it.
#[derive(Debug)]
pub enum Source {
    /// Manifests.
    Folder(Folder),
    /// An API server.
    Cluster(Box<Cluster>),
}

impl Source {
    /// Fills it with so many Pods, of whom some are going to change.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn fill(&mut self, pods: u32, changing: &BTreeSet<u32>) -> Result<()> {
        match self {
            Self::Folder(folder) => folder.fill(pods, changing),
            Self::Cluster(cluster) => cluster.grow(pods),
        }
    }

    /// Makes another revision of a Pod.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn change(&mut self, pod: u32, revision: u32) -> Result<()> {
        match self {
            Self::Folder(folder) => folder.change(pod, revision),
            Self::Cluster(cluster) => cluster.change(pod, revision),
        }
    }

    /// The controller of it, which knows the tokens of so many proxies.
    ///
    /// # Errors
    /// When there can be no tokens.
    pub fn controller(&mut self, program: &Path, proxies: u32) -> Result<Command> {
        match self {
            Self::Folder(folder) => folder.controller(program, proxies),
            Self::Cluster(cluster) => cluster.controller(program, proxies),
        }
    }

    /// What the controller's certificate is verified against, once it runs.
    ///
    /// # Errors
    /// When it cannot be had.
    pub fn root(&mut self) -> Result<PathBuf> {
        match self {
            Self::Folder(folder) => Ok(folder.root()),
            Self::Cluster(cluster) => cluster.root(),
        }
    }

    /// The token of a proxy.
    #[must_use]
    pub fn token_file(&self, proxy: u32) -> PathBuf {
        match self {
            Self::Folder(folder) => folder.token_file(proxy),
            Self::Cluster(cluster) => cluster.token_file(proxy),
        }
    }

    /// Where logs go.
    #[must_use]
    pub fn folder(&self) -> &Path {
        match self {
            Self::Folder(folder) => folder.folder(),
            Self::Cluster(cluster) => cluster.folder(),
        }
    }
}
