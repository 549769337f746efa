//! Kubelet's probes of captured Pods: the node's rules that give them an address of their own.
//!
//! Strict mode refuses plaintext, and kubelet has no identity. Its own address cannot be exempted: traffic of NodePorts and
//! of the node's other processes has it too. So the node's rules ([`rules`]) know kubelet's connections by its cgroup
//! ([`cgroup`]), and give them the probe address, which they keep from everybody else. The rules of a Pod let it pass: [`Settings::probes`](crate::capture::Settings::probes).
//!
//! Everything here works in this process's own network namespace, which has to be the node's.

pub mod cgroup;
pub mod rules;

use std::io;
use std::path::Path;

use crate::nftables::{self, Generation, NftablesError};
use cgroup::Creator;
use rules::ProbeRules;

/// The rules that [`load`] has loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// By what kubelet's connections are known.
    pub creator: Creator,
    /// Generation of the node's rules right after.
    pub generation: Generation,
}

/// Why the node's rules cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The cgroup of kubelet cannot be told or entered.
    #[error("cannot tell kubelet's cgroup (this takes CAP_SYS_ADMIN and CAP_SYS_PTRACE): {0}")]
    Cgroup(io::Error),
    /// nft.
    #[error(transparent)]
    Rules(#[from] NftablesError),
}

/// Loads the rules, in the place of those that are there, for the kubelet that the folder `process` of a procfs shows.
///
/// # Errors
/// When kubelet has ended, or `nft` or the kernel refuses. Nothing has changed then.
pub fn load(process: &Path, rules: &ProbeRules) -> Result<Loaded, ProbeError> {
    let loaded = cgroup::within_that_of(process, |creator| {
        nftables::apply(&rules.render(Some(&creator)))?;
        Ok(Loaded { creator, generation: nftables::generation()? })
    });
    loaded.map_err(ProbeError::Cgroup)?
}

/// Loads the rules without an exemption, in the place of those that are there: captured Pods let the probe addresses pass,
/// so nobody may bear one, whether kubelet is known or not.
///
/// # Errors
/// When `nft` or the kernel refuses.
pub fn guard(rules: &ProbeRules) -> Result<(), NftablesError> {
    nftables::apply(&rules.render(None))
}

/// Keeps the probe addresses from others on the node's bridges. A kernel whose bridges no rules can see refuses the table:
/// docs/kubernetes.md says what that leaves open.
pub fn guard_bridges(rules: &ProbeRules) {
    let _ = nftables::apply(&rules.render_bridge());
}

/// Whether other rules have been loaded on the node since: then these may be gone.
///
/// # Errors
/// When the kernel does not answer.
pub fn may_have_changed(loaded: &Loaded) -> Result<bool, NftablesError> {
    Ok(nftables::generation()? != loaded.generation)
}

/// Removes the rules, if they are there.
///
/// # Errors
/// When `nft` or the kernel refuses.
pub fn remove() -> Result<(), NftablesError> {
    // Refused where there are none.
    let _ = nftables::apply(&rules::render_bridge_removal());
    nftables::apply(&rules::render_removal())
}
