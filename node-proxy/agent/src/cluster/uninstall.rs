//! An explicit uninstallation: the node's Pods are let go and the CNI plugin is taken away. A signal never does that.
//!
//! It is asked for once and never taken back while the process lives.

use std::sync::Arc;

use tokio::sync::watch;

/// What has been asked for, and how far it is. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Uninstall {
    progress: Arc<watch::Sender<Progress>>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Progress {
    is_requested: bool,
    is_plugin_gone: bool,
    are_rules_gone: bool,
}

impl Uninstall {
    /// Nobody has asked for it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for it.
    pub fn request(&self) {
        self.progress.send_modify(|progress| progress.is_requested = true);
    }

    /// Whether it was asked for.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.progress.borrow().is_requested
    }

    /// Returns once it is asked for.
    pub async fn requested(&self) {
        self.until(|progress| progress.is_requested).await;
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
