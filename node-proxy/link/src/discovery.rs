//! Delta discovery: keeps its caller's view of the controller's resources current, and applies only changes.
//!
//! ```text
//! stream --response--> store --resources--> mesh or local_pods --view--> readers
//!    ^                   |
//!    '---ack or nack-- ledger
//! ```
//!
//! * `mesh` – what a node proxy subscribes to, and the [`DiscoveryView`] of it
//! * `local_pods` – what an agent subscribes to, and the [`LocalPodsView`] of it
//! * `kind` – the types of a subscription
//! * `served` – those of them that the controller serves
//! * `moment` – whether the responses so far are a whole configuration
//! * `ledger` – the protocol's state: versions held, answers due
//! * `store` – the protocol's side of a subscription
//! * `stream` – the connection that is opened again and again

mod kind;
mod ledger;
mod local_pods;
#[cfg(feature = "mesh")]
mod mesh;
mod moment;
mod served;
mod store;
mod stream;

pub use kind::ResourceKind;
pub use local_pods::{
    EnrolledNamespaces, LocalKind, LocalPod, LocalPods, LocalPodsSink, LocalPodsView, Membership,
};
#[cfg(feature = "mesh")]
pub use mesh::{DiscoveryView, Kind, MeshSink};
pub use served::ServedTypes;
pub use store::{Sink, Status, Store, Synced};
pub use stream::run;

#[cfg(test)]
mod tests;
