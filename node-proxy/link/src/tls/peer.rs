//! Reads a peer's identity from its certificate.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use karez_api::identity::Identity;
use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;

/// The other end of a TLS connection, as its verified leaf certificate names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedPeer {
    /// Its SPIFFE id.
    pub identity: Identity,
    /// When its certificate expires: no new stream may run on the connection after that.
    pub not_after: SystemTime,
}

/// The fields that the mesh reads from a leaf certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leaf {
    pub(crate) identity: Option<Identity>,
    pub(crate) not_before: SystemTime,
    pub(crate) not_after: SystemTime,
}

/// The peer behind a chain that rustls has verified, leaf first.
///
/// `None` when the chain is empty or its leaf does not name exactly one SPIFFE id: a handshake under this crate's
/// configurations never ends so.
#[must_use]
pub fn peer(chain: &[CertificateDer<'_>]) -> Option<VerifiedPeer> {
    let leaf = leaf_of(chain.first()?)?;
    Some(VerifiedPeer { identity: leaf.identity?, not_after: leaf.not_after })
}

/// The SPIFFE id of a leaf certificate: its only URI subject alternative name (X509-SVID §2: exactly one).
#[must_use]
pub fn peer_identity(leaf: &CertificateDer<'_>) -> Option<Identity> {
    leaf_of(leaf)?.identity
}

/// Reads a certificate; `None` when it is not one X.509 certificate and nothing else.
pub(crate) fn leaf_of(der: &CertificateDer<'_>) -> Option<Leaf> {
    let (rest, certificate) = X509Certificate::from_der(der).ok()?;
    if !rest.is_empty() {
        return None;
    }
    Some(Leaf {
        identity: identity_of(&certificate),
        not_before: system_time(certificate.validity().not_before),
        not_after: system_time(certificate.validity().not_after),
    })
}

fn identity_of(certificate: &X509Certificate<'_>) -> Option<Identity> {
    // An error here is a repeated or broken extension: such a certificate names nobody.
    let names = certificate.subject_alternative_name().ok()??;
    let mut uris = names.value.general_names.iter().filter_map(|name| match name {
        GeneralName::URI(uri) => Some(*uri),
        _ => None,
    });
    match (uris.next(), uris.next()) {
        (Some(only), None) => only.parse().ok(),
        _ => None,
    }
}

// A time before 1970 is taken as 1970: expired either way.
fn system_time(time: ASN1Time) -> SystemTime {
    let seconds = u64::try_from(time.timestamp()).unwrap_or(0);
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).unwrap_or(UNIX_EPOCH)
}

#[cfg(test)]
mod tests;
