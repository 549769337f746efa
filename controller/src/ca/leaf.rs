//! The certificates that a root signs.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use karez_api::identity::Identity;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyUsagePurpose, PublicKeyData,
    SanType, SerialNumber,
};
use rustls::pki_types::CertificateDer;

use super::{RequestedKey, Root, Timestamp};

/// How far before the present a certificate begins at most: nodes' clocks need not agree to the second.
const MOST_BACK_DATED: Duration = Duration::from_secs(60);
/// Part of its lifetime by which it does: who renews halfway between its begin and its end must find it new for long enough.
const BACK_DATED_PART: u64 = 10;

/// A signed certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// DER.
    pub der: CertificateDer<'static>,
    /// PEM.
    pub pem: String,
    /// When it expires.
    pub not_after: Timestamp,
}

/// The names of a server that is no workload: the controller's own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// DNS names.
    pub hosts: BTreeSet<String>,
    /// Addresses.
    pub addresses: BTreeSet<IpAddr>,
}

/// Why a certificate could not be signed.
#[derive(Debug, thiserror::Error)]
#[error("the certificate could not be signed: {0}")]
pub struct IssueError(#[from] rcgen::Error);

impl Leaf {
    /// A workload's certificate: its one name is the identity (SPIFFE X509-SVID §2: exactly one URI).
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn workload(
        root: &Root,
        key: &RequestedKey,
        identity: &Identity,
        now: Timestamp,
        lifetime: Duration,
    ) -> Result<Self, IssueError> {
        let mut params = parameters(vec![SanType::URI(identity.to_string().try_into()?)]);
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        sign(params, key.key(), root, now, lifetime)
    }

    /// The controller's own certificate. It names no identity, so nobody takes its holder for a workload.
    ///
    /// # Errors
    /// When a name cannot stand in a certificate, or the system has no randomness.
    pub fn server(
        root: &Root,
        key: &impl PublicKeyData,
        names: &Names,
        now: Timestamp,
        lifetime: Duration,
    ) -> Result<Self, IssueError> {
        let mut alternatives = Vec::new();
        for host in &names.hosts {
            alternatives.push(SanType::DnsName(host.as_str().try_into()?));
        }
        alternatives.extend(names.addresses.iter().copied().map(SanType::IpAddress));
        let mut params = parameters(alternatives);
        params.distinguished_name.push(DnType::CommonName, "karez-controller");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        sign(params, key, root, now, lifetime)
    }
}

fn parameters(alternatives: Vec<SanType>) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.subject_alt_names = alternatives;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    params
}

/// Valid for `lifetime`, never beyond the root's own end.
fn sign(
    mut params: CertificateParams,
    key: &impl PublicKeyData,
    root: &Root,
    now: Timestamp,
    lifetime: Duration,
) -> Result<Leaf, IssueError> {
    let not_after = now.after(lifetime).min(root.certificate().not_after());
    params.not_before = now.before(back_dated(now.until(not_after))).date();
    params.not_after = not_after.date();
    params.serial_number = Some(random_serial()?);
    let certificate = params.signed_by(key, root.issuer())?;
    Ok(Leaf { der: certificate.der().clone(), pem: certificate.pem(), not_after })
}

/// How far before the present a certificate begins that has so long to live.
pub(super) fn back_dated(lifetime: Duration) -> Duration {
    MOST_BACK_DATED.min(Duration::from_secs(lifetime.as_secs() / BACK_DATED_PART))
}

/// RFC 5280 §4.1.2.2: positive, unique for each issuer, at most 20 octets.
pub(super) fn random_serial() -> Result<SerialNumber, rcgen::Error> {
    let mut bytes = [0_u8; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| rcgen::Error::RingUnspecified)?;
    bytes[0] = (bytes[0] & 0x7f) | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

#[cfg(test)]
mod tests;
