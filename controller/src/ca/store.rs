//! Where the authority's state is kept.
//!
//! * [`folder`] – files on disk, for one controller
//! * [`secret`] – a Secret of a cluster, which the controller's replicas share

mod folder;
mod secret;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use karez_api::names::object;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde::{Deserialize, Serialize};

use super::{Root, Roots, Timestamp, Votes};

pub use folder::FolderStore;
pub use secret::SecretStore;

/// What the authority must not forget.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct State {
    /// The roots and their phases.
    pub roots: Roots,
    /// For each node, a time at which all certificates that were signed for it have expired.
    pub nodes: BTreeMap<String, Timestamp>,
    /// Of the controller's replicas, while a root waits to sign.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub votes: Votes,
}

/// Why the state cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The system refused.
    #[error("{}: {error}", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Another controller runs.
    #[error("{} is in use by another karez-controller: stop it, or give this one its own --state-dir", .path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// Others may read the keys.
    #[error("{} holds private keys and others may read it: chmod 600 it, and rotate the root if they may have", .path.display())]
    TooOpen {
        /// The file.
        path: PathBuf,
    },
    /// It is damaged.
    #[error("{} cannot be read: {error}; restore it from a backup, or remove it to begin with a new root", .path.display())]
    Damaged {
        /// The file, or the Secret.
        path: PathBuf,
        /// What is wrong.
        error: serde_json::Error,
    },
    /// A root that somebody else put there cannot sign.
    #[error("{place}: {error}")]
    Provided {
        /// The Secret and its key.
        place: String,
        /// What is wrong.
        error: super::RootError,
    },
    /// The Secret, or the state in it, is gone, and the mesh has a root.
    #[error(
        "Secret {secret} has lost the root of this mesh, which ConfigMap {config_map} names: restore the Secret from a backup, or \
         delete the ConfigMap to begin with another root, under which Pods reach each other once every node has it",
        secret = object::CA_SECRET,
        config_map = object::ROOTS
    )]
    Lost,
    /// The API server refused.
    #[error("{object}: {error}")]
    Api {
        /// The Secret, or the ConfigMap.
        object: String,
        /// What the API server said.
        error: Box<kube::Error>,
    },
    /// Others were faster each time.
    #[error("the state of the certificate authority is written by other replicas all the time: try again")]
    Contended,
    /// No root could be made.
    #[error(transparent)]
    Root(#[from] super::RootError),
    /// The state could not be written out.
    #[error("the state of the certificate authority cannot be encoded: {0}")]
    Encode(serde_json::Error),
}

/// Keeps the state.
#[derive(Debug)]
pub enum Store {
    /// On disk.
    Folder(Arc<FolderStore>),
    /// In a cluster.
    Secret(Box<SecretStore>),
}

/// What a store holds.
#[derive(Debug, Clone, Default)]
pub struct Stored {
    /// The state as it was last saved; none in a new store.
    pub state: Option<State>,
    /// A root that somebody else makes, and replaces: it is to sign.
    pub provided: Option<Root>,
}

/// What became of a state that was to be saved.
#[derive(Debug)]
pub enum Saved {
    /// It is.
    Written,
    /// Another replica saved this one meanwhile: nothing was written.
    Overtaken(Box<Stored>),
}

impl Store {
    /// What it holds.
    ///
    /// # Errors
    /// When it cannot be read or used.
    pub async fn load(&mut self) -> Result<Stored, StateError> {
        match self {
            Self::Folder(store) => {
                let store = Arc::clone(store);
                let state = on_disk(move || store.load()).await?;
                Ok(Stored { state, provided: None })
            }
            Self::Secret(store) => store.load().await,
        }
    }

    /// Makes sure that a mesh without a state has no root yet, or `provided` for one, and has not lost it.
    ///
    /// # Errors
    /// When it has lost it, or the API server does not say.
    pub async fn check_new(&self, provided: Option<&Root>) -> Result<(), StateError> {
        match self {
            // Who removes the file begins anew: nobody else writes into the folder.
            Self::Folder(_) => Ok(()),
            Self::Secret(store) => store.check_new(provided).await,
        }
    }

    /// Saves a state that was made from the one that was loaded last.
    ///
    /// # Errors
    /// When it cannot be saved.
    pub async fn save(&mut self, state: &Arc<State>) -> Result<Saved, StateError> {
        match self {
            Self::Folder(store) => {
                let (store, state) = (Arc::clone(store), Arc::clone(state));
                on_disk(move || store.save(&state)).await.map(|()| Saved::Written)
            }
            Self::Secret(store) => store.save(state).await,
        }
    }

    /// What it holds, once another replica or somebody else has changed it. Cancel safe.
    pub async fn changed(&mut self) -> Stored {
        match self {
            // One process has the folder.
            Self::Folder(_) => std::future::pending().await,
            Self::Secret(store) => store.changed().await,
        }
    }
}

/// Whether a root is in a bundle. What cannot be read of it holds none.
fn is_in_bundle(root: &Root, bundle: &str) -> bool {
    let mut certificates = CertificateDer::pem_slice_iter(bundle.as_bytes()).map_while(Result::ok);
    certificates.any(|certificate| certificate == *root.certificate().der())
}

/// PEM: every root that is trusted.
#[must_use]
pub fn bundle(roots: &Roots) -> String {
    roots.all().map(|(_, root)| root.pem()).collect()
}

async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StateError> + Send + 'static,
) -> Result<T, StateError> {
    // The pool refuses work only while the process ends.
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        let path = "the state of the certificate authority".into();
        Err(StateError::Io { path, error: io::Error::other(error) })
    })
}
