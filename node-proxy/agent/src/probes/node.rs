//! What the rules of probes take from the node, all of it blocking: behind a trait, so that their keeping can be tested
//! without root.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use karez_capture::nftables::NftablesError;
use karez_capture::probes::rules::ProbeRules;
use karez_capture::probes::{self, Loaded, ProbeError};

use crate::processes::{NodeProcess, Processes};

/// The addresses that kubelet's probes come from: link-local ones (RFC 3927) and unique local ones (RFC 4193), which nobody
/// is given on a node. Not Istio's, whose rules may be there too.
pub const PROBE_ADDRESSES: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 75, 97)),
    IpAddr::V6(Ipv6Addr::new(0xfd4b, 0x6172, 0x657a, 0, 0, 0, 0, 1)),
];

/// The node.
pub trait Node: std::fmt::Debug + Send + Sync + 'static {
    /// Kubelet's process; None when none runs.
    ///
    /// # Errors
    /// When the node's processes cannot be read.
    fn kubelet(&self) -> io::Result<Option<NodeProcess>>;

    /// Whether it has not ended.
    fn is_running(&self, kubelet: &NodeProcess) -> bool;

    /// Loads the rules for these Pods' addresses, in the place of those that are there.
    ///
    /// # Errors
    /// When they cannot be loaded.
    fn load(&self, kubelet: &NodeProcess, pods: BTreeSet<IpAddr>) -> Result<Loaded, ProbeError>;

    /// Loads only what keeps the probe addresses from everybody.
    ///
    /// # Errors
    /// When that cannot be loaded.
    fn guard(&self) -> Result<(), NftablesError>;

    /// Keeps the probe addresses from others on the node's bridges, where the kernel can.
    fn guard_bridges(&self);

    /// Whether somebody has changed rules of the node since.
    ///
    /// # Errors
    /// When the kernel does not tell.
    fn may_have_changed(&self, loaded: &Loaded) -> Result<bool, NftablesError>;

    /// Removes the rules.
    ///
    /// # Errors
    /// When they cannot be removed.
    fn remove(&self) -> Result<(), NftablesError>;
}

/// The node itself.
#[derive(Debug, Clone)]
pub struct LinuxNode {
    /// Its processes.
    pub processes: Processes,
    /// Names that the program of kubelet may have.
    pub kubelets: Vec<String>,
    /// The probe addresses.
    pub addresses: Vec<IpAddr>,
}

impl LinuxNode {
    fn rules(&self, pods: BTreeSet<IpAddr>) -> ProbeRules {
        ProbeRules { addresses: self.addresses.clone(), pods }
    }
}

impl Node for LinuxNode {
    fn kubelet(&self) -> io::Result<Option<NodeProcess>> {
        self.processes.on_node(&self.kubelets)
    }

    fn is_running(&self, kubelet: &NodeProcess) -> bool {
        self.processes.is_running(kubelet)
    }

    fn load(&self, kubelet: &NodeProcess, pods: BTreeSet<IpAddr>) -> Result<Loaded, ProbeError> {
        probes::load(&self.processes.folder(kubelet.pid), &self.rules(pods))
    }

    fn guard(&self) -> Result<(), NftablesError> {
        probes::guard(&self.rules(BTreeSet::new()))
    }

    fn guard_bridges(&self) {
        probes::guard_bridges(&self.rules(BTreeSet::new()));
    }

    fn may_have_changed(&self, loaded: &Loaded) -> Result<bool, NftablesError> {
        probes::may_have_changed(loaded)
    }

    fn remove(&self) -> Result<(), NftablesError> {
        probes::remove()
    }
}
