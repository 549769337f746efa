//! Resources translated to what the proxies understand. Pure: the same objects always give the same bytes.
//!
//! ```text
//! files → karez_resources::manifest::read → Objects → translate → Translation → discovery
//! ```
//!
//! * [`objects`] – [`Objects`]: the last good version of each object, and which are unreadable
//! * [`delta`] – news of one object, as sources send them
//! * [`translation`] – [`translate`] and what it returns
//! * [`report`] – what the operator is told of each problem, and what serves in the broken object's place
//!
//! What must hold: a broken object never opens what its good version, or no version at all, would have closed. Where a
//! rule cannot be enforced as written, it is enforced more strictly, and reported.
//!
//! [`Objects`]: objects::Objects
//! [`translate`]: translation::translate

pub mod delta;
pub mod objects;
pub mod report;
pub mod translation;

mod addresses;
mod endpoints;
mod mesh;
mod namespaces;
mod outside;
mod policies;
mod services;
mod unsupported;
mod view;
mod workloads;

pub use delta::{Broken, Delta};
pub use objects::{Entitlement, Objects};
pub use report::{Effect, Report};
pub use translation::{Options, PodPlacement, ResourceName, Translation, translate};
