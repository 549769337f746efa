//! Open sockets in Pods' namespaces: the node proxy asks, the agent opens them.

use karez_capture::seqpacket::Address;

pub mod client;
pub mod message;
pub mod pending;
pub mod server;

pub use client::{StockError, StockHandle, StockTask, connect};
pub use message::{Refusal, SocketRequest};
pub use server::{Source, serve};

/// The agent's address for sockets, derived from its address for Pods.
#[must_use]
pub fn address(agent: &Address) -> Address {
    const SUFFIX: &str = "-stock";
    match agent {
        Address::Path(path) => {
            let mut path = path.clone().into_os_string();
            path.push(SUFFIX);
            Address::Path(path.into())
        }
        Address::Abstract(name) => Address::Abstract(format!("{name}{SUFFIX}")),
    }
}
