//! The controller's client: brings what its caller subscribes to, and the Pods' certificates.
//!
//! * [`controller`] – the connection that everything here travels on: address, trust, token
//! * [`discovery`] – delta discovery: one writer of what a caller subscribes to, any number of readers
//! * [`certificates`] – a certificate for each identity of the node, renewed before it expires
//! * [`credential`] – one certificate with the rustls configurations built from it
//! * [`bundle`] – the roots that peers are verified against
//! * [`clock`] – wall-clock time as an argument: certificates are valid between two points of it
//! * [`tls`] – a peer's identity, and the reason of a failed handshake
//! * [`report`] – sends the node's report to the controller
//!
//! Without the feature `mesh` there is only what an agent takes: the connection, and discovery of its node's Pods.
//!
//! Nothing is written to disk: a private key lives as long as the process. Every future here belongs to whoever awaits
//! it; dropping it ends all that it started.

pub mod bundle;
#[cfg(feature = "mesh")]
pub mod certificates;
pub mod clock;
pub mod controller;
#[cfg(feature = "mesh")]
pub mod credential;
pub mod discovery;
#[cfg(feature = "mesh")]
pub mod report;
pub mod tls;

#[cfg(test)]
mod authority;
#[cfg(test)]
mod fake_controller;

pub use bundle::{Bundles, TrustBundle};
#[cfg(feature = "mesh")]
pub use certificates::Certificates;
pub use controller::ControllerClient;
#[cfg(feature = "mesh")]
pub use credential::Credential;
