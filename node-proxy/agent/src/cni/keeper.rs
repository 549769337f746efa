//! Keeps the plugin installed and told.

use std::sync::Arc;
use std::time::Duration;

use karez_cni::agent_file::{AgentFile, TOUCHED_EVERY};
use karez_link::discovery::{LocalPodsView, Synced};
use prometheus_client::metrics::gauge::Gauge;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::cluster::Uninstall;
use crate::cni::installation::{InstallError, Installation};
use crate::context::AgentContext;
use crate::kernel::Kernel;

/// How often its files are looked at: another program may have replaced them.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Keeps the plugin installed, and what it is told current. It takes it away when that is asked for, never at its end: an agent
/// that ends is going to come back.
#[derive(Debug)]
pub struct PluginKeeper<K: Kernel> {
    context: Arc<AgentContext<K>>,
    installation: Arc<Installation>,
    view: LocalPodsView,
    uninstall: Uninstall,
    file: AgentFile,
    /// What the file says.
    told: Option<AgentFile>,
    touched: Option<Instant>,
    problem: Option<String>,
    installed: Gauge,
}

impl<K: Kernel> PluginKeeper<K> {
    /// Keeps `installation` until `uninstall` is asked for. `installed` is 1 while it is whole.
    #[must_use]
    pub fn new(
        context: Arc<AgentContext<K>>,
        installation: Installation,
        view: LocalPodsView,
        uninstall: Uninstall,
        installed: Gauge,
    ) -> Self {
        let file = AgentFile::default();
        let installation = Arc::new(installation);
        Self {
            context,
            installation,
            view,
            uninstall,
            file,
            told: None,
            touched: None,
            problem: None,
            installed,
        }
    }

    /// Runs until discovery has ended.
    pub async fn run(mut self) {
        let installation = Arc::clone(&self.installation);
        if let Some(told) = self.context.blocking(move |_| installation.told()).await {
            self.file.enrolled = told.enrolled;
        }
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let uninstall = self.uninstall.clone();
        while !uninstall.is_requested() {
            tokio::select! {
                () = uninstall.requested() => break,
                changed = self.view.namespaces.changed() => if changed.is_err() {
                    return;
                },
                _ = looks.tick() => {}
            }
            let kept = self.keep().await;
            self.note(kept);
        }
        self.take_away().await;
    }

    /// Takes the plugin away, an earlier agent's too, and is done. What fails is tried again.
    pub async fn take_away(self) {
        loop {
            let installation = Arc::clone(&self.installation);
            match self.context.blocking(move |_| installation.uninstall()).await {
                Ok(()) => break,
                Err(error) => tracing::warn!(%error, "CNI plugin not taken away: the agent keeps trying"),
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        self.installed.set(0);
        tracing::info!("no CNI plugin of the mesh is on this node");
        self.uninstall.note_no_plugin();
        // The end of this task would be the agent's.
        std::future::pending::<()>().await;
    }

    async fn keep(&mut self) -> Result<bool, InstallError> {
        self.take_namespaces();
        let has_news = self.told.as_ref() != Some(&self.file);
        let is_due = self.touched.is_none_or(|touched| touched.elapsed() >= TOUCHED_EVERY);
        let (installation, file) = (Arc::clone(&self.installation), self.file.clone());
        let told = self.context.blocking(move |_| {
            // Somebody may have taken the file away, or damaged it.
            let is_whole = || installation.told().as_ref() == Some(&file) && installation.touch().is_ok();
            if has_news || is_due && !is_whole() {
                installation.tell(&file)?;
            }
            Ok::<_, InstallError>(file)
        });
        self.told = Some(told.await?);
        if is_due {
            self.touched = Some(Instant::now());
        }
        // Only now: the plugin must not run before it knows whom to hold.
        let installation = Arc::clone(&self.installation);
        self.context.blocking(move |_| installation.install()).await
    }

    /// What the plugin was told before stands until the controller has spoken.
    fn take_namespaces(&mut self) {
        let namespaces = self.view.namespaces.borrow_and_update();
        let is_complete = *self.view.synced.borrow() == Synced::Complete;
        if is_complete && **namespaces != self.file.enrolled {
            self.file.enrolled = namespaces.as_ref().clone();
        }
    }

    fn note(&mut self, kept: Result<bool, InstallError>) {
        self.installed.set(i64::from(kept.is_ok()));
        let problem = match kept {
            Ok(false) => None,
            Ok(true) => {
                tracing::info!(bin = %self.installation.bin_dir.display(), conf = %self.installation.conf_dir.display(), "CNI plugin installed");
                None
            }
            Err(error) => Some(error.to_string()),
        };
        if let Some(problem) = problem.as_ref().filter(|problem| self.problem.as_ref() != Some(problem)) {
            tracing::warn!(problem, "CNI plugin not installed: Pods are captured only after their start");
        }
        self.problem = problem;
    }
}

#[cfg(test)]
mod tests;
