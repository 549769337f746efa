//! An explicit uninstallation: the node's Pods are let go and the CNI plugin is taken away. A signal never does that.
//!
//! It is asked for once and never taken back while the agent's Pod lives: a marker tells a container that is restarted.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::store::Store;

/// How long the agent goes on as before, for the controller to tell all node proxies that no Pod is in the mesh: whoever has
/// not heard of it dials tunnels that nobody takes.
const ANNOUNCED_WITHIN: Duration = Duration::from_secs(5);

/// What has been asked for, and how far it is. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Uninstall {
    progress: Arc<watch::Sender<Progress>>,
    marker: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Progress {
    requested: Option<Instant>,
    is_plugin_gone: bool,
    are_rules_gone: bool,
}

impl Uninstall {
    /// Nobody has asked for it, unless `marker` is there: a file that goes with the agent's Pod.
    #[must_use]
    pub fn new(marker: Option<PathBuf>) -> Self {
        let is_marked = marker.as_deref().is_some_and(Path::exists);
        let progress = Progress { requested: is_marked.then(Instant::now), ..Progress::default() };
        if is_marked {
            tracing::info!(
                "this node was uninstalled: nothing is enrolled until the agent's Pod is made anew"
            );
        }
        Self { progress: Arc::new(watch::Sender::new(progress)), marker }
    }

    /// Asks for it.
    pub async fn request(&self) {
        if let Some(marker) = self.marker.clone() {
            let marked =
                tokio::task::spawn_blocking(move || fs::write(&marker, "").map_err(|error| (marker, error)));
            if let Ok(Err((marker, error))) = marked.await {
                tracing::warn!(marker = %marker.display(), %error, "the uninstallation is not noted: a restarted container would enrol Pods again");
            }
        }
        let now = Instant::now();
        self.progress.send_modify(|progress| progress.requested = progress.requested.or(Some(now)));
    }

    /// Whether it was asked for.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.progress.borrow().requested.is_some()
    }

    /// Whether Pods are to be let go now: once the controller has taken them out of the mesh, or has had the time for it.
    /// `is_awaited` says that it is there and has not.
    #[must_use]
    pub fn is_due(&self, is_awaited: bool) -> bool {
        let requested = self.progress.borrow().requested;
        requested.is_some_and(|requested| !is_awaited || requested.elapsed() >= ANNOUNCED_WITHIN)
    }

    /// Returns once it is asked for.
    pub async fn requested(&self) {
        self.until(|progress| progress.requested.is_some()).await;
    }

    /// The plugin is not on the node any more, or was never to be.
    pub fn note_no_plugin(&self) {
        self.progress.send_modify(|progress| progress.is_plugin_gone = true);
    }

    /// Returns once the plugin is not there.
    pub async fn plugin_gone(&self) {
        self.until(|progress| progress.is_plugin_gone).await;
    }

    /// The rules of the node itself are not there any more.
    pub fn note_no_rules(&self) {
        self.progress.send_modify(|progress| progress.are_rules_gone = true);
    }

    /// Returns once these are not there.
    pub async fn rules_gone(&self) {
        self.until(|progress| progress.are_rules_gone).await;
    }

    async fn until(&self, is: impl Fn(&Progress) -> bool) {
        // It fails only when the sender is gone, and this holds it.
        let _ = self.progress.subscribe().wait_for(|progress| is(progress)).await;
    }
}

/// Takes away what an agent keeps between its runs, once no Pod is enrolled. Blocks.
///
/// # Errors
/// When something of it cannot be removed.
pub fn remove_state(store: &Store, files: &[&Path]) -> io::Result<()> {
    store.remove()?;
    for file in files {
        match fs::remove_file(file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
