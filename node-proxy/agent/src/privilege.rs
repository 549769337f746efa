//! Of root's capabilities, the three that the work takes: the rest is given up for good before it begins.

use caps::errors::CapsError;
use caps::{CapSet, Capability, CapsHashSet};
use nix::unistd::{Uid, geteuid};

/// What the work takes: rules and sockets, entering namespaces, and finding a running Pod's.
const NEEDED: [Capability; 3] =
    [Capability::CAP_NET_ADMIN, Capability::CAP_SYS_ADMIN, Capability::CAP_SYS_PTRACE];

/// Why the agent cannot work with what it may do.
#[derive(Debug, thiserror::Error)]
pub enum PrivilegeError {
    /// Programs that it starts, such as nft, would have no capability.
    #[error("karez-agent runs as uid {0}: it has to run as root")]
    NotRoot(Uid),
    /// It has less than it needs.
    #[error("{0} is missing: run karez-agent as root, in a container with this capability added")]
    Missing(Capability),
    /// It has more, and cannot give it up.
    #[error("cannot give up capabilities: {0}")]
    Kept(#[from] CapsError),
    /// The same of what programs that it starts could gain.
    #[error("cannot set no_new_privs: {0}")]
    NewPrivileges(#[from] nix::Error),
}

/// Keeps what is needed, for this thread and those that it starts. To be called while there is one.
///
/// # Errors
/// When something that is needed is not there, or something else cannot be given up.
pub fn reduce() -> Result<(), PrivilegeError> {
    let needed = CapsHashSet::from(NEEDED);
    let held = caps::read(None, CapSet::Permitted)?;
    check(geteuid(), &held)?;
    // First, as it takes a capability itself. A container's runtime that gave only the three has bounded them as well.
    if held.contains(&Capability::CAP_SETPCAP) {
        for other in caps::read(None, CapSet::Bounding)?.difference(&needed) {
            caps::drop(None, CapSet::Bounding, *other)?;
        }
    }
    caps::clear(None, CapSet::Ambient)?;
    caps::clear(None, CapSet::Inheritable)?;
    caps::set(None, CapSet::Effective, &needed)?;
    caps::set(None, CapSet::Permitted, &needed)?;
    Ok(nix::sys::prctl::set_no_new_privs()?)
}

/// Whether a process of that uid and with those capabilities can do the work.
fn check(uid: Uid, held: &CapsHashSet) -> Result<(), PrivilegeError> {
    if !uid.is_root() {
        return Err(PrivilegeError::NotRoot(uid));
    }
    match NEEDED.into_iter().find(|needed| !held.contains(needed)) {
        Some(missing) => Err(PrivilegeError::Missing(missing)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
