//! Kubelet's probes of captured Pods, which the node's rules exempt from the mesh ([`karez_capture::probes`]).
//!
//! * this module – which Pods are to be exempt, and whether the rules know them yet
//! * [`keeper`] – keeps the rules by that, and by the kubelet that runs
//! * [`node`] – the node itself, behind a trait
//!
//! A Pod is told of before it is captured: else a probe in between would be refused in strict mode.

pub mod keeper;
pub mod node;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

pub use keeper::ProbeKeeper;

/// How long a Pod's capture waits for the node's rules, which take milliseconds: they are not worth its first connections.
const IN_FORCE_WITHIN: Duration = Duration::from_secs(2);

/// The Pods that are to be exempt. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ProbedPods {
    wanted: Arc<watch::Sender<Wanted>>,
    handled: watch::Receiver<u64>,
}

/// A Pod among them, for as long as this lives.
#[derive(Debug)]
pub struct Admission {
    pods: ProbedPods,
    number: u64,
}

/// What [`ProbedPods`] say, for whoever keeps the rules.
#[derive(Debug)]
pub struct Requested {
    wanted: watch::Receiver<Wanted>,
    handled: watch::Sender<u64>,
}

/// The addresses of each Pod, by the number of its admission.
#[derive(Debug, Clone, Default)]
struct Wanted {
    version: u64,
    pods: BTreeMap<u64, Vec<IpAddr>>,
}

impl ProbedPods {
    /// No Pods yet. Without anybody who keeps rules by the other half, nobody waits for rules.
    #[must_use]
    pub fn new() -> (Self, Requested) {
        let (handled, is_handled) = watch::channel(0);
        let wanted = Arc::new(watch::Sender::default());
        let requested = Requested { wanted: wanted.subscribe(), handled };
        (Self { wanted, handled: is_handled }, requested)
    }

    /// Adds a Pod.
    #[must_use]
    pub fn admit(&self, addresses: Vec<IpAddr>) -> Admission {
        let number = self.change(|wanted, version| wanted.pods.insert(version, addresses));
        Admission { pods: self.clone(), number }
    }

    fn change<R>(&self, change: impl FnOnce(&mut Wanted, u64) -> R) -> u64 {
        let mut version = 0;
        self.wanted.send_modify(|wanted| {
            wanted.version += 1;
            version = wanted.version;
            change(wanted, version);
        });
        version
    }
}

impl Admission {
    /// Waits until the node's rules have the Pod, or could not be loaded: its capture goes on all the same.
    pub async fn in_force(&self) {
        let mut handled = self.pods.handled.clone();
        let _ = timeout(IN_FORCE_WITHIN, handled.wait_for(|version| *version >= self.number)).await;
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.pods.change(|wanted, _| wanted.pods.remove(&self.number));
    }
}

impl Wanted {
    /// Two Pods may have one address for a moment.
    fn addresses(&self) -> BTreeSet<IpAddr> {
        self.pods.values().flatten().copied().collect()
    }
}
