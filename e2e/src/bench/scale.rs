//! What a change of a big mesh costs: simulated Pods and proxies around the real controller.
//!
//! * [`case`] – so many Pods, so many proxies, and the figures of a run
//! * [`objects`] – the simulated mesh, object by object
//! * [`manifests`] – the simulated mesh as manifests
//! * [`source`] – where the controller reads it
//! * [`controller`] – the program that is measured
//! * [`simulation`] – the simulated mesh with its controller and proxies
//! * [`proxies`] – discovery streams that note when they are told of a change
//! * [`changes`] – changes at a steady pace, and when each one arrived
//! * [`node_proxy`] – the real node proxy that holds the simulated mesh
//! * [`table`] – what is printed

pub mod case;
pub mod changes;
pub mod controller;
pub mod manifests;
pub mod node_proxy;
pub mod objects;
pub mod proxies;
pub mod simulation;
pub mod source;
pub mod table;
