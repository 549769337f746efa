//! Enrols Pods of a node in the mesh. The only privileged process: it parses no network traffic, and all that it does in a
//! Pod it does through karez-capture.
//!
//! | a request's way | module |
//! | --- | --- |
//! | comes in over HTTP on a Unix socket | [`api`] |
//! | becomes a Pod with an open namespace | [`enrolment`] |
//! | is admitted beside the Pods that are there | [`pods`], [`registry`] (pure) |
//! | is carried out by the Pod's own task | [`pod_task`] |
//! | … on disk, in the namespace | [`store`], [`record`], [`kernel`] |
//! | … and towards the node proxies | [`proxies`] |
//!
//! On Kubernetes nobody has to ask: [`cluster`] follows what the controller says of the node's Pods, and finds their namespaces by
//! their [`processes`]. [`cni`] holds a new Pod back until it is captured. [`probes`] exempts kubelet's probes.
//!
//! After a restart [`restore`] takes up what was enrolled. [`context`] is what the tasks share; [`settings`] are the flags, [`privilege`]
//! what it may do, [`metrics`] what Prometheus reads.

pub mod api;
pub mod cluster;
pub mod cni;
pub mod context;
pub mod enrolment;
pub mod kernel;
pub mod metrics;
pub mod pod_task;
pub mod pods;
pub mod privilege;
pub mod probes;
pub mod processes;
pub mod proxies;
pub mod record;
pub mod registry;
pub mod restore;
pub mod settings;
pub mod store;
