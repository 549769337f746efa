//! A Pod's listening sockets on their way between agent and node proxy.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use crate::pod::{PodReference, PodUid};

pub use karez_capture::sockets::{Family, Listening};

/// Most listeners of one Pod.
pub const MOST_LISTENERS: usize = 512;

/// What a listener is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Role {
    /// The traffic that comes to it.
    pub kind: Listening,
    /// Of which address family.
    pub family: Family,
}

/// A listening socket (a bound one, for UDP) in a Pod's namespace. Clones share the descriptor.
#[derive(Debug, Clone)]
pub struct Listener {
    /// What it is for.
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
    /// Puts roles and descriptors together, which come in the same order and number.
    pub(crate) fn pair(roles: Vec<Role>, descriptors: Vec<Arc<OwnedFd>>) -> Vec<Self> {
        let pairs = roles.into_iter().zip(descriptors);
        pairs.map(|(role, descriptor)| Self { role, descriptor }).collect()
    }
}

/// The roles, sorted: what a set of listeners must amount to in order to be the expected one.
#[must_use]
pub fn roles(listeners: &[Listener]) -> Vec<Role> {
    let mut roles: Vec<_> = listeners.iter().map(|listener| listener.role).collect();
    roles.sort_unstable();
    roles
}

/// Puts listeners together that arrive in several packets.
#[derive(Debug)]
pub(crate) struct Assembly {
    pod: PodReference,
    listeners: Vec<Listener>,
}

/// What a packet makes of an [`Assembly`].
#[derive(Debug)]
pub(crate) enum Assembled {
    /// More is to follow.
    Partly(Assembly),
    /// That was the last.
    Whole(Listeners),
}

/// Why packets do not make a set of listeners.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misassembled {
    /// Another Pod's, or another message, in between.
    #[error("another message came before all listeners of Pod {0}")]
    Interrupted(PodUid),
    /// More than [`MOST_LISTENERS`].
    #[error("more than {MOST_LISTENERS} listeners for Pod {0}")]
    TooMany(PodUid),
}

impl Assembly {
    /// Adds a packet to what came before it.
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

    /// The error of a message that comes in between.
    pub(crate) fn interrupted(self) -> Misassembled {
        Misassembled::Interrupted(self.pod.uid)
    }
}

#[cfg(test)]
pub(crate) mod tests;
