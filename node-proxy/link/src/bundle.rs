//! The roots that peers are verified against, by trust domain.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use rustls::RootCertStore;
use rustls::client::{VerifierBuilderError, verify_server_cert_signed_by_trust_anchor};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};

use crate::clock::unix_time;
use crate::tls::pem::{self, InvalidPem, MAX_CERTIFICATES};
use crate::tls::profile;

/// The roots of one trust domain, ready to verify with.
pub struct TrustBundle {
    trust_domain: Arc<str>,
    roots: Arc<RootCertStore>,
    clients: Arc<dyn ClientCertVerifier>,
}

/// Why roots cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidBundle {
    /// Not PEM certificates.
    #[error("trust bundle of {trust_domain}: {source}")]
    Pem {
        /// Whose roots.
        trust_domain: String,
        /// What is wrong with the text.
        source: InvalidPem,
    },
    /// More roots than a trust domain has.
    #[error("trust bundle of {trust_domain}: more than {MAX_CERTIFICATES} roots")]
    TooMany {
        /// Whose roots.
        trust_domain: String,
    },
    /// A certificate that cannot be a trust anchor.
    #[error("trust bundle of {trust_domain}: root {position} is unusable: {source}")]
    Root {
        /// Whose roots.
        trust_domain: String,
        /// Counted from 0.
        position: usize,
        /// rustls' words.
        source: rustls::Error,
    },
    /// rustls will not verify with it.
    #[error("trust bundle of {trust_domain}: {source}")]
    Verifier {
        /// Whose roots.
        trust_domain: String,
        /// rustls' words.
        source: VerifierBuilderError,
    },
}

impl TrustBundle {
    /// Reads roots from PEM texts, each of one or more certificates.
    ///
    /// # Errors
    /// When there is none, or any is unusable: a bundle is taken whole or not at all.
    pub fn from_pem<'a>(
        trust_domain: &str,
        texts: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, InvalidBundle> {
        let name = || trust_domain.to_owned();
        let invalid = |source| InvalidBundle::Pem { trust_domain: name(), source };
        let mut certificates = Vec::new();
        for text in texts {
            certificates.extend(pem::certificates(text.as_bytes()).map_err(invalid)?);
            if certificates.len() > MAX_CERTIFICATES {
                return Err(InvalidBundle::TooMany { trust_domain: name() });
            }
        }
        let mut roots = RootCertStore::empty();
        for (position, root) in certificates.into_iter().enumerate() {
            let unusable = |source| InvalidBundle::Root { trust_domain: name(), position, source };
            roots.add(root).map_err(unusable)?;
        }
        if roots.is_empty() {
            return Err(invalid(InvalidPem::Empty));
        }
        Self::new(trust_domain, Arc::new(roots))
    }

    fn new(trust_domain: &str, roots: Arc<RootCertStore>) -> Result<Self, InvalidBundle> {
        let clients = WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), profile::provider())
            .build()
            .map_err(|source| InvalidBundle::Verifier { trust_domain: trust_domain.to_owned(), source })?;
        Ok(Self { trust_domain: trust_domain.into(), roots, clients })
    }

    /// Whose roots they are.
    #[must_use]
    pub fn trust_domain(&self) -> &str {
        &self.trust_domain
    }

    /// How many roots there are; never 0.
    #[must_use]
    pub fn len(&self) -> usize {
        self.roots.len()
    }

    /// Never: a bundle without a root cannot be made.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.roots.is_empty()
    }

    /// The roots themselves.
    pub(crate) fn roots(&self) -> &RootCertStore {
        &self.roots
    }

    /// Whether a chain (leaf first) that a handshake has accepted, from either side, would still be at `now`.
    #[must_use]
    pub fn still_trusts(&self, chain: &[CertificateDer<'_>], now: SystemTime) -> bool {
        let Some((leaf, intermediates)) = chain.split_first() else {
            return false;
        };
        let now = unix_time(now);
        // The handshake checked what the certificate is for; either use serves to check roots and times again.
        self.verify_client(leaf, intermediates, now).is_ok()
            || self.verify_server(leaf, intermediates, now).is_ok()
    }

    /// Verifies a dialling peer's chain: roots, times, and that it is for client authentication.
    pub(crate) fn verify_client(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), rustls::Error> {
        self.clients.verify_client_cert(leaf, intermediates, now).map(drop)
    }

    /// Verifies a dialled peer's chain: roots, times, and that it is for server authentication.
    pub(crate) fn verify_server(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), rustls::Error> {
        verify_server_cert_signed_by_trust_anchor(
            &ParsedCertificate::try_from(leaf)?,
            &self.roots,
            intermediates,
            now,
            profile::signature_algorithms().all,
        )
    }
}

impl fmt::Debug for TrustBundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustBundle")
            .field("trust_domain", &self.trust_domain)
            .field("roots", &self.roots.len())
            .finish_non_exhaustive()
    }
}

/// The newest bundle of every trust domain that discovery has brought. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Bundles(Arc<BTreeMap<Arc<str>, Arc<TrustBundle>>>);

impl Bundles {
    /// The roots of a trust domain; `None` when discovery never brought any.
    #[must_use]
    pub fn find(&self, trust_domain: &str) -> Option<&Arc<TrustBundle>> {
        self.0.get(trust_domain)
    }

    /// The same bundles with one added or replaced.
    #[must_use]
    pub fn with(&self, bundle: TrustBundle) -> Self {
        let mut bundles = BTreeMap::clone(&self.0);
        bundles.insert(Arc::clone(&bundle.trust_domain), Arc::new(bundle));
        Self(Arc::new(bundles))
    }
}

#[cfg(test)]
mod tests;
