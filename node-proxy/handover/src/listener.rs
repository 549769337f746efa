//! A Pod's listening sockets, as agent and node proxy exchange them.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use crate::pod::{PodReference, PodUid};

pub use karez_capture::sockets::{Family, Listening};

/// Most listeners of one Pod.
pub const MOST_LISTENERS: usize = 512;

/// The role of a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Role {
    /// Its traffic.
    pub kind: Listening,
    /// Its address family.
    pub family: Family,
}

/// A listening socket (for UDP: a bound one) in a Pod's namespace. Clones share the descriptor.
#[derive(Debug, Clone)]
pub struct Listener {
    /// Its role.
    pub role: Role,
    /// The socket.
    pub descriptor: Arc<OwnedFd>,
}

/// All of a Pod's listeners. Cheap to clone.
pub type Listeners = Arc<[Listener]>;

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl Listener {
    /// Pairs roles with descriptors, which have the same order and number.
    pub(crate) fn pair(roles: Vec<Role>, descriptors: Vec<Arc<OwnedFd>>) -> Vec<Self> {
        let pairs = roles.into_iter().zip(descriptors);
        pairs.map(|(role, descriptor)| Self { role, descriptor }).collect()
    }
}

/// The sorted roles, which identify a set of listeners.
#[must_use]
pub fn roles(listeners: &[Listener]) -> Vec<Role> {
    let mut roles: Vec<_> = listeners.iter().map(|listener| listener.role).collect();
    roles.sort_unstable();
    roles
}

/// Joins listeners that arrive in several packets.
#[derive(Debug)]
pub(crate) struct Assembly {
    pod: PodReference,
    listeners: Vec<Listener>,
}

/// The result of adding a packet to an [`Assembly`].
#[derive(Debug)]
pub(crate) enum Assembled {
    /// More packets follow.
    Partly(Assembly),
    /// The set is complete.
    Whole(Listeners),
}

/// Why packets make no set of listeners.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misassembled {
    /// Another Pod's packet or another message came in between.
    #[error("another message came before all listeners of Pod {0}")]
    Interrupted(PodUid),
    /// More than [`MOST_LISTENERS`].
    #[error("more than {MOST_LISTENERS} listeners for Pod {0}")]
    TooMany(PodUid),
}

impl Assembly {
    /// Adds a packet to the earlier ones.
    pub(crate) fn add(
        before: Option<Self>,
        pod: &PodReference,
        packet: Vec<Listener>,
        more: bool,
    ) -> Result<Assembled, Misassembled> {
        let mut assembly = before.unwrap_or_else(|| Self { pod: pod.clone(), listeners: Vec::new() });
        if assembly.pod != *pod {
            return Err(Misassembled::Interrupted(assembly.pod.uid));
        }
        if assembly.listeners.len() + packet.len() > MOST_LISTENERS {
            return Err(Misassembled::TooMany(assembly.pod.uid));
        }
        assembly.listeners.extend(packet);
        Ok(if more { Assembled::Partly(assembly) } else { Assembled::Whole(assembly.listeners.into()) })
    }

    /// The error when another message comes in between.
    pub(crate) fn interrupted(self) -> Misassembled {
        Misassembled::Interrupted(self.pod.uid)
    }
}

#[cfg(test)]
pub(crate) mod tests;
