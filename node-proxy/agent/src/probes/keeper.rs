//! Keeps the node's rules: of the Pods that are to be exempt, for the kubelet that runs.

use std::sync::Arc;
use std::time::Duration;

use karez_capture::probes::Loaded;
use karez_capture::probes::cgroup::Creator;
use prometheus_client::metrics::gauge::Gauge;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::node::Node;
use super::{Requested, Wanted};
use crate::cluster::Uninstall;
use crate::processes::NodeProcess;

/// How often kubelet is looked at. One that has just been started sends no probe before it has seen its Pods.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often other rules of the node are asked for: kube-proxy changes its own all the time.
const COMPARE_EVERY: Duration = Duration::from_secs(5);

/// The owner of the node's rules.
#[derive(Debug)]
pub struct ProbeKeeper<N> {
    node: Arc<N>,
    requested: Requested,
    uninstall: Uninstall,
    by_cgroup: Gauge,
    kept: Option<Kept>,
    next_comparison: Instant,
    problem: Option<String>,
}

/// The rules that were loaded last.
#[derive(Debug, Clone)]
struct Kept {
    kubelet: NodeProcess,
    version: u64,
    loaded: Loaded,
}

impl<N: Node> ProbeKeeper<N> {
    /// Keeps what is `requested` until `uninstall` is asked for. `by_cgroup` is 1 while kubelet is known by its cgroup.
    #[must_use]
    pub fn new(node: N, requested: Requested, uninstall: Uninstall, by_cgroup: Gauge) -> Self {
        let node = Arc::new(node);
        Self {
            node,
            requested,
            uninstall,
            by_cgroup,
            kept: None,
            next_comparison: Instant::now(),
            problem: None,
        }
    }

    /// Runs until nobody requests anything any more.
    pub async fn run(mut self) {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let wanted = self.requested.wanted.borrow_and_update().clone();
            let version = wanted.version;
            let is_over = self.uninstall.is_requested() && wanted.pods.is_empty();
            let kept = if is_over { self.remove().await } else { self.keep(wanted).await };
            let is_kept = kept.is_ok();
            self.note(kept.err());
            // What cannot be loaded is told, and holds up no Pod.
            self.requested.handled.send_replace(version);
            if is_over && is_kept {
                self.uninstall.note_no_rules();
                std::future::pending::<()>().await;
            }
            tokio::select! {
                changed = self.requested.wanted.changed() => if changed.is_err() {
                    return;
                },
                _ = looks.tick() => {}
            }
        }
    }

    async fn keep(&mut self, wanted: Wanted) -> Result<(), String> {
        let is_due = self.next_comparison <= Instant::now();
        if is_due {
            self.next_comparison = Instant::now() + COMPARE_EVERY;
        }
        let kept = self.kept.clone();
        let is_guarded = self.problem.is_some() && !is_due;
        let kept = self.blocking(move |node| {
            // Not with every Pod: its capture waits for the rules.
            if is_due {
                node.guard_bridges();
            }
            let kept = keep(node, kept, &wanted, is_due);
            // What cannot be exempt is refused, and all the same nobody may bear an address that Pods let pass.
            if kept.is_err() && !is_guarded {
                node.guard().map_err(|error| error.to_string())?;
            }
            kept
        });
        let kept = match kept.await {
            Ok(kept) => kept,
            Err(problem) => {
                self.kept = None;
                return Err(problem);
            }
        };
        if self.kept.as_ref().map(|before| &before.loaded.creator) != Some(&kept.loaded.creator) {
            tell(&kept.loaded.creator);
        }
        self.by_cgroup.set(i64::from(matches!(kept.loaded.creator, Creator::Cgroup(_))));
        self.kept = Some(kept);
        Ok(())
    }

    async fn remove(&mut self) -> Result<(), String> {
        self.blocking(|node| node.remove().map_err(|error| error.to_string())).await
    }

    async fn blocking<R: Send + 'static>(
        &self,
        work: impl FnOnce(&N) -> Result<R, String> + Send + 'static,
    ) -> Result<R, String> {
        let node = Arc::clone(&self.node);
        let done = tokio::task::spawn_blocking(move || work(&node)).await;
        done.unwrap_or_else(|error| Err(error.to_string()))
    }

    fn note(&mut self, problem: Option<String>) {
        if let Some(problem) = &problem {
            self.by_cgroup.set(0);
            if self.problem.as_ref() != Some(problem) {
                tracing::error!(
                    problem,
                    "strict mode may refuse kubelet's probes on this node: the agent keeps trying"
                );
            }
        }
        self.problem = problem;
    }
}

/// Loads the rules if the Pods, or kubelet, or the node's rules are others than before. Blocks.
fn keep<N: Node>(node: &N, kept: Option<Kept>, wanted: &Wanted, is_due: bool) -> Result<Kept, String> {
    let running = kept.as_ref().map(|kept| &kept.kubelet).filter(|kubelet| node.is_running(kubelet));
    let kubelet = match running {
        Some(kubelet) => kubelet.clone(),
        None => node.kubelet().map_err(|error| error.to_string())?.ok_or(NO_KUBELET)?,
    };
    if let Some(kept) = kept
        && kept.kubelet == kubelet
        && kept.version == wanted.version
        && !(is_due && node.may_have_changed(&kept.loaded).map_err(|error| error.to_string())?)
    {
        return Ok(kept);
    }
    let loaded = node.load(&kubelet, wanted.addresses()).map_err(|error| error.to_string())?;
    Ok(Kept { kubelet, version: wanted.version, loaded })
}

const NO_KUBELET: &str = "kubelet is not among the node's processes (--kubelet)";

fn tell(creator: &Creator) {
    match creator {
        Creator::Cgroup(cgroup) => tracing::info!(cgroup, "kubelet's probes are known by its cgroup"),
        Creator::Root => tracing::warn!(
            "kubelet has no cgroup of its own: in strict mode every process of root's on this node reaches the Pods as \
             kubelet's probes do"
        ),
    }
}

#[cfg(test)]
mod tests;
