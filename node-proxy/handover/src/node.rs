//! The node proxy's side: one connection to the agent, re-established whenever it breaks.

mod attempts;
pub mod connection;
pub mod replica;

pub use connection::AgentConnection;
pub use replica::PodEvent;
