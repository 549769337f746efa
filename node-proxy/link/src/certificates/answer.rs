//! The request to the CA, and the checks of its answer.

use std::time::SystemTime;

use karez_api::identity::Identity;
use rcgen::{CertificateParams, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256, SanType};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;

use crate::bundle::{InvalidBundle, TrustBundle};
use crate::clock::unix_time;
use crate::credential::Issued;
use crate::tls::pem::{self, InvalidPem};
use crate::tls::{leaf_of, profile};

/// Entries that an answer may have: a leaf, a few intermediates, the roots.
const MAX_ENTRIES: usize = 16;

/// Why an answer of the CA cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadAnswer {
    /// A leaf and the roots are the least; an honest chain is short.
    #[error("{0} entries: expected a leaf, its intermediates and the roots")]
    Entries(usize),
    /// Not PEM certificates.
    #[error("entry {position}: {source}")]
    Pem {
        /// Counted from 0.
        position: usize,
        /// What is wrong.
        source: InvalidPem,
    },
    /// The leaf is not an X.509 certificate.
    #[error("the leaf cannot be read")]
    Leaf,
    /// The leaf names somebody else.
    #[error("the certificate is for {found:?}, not for {asked}")]
    Identity {
        /// The identity that was asked for.
        asked: Identity,
        /// The identity that it names.
        found: Option<Identity>,
    },
    /// Another key, or one that rustls cannot use.
    #[error("the certificate does not go with the key of the request: {0}")]
    Key(rustls::Error),
    /// The roots, the last entry.
    #[error(transparent)]
    Roots(#[from] InvalidBundle),
    /// Expired, not valid yet, not under a root that the mesh trusts, or not for both sides of TLS.
    #[error("peers would refuse it under the roots of {trust_domain}: {source}")]
    Untrusted {
        /// Whose roots.
        trust_domain: String,
        /// rustls' words.
        source: rustls::Error,
    },
}

/// A fresh key, and the PEM request that asks for `identity`: P-256, the SPIFFE id as only name, no subject.
pub(super) fn request(identity: &Identity) -> Result<(KeyPair, String), rcgen::Error> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.subject_alt_names = vec![SanType::URI(identity.to_string().try_into()?)];
    let csr = params.serialize_request(&key)?.pem()?;
    Ok((key, csr))
}

/// The CA's answer, parsed but not yet verified against any root.
pub(super) struct Answer {
    pub(super) issued: Issued,
    /// The roots that came with it.
    pub(super) roots: TrustBundle,
}

/// Reads `entries` as the certificate that was asked for `identity` with `key`: leaf first, roots last.
pub(super) fn read(identity: &Identity, key: &KeyPair, entries: &[String]) -> Result<Answer, BadAnswer> {
    let (roots, chain) = match entries.split_last() {
        Some((roots, chain)) if !chain.is_empty() && entries.len() <= MAX_ENTRIES => (roots, chain),
        _ => return Err(BadAnswer::Entries(entries.len())),
    };
    let chain = certificates(chain)?;
    let leaf = chain.first().and_then(leaf_of).ok_or(BadAnswer::Leaf)?;
    if leaf.identity.as_ref() != Some(identity) {
        return Err(BadAnswer::Identity { asked: identity.clone(), found: leaf.identity });
    }
    let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let certified = CertifiedKey::from_der(chain, private, &profile::provider()).map_err(BadAnswer::Key)?;
    Ok(Answer {
        issued: Issued {
            identity: identity.clone(),
            key: certified.into(),
            not_before: leaf.not_before,
            not_after: leaf.not_after,
        },
        roots: TrustBundle::from_pem(identity.trust_domain(), [roots.as_str()])?,
    })
}

/// Verifies a certificate as peers will, when it dials and when it is dialled.
pub(super) fn verify(issued: &Issued, bundle: &TrustBundle, now: SystemTime) -> Result<(), BadAnswer> {
    let (leaf, intermediates) = issued.key.cert.split_first().ok_or(BadAnswer::Leaf)?;
    let now = unix_time(now);
    bundle
        .verify_client(leaf, intermediates, now)
        .and_then(|()| bundle.verify_server(leaf, intermediates, now))
        .map_err(|source| BadAnswer::Untrusted { trust_domain: bundle.trust_domain().to_owned(), source })
}

fn certificates(entries: &[String]) -> Result<Vec<CertificateDer<'static>>, BadAnswer> {
    let mut chain = Vec::new();
    for (position, entry) in entries.iter().enumerate() {
        chain.extend(
            pem::certificates(entry.as_bytes()).map_err(|source| BadAnswer::Pem { position, source })?,
        );
    }
    Ok(chain)
}

#[cfg(test)]
mod tests;
