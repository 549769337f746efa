//! The controller: what users wrote goes in at one end, and node proxies are served at the other.
//!
//! ```text
//! objects ───> source ─> publication (karez-translate) ─> catalog ─> xds ─> node proxies
//!                             │        ^                               │
//!                             v        │ roots                         v
//!                    ca::service <── ca::authority <── what nodes acknowledged ── nodes
//! ```
//!
//! * [`source`] – where objects come from: what a source sends, the folder of manifests, and the cluster
//! * [`publication`] – takes it in, translates it and fills the catalog
//! * [`catalog`] – what there is to serve, by type and name, each with the hash of its content
//! * [`xds`] – the delta discovery service
//! * [`progress`] – how far a client is with one type of resources
//! * [`nodes`] – what is known of each node proxy
//! * [`node_health`] – which nodes of a cluster are lost
//! * [`ca`] – roots, their rotation, and the certificates that they sign
//! * [`trust_bundle`] – how roots travel to the nodes, and which nodes have them
//! * [`tokens`], [`callers`] – who may call
//! * [`conditions`] – the status of Karez's own kinds on a cluster
//! * [`leadership`] – which replica of the controller leads
//! * [`operator`] – status and reports
//! * [`listener`] – the one TLS port
//! * [`connect_info`] – the connection that a call came on
//! * [`metrics`] – what is counted
//! * [`settings`], [`controller`] – the flags, and all of it put together
//!
//! What must hold: a broken edit never opens anything; nothing is served before everything was seen once; only what changed
//! is sent again; a node's certificate names an identity only while that node runs a live Pod of it.

mod atomic_file;
mod cluster_client;
mod file_stamp;

pub mod ca;
pub mod callers;
pub mod catalog;
pub mod conditions;
pub mod connect_info;
pub mod controller;
pub mod leadership;
pub mod listener;
pub mod metrics;
pub mod node_health;
pub mod nodes;
pub mod operator;
pub mod progress;
pub mod publication;
pub mod settings;
pub mod source;
pub mod tokens;
pub mod trust_bundle;
pub mod xds;

pub use controller::{Controller, ControllerError};
pub use settings::Settings;
