//! The mesh as a value: what exists, and every decision that follows from it.
//!
//! ```text
//! wire objects --apply--> Mesh --Viewpoint--> plan::outbound, balance, names
//!                          |----------------> plan::inbound, authz
//! ```
//!
//! * [`object`] – the objects of the mesh: workloads, services, policies, settings, read from the wire
//! * [`state`] – [`Mesh`]: the objects behind the indexes that a connection needs; cloned in O(1)
//! * [`apply`] – [`Change`]: makes the next mesh from the last
//! * [`rejected`] – the reason that a wire object is not taken
//! * [`pod`] – [`LocalPod`]: a Pod of this node, as its agent enrolled it
//! * [`viewpoint`] – the mesh as one Pod sees it: its network, its namespace, its distance to others
//! * [`plan`] – decides where a connection goes
//! * [`authz`] – decides whether a peer may connect
//! * [`balance`] – chooses the endpoint of a service
//! * [`attempts`] – addresses that a connection has tried, and those that are left
//! * [`names`] – resolves a DNS name
//! * [`labels`] – telemetry labels of a workload and a service
//!
//! Pure: nothing here awaits, logs, reads the clock, draws a random number or opens anything, and nothing panics
//! whatever the input. Randomness is an argument.

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
