//! The mesh as a value: its objects, and all decisions on them.
//!
//! ```text
//! wire objects --apply--> Mesh --Viewpoint--> plan::outbound, balance, names
//!                          |----------------> plan::inbound, authz
//! ```
//!
//! * [`object`] – workloads, services, policies and settings, parsed from the wire
//! * [`state`] – [`Mesh`]: the objects, indexed for connections; cloned in O(1)
//! * [`apply`] – [`Change`]: makes the next mesh from the last
//! * [`rejected`] – why a wire object is rejected
//! * [`pod`] – [`LocalPod`]: a Pod of this node, as enrolled by its agent
//! * [`viewpoint`] – the mesh from one Pod's network, namespace and location
//! * [`plan`] – decides where a connection goes
//! * [`authz`] – decides whether a peer may connect
//! * [`balance`] – chooses the endpoint of a service
//! * [`attempts`] – addresses that a connection has tried or may still try
//! * [`names`] – resolves a DNS name
//! * [`labels`] – telemetry labels of a workload and a service
//!
//! Pure: nothing here awaits, logs, reads the clock, draws random numbers or opens anything. Nothing panics on any
//! input. Randomness is an argument.

pub mod apply;
pub mod attempts;
pub mod authz;
pub mod balance;
pub mod labels;
pub mod names;
pub mod object;
pub mod plan;
pub mod pod;
pub mod rejected;
pub mod state;
pub mod viewpoint;

pub use apply::Change;
pub use attempts::Attempts;
pub use object::policy::{Policy, PolicyName};
pub use object::service::{Service, ServiceName};
pub use object::settings::Settings;
pub use object::workload::Workload;
pub use pod::LocalPod;
pub use rejected::{Reason, Rejected};
pub use state::Mesh;
pub use viewpoint::Viewpoint;

#[cfg(test)]
mod fixture;
