//! Objects translated to what the proxies understand. Pure: the same objects always give the same bytes.
//!
//! ```text
//! source → Delta → Index → Changes → catalog → discovery
//! ```
//!
//! * [`delta`] – news of one object, as sources send them
//! * [`index`] – [`Index`]: deltas in, changed resources out
//! * [`pods`] – where every Pod is, and which identities a node may have certificates of
//! * [`report`] – what the operator is told of each problem, and what serves in the broken object's place
//! * [`options`] – what translation needs to know beside the objects
//! * [`output`] – resources by name
//!
//! Inside, an object goes through `object` (what is known of it), `relations` (what it has in common with others), `dependents`
//! (who asks for it) and `units` (what each becomes, by the modules of the kinds).
//!
//! What must hold: a broken object never opens what its good version, or no version at all, would have closed. Where a
//! rule cannot be enforced as written, it is enforced more strictly, and reported.
//!
//! [`Index`]: index::Index

pub mod delta;
pub mod index;
pub mod options;
pub mod output;
pub mod pods;
pub mod report;

mod addresses;
mod dependents;
mod endpoints;
mod local;
mod mesh;
mod namespaces;
mod object;
mod outside;
mod policies;
mod relations;
mod services;
mod units;
mod unsupported;
mod view;
mod workloads;

pub use delta::{Broken, Delta};
pub use index::{Changes, Index};
pub use options::Options;
pub use output::ResourceName;
pub use pods::{Entitlement, PodPlacement, Pods};
pub use report::{Effect, Report};
