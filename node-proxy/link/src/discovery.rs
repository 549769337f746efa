//! Delta discovery: the controller's resources become the [`karez_mesh::Mesh`], changed in place of being sent anew.
//!
//! ```text
//! stream --response--> decode --updates--> store --view--> readers
//!    ^                                       |
//!    '---------------ack or nack---- ledger <'
//! ```
//!
//! * `kind` – the types that are subscribed to
//! * `served` – which of them the controller serves
//! * `moment` – whether what came is whole, or a part of what is to come
//! * `ledger` – the protocol's state: what is held in which version, what is to be answered
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
