//! Delta discovery: turns the controller's resources into the [`karez_mesh::Mesh`], and applies only changes.
//!
//! ```text
//! stream --response--> decode --updates--> store --view--> readers
//!    ^                                       |
//!    '---------------ack or nack---- ledger <'
//! ```
//!
//! * `kind` – the types that are subscribed to
//! * `served` – those of them that the controller serves
//! * `moment` – whether the responses so far are a whole configuration
//! * `ledger` – the protocol's state: versions held, answers due
//! * `decode` – one resource as one update
//! * `store` – the one writer, and the [`DiscoveryView`] that it publishes
//! * `stream` – the connection that is opened again and again

mod decode;
mod kind;
mod ledger;
mod moment;
mod served;
mod store;
mod stream;

#[cfg(test)]
pub(crate) use served::ServedTypes;
pub use store::{DiscoveryView, Status, Store, Synced};
pub use stream::run;

#[cfg(test)]
mod tests;
