//! Nodes and Pods as network namespaces on one machine, with the real programs in them.
//!
//! The lab imports no Karez crate: it knows the programs by their command lines alone, as their users do.
//!
//! * [`privilege`] – what this process may do, and that it is inside namespaces of its own
//! * [`namespace`] – one network namespace, and commands that run in it
//! * [`network`] – nodes, Pods and hosts joined by a switch
//! * [`process`] – a program that runs in a namespace and ends with its owner
//! * [`manifests`] – the Kubernetes objects that describe the lab to the controller
//! * [`mesh`] – controller, agents and node proxies on that network
//! * [`other`] – another node proxy in the place of Karez's
//! * [`wire`] – packets seen between the nodes
//! * [`wait`] – waiting for a condition, with a bound

pub mod manifests;
pub mod mesh;
pub mod namespace;
pub mod network;
pub mod other;
pub mod privilege;
pub mod process;
pub mod wait;
pub mod wire;

pub use mesh::{Mesh, Settings};
pub use namespace::Namespace;
pub use network::{Host, Network, Node, Pod};
pub use process::Process;
