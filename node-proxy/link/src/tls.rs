//! TLS between mesh peers: version 1.3 only, AES-GCM, both sides with a certificate that names a SPIFFE id.
//!
//! * [`peer()`], [`peer_identity`] – the peer that a certificate chain names
//! * [`failure()`], [`is_failure()`] – a failed handshake in the mesh's own words
//! * [`server_name`] – the name that rustls demands, and the mesh never sends

#[cfg(feature = "mesh")]
mod accept;
#[cfg(feature = "mesh")]
mod dial;
#[cfg(feature = "mesh")]
mod failure;
#[cfg(feature = "mesh")]
mod own;
#[cfg(feature = "mesh")]
mod peer;
pub(crate) mod pem;
pub(crate) mod profile;

#[cfg(feature = "mesh")]
pub(crate) use accept::RequireMeshPeer;
#[cfg(feature = "mesh")]
pub(crate) use dial::ExpectIdentities;
#[cfg(feature = "mesh")]
pub use failure::{ForeignTrustDomain, UnexpectedIdentity, failure, is_failure};
#[cfg(feature = "mesh")]
pub(crate) use own::OwnCertificate;
#[cfg(feature = "mesh")]
pub(crate) use peer::leaf_of;
#[cfg(feature = "mesh")]
pub use peer::{VerifiedPeer, peer, peer_identity};
pub use pem::InvalidPem;
pub use profile::server_name;

#[cfg(test)]
mod tests;
