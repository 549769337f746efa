//! TLS between mesh peers: version 1.3 only, AES-GCM, both sides with a certificate that names a SPIFFE id.
//!
//! * [`peer()`], [`peer_identity`] – the peer that a certificate chain names
//! * [`failure()`], [`is_failure()`] – a failed handshake in the mesh's own words
//! * [`server_name`] – the name that rustls demands, and the mesh never sends

mod accept;
mod dial;
mod failure;
mod own;
mod peer;
pub(crate) mod pem;
pub(crate) mod profile;

pub(crate) use accept::RequireMeshPeer;
pub(crate) use dial::ExpectIdentities;
pub use failure::{ForeignTrustDomain, UnexpectedIdentity, failure, is_failure};
pub(crate) use own::OwnCertificate;
pub(crate) use peer::leaf_of;
pub use peer::{VerifiedPeer, peer, peer_identity};
pub use pem::InvalidPem;
pub use profile::server_name;

#[cfg(test)]
mod tests;
