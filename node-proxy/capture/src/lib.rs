//! Access to a Pod's network namespace: redirection to the node proxy, the node proxy's sockets, and passing
//! descriptors. The only crate with unsafe code.
//!
//! | the agent | module |
//! | --- | --- |
//! | enters a namespace | [`netns`] |
//! | puts capture in place, checks it, takes it away | [`capture`] |
//! | … by nftables rules | [`rules`] (pure), [`nftables`] |
//! | … by a routing table, sysctls | [`routes`], [`sysctls`] |
//! | … by making what has no answer yet begin anew, and, before it goes, closing what it held | [`flows`] |
//! | opens sockets in a namespace, for a process without privileges | [`sockets`] |
//! | on the node itself, gives kubelet's probes an address of their own | [`probes`] |
//!
//! | the node proxy | module |
//! | --- | --- |
//! | learns where a redirected connection was going | [`original_destination`] |
//! | receives DNS queries with the server that was asked | [`datagram`] |
//! | exchanges messages and descriptors with the agent | [`seqpacket`] |
//!
//! Nothing here needs an async runtime. The agent's part blocks, because it runs `nft`: call it from a thread that may
//! wait.

pub mod capture;
pub mod datagram;
pub mod flows;
pub mod marks;
pub mod netns;
pub mod nftables;
pub mod probes;
pub mod routes;
pub mod rules;
pub mod seqpacket;
pub mod sockets;
pub mod sysctls;

mod devices;
mod netlink;
mod original;
mod program;

pub use original::original_destination;
