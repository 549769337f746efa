//! The controller's client: brings the mesh's configuration and the Pods' certificates.
//!
//! * [`controller`] – the connection that everything here travels on: address, trust, token
//! * [`discovery`] – delta discovery: one writer of the [`karez_mesh::Mesh`], any number of readers
//! * [`certificates`] – a certificate for each identity of the node, renewed before it expires
//! * [`credential`] – one certificate with the rustls configurations built from it
//! * [`bundle`] – the roots that peers are verified against
//! * [`tls`] – a peer's identity, and the reason of a failed handshake
//! * [`report`] – sends the node's report to the controller
//!
//! Nothing is written to disk: a private key lives as long as the process. Every future here belongs to whoever awaits
//! it; dropping it ends all that it started.

pub mod bundle;
pub mod certificates;
pub mod clock;
pub mod controller;
pub mod credential;
pub mod discovery;
pub mod report;
pub mod tls;

#[cfg(test)]
mod authority;
#[cfg(test)]
mod fake_controller;

pub use bundle::{Bundles, TrustBundle};
pub use certificates::Certificates;
pub use controller::ControllerClient;
pub use credential::Credential;
