//! On Kubernetes: captures the Pods of this node that the controller says are in the mesh, and serves its node proxies.
//!
//! * [`plan`] – what there is to do, from what should be and what is; pure
//! * [`reconcile`] – does it, again and again
//! * [`node_proxies`] – the sockets inside node proxies' own network namespaces
//! * [`attempts`] – when to try again what failed; pure
//! * [`uninstall`] – an explicit end of it all
//! * [`metrics`] – what Prometheus is told of it
//!
//! Only the controller says which Pods are in the mesh: nothing that a node proxy says enrols or releases one. While the
//! controller is away, what it said last stays in force.

pub mod attempts;
pub mod metrics;
pub mod node_proxies;
pub mod plan;
pub mod reconcile;
pub mod uninstall;

pub use metrics::ClusterMetrics;
pub use node_proxies::NodeProxies;
pub use reconcile::Reconciler;
pub use uninstall::Uninstall;
