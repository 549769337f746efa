//! One certificate with the rustls configurations built from it: built once, shared by every connection.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use karez_api::identity::Identity;
use rustls::client::Resumption;
use rustls::pki_types::CertificateDer;
use rustls::server::NoServerSessionStorage;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ServerConfig};

use crate::bundle::TrustBundle;
use crate::clock::{Clock, TlsTime};
use crate::tls::{ExpectIdentities, OwnCertificate, RequireMeshPeer, profile};

/// Sets of expected identities whose configurations are kept; the cache starts anew beyond.
const CACHED_CLIENTS: usize = 256;

/// A certificate that the CA issued, its private key, and until when it serves.
#[derive(Debug, Clone)]
pub(crate) struct Issued {
    pub(crate) identity: Identity,
    pub(crate) key: Arc<CertifiedKey>,
    pub(crate) not_before: SystemTime,
    pub(crate) not_after: SystemTime,
}

/// A Pod's identity in the form that TLS needs: certificate, key and the peers' roots.
///
/// A renewal or a new trust bundle makes another value; connections may go on holding the one that they began with.
pub struct Credential {
    issued: Issued,
    bundle: Arc<TrustBundle>,
    server: Arc<ServerConfig>,
    // What every client configuration shares; it accepts nobody until it is told whom to expect.
    client: ClientConfig,
    clients: Mutex<HashMap<Box<[Identity]>, Arc<ClientConfig>>>,
}

impl Credential {
    /// Builds the configurations of `issued` against the peers' roots in `bundle`.
    pub(crate) fn new(
        issued: Issued,
        bundle: Arc<TrustBundle>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, rustls::Error> {
        let own = Arc::new(OwnCertificate {
            key: Arc::clone(&issued.key),
            not_after: issued.not_after,
            clock: Arc::clone(clock),
        });
        let server = server_config(&own, &bundle, clock)?;
        let client = client_config(&own, &bundle, clock)?;
        Ok(Self { issued, bundle, server: Arc::new(server), client, clients: Mutex::default() })
    }

    /// Whose certificate it is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.issued.identity
    }

    /// From when on it is valid.
    #[must_use]
    pub fn not_before(&self) -> SystemTime {
        self.issued.not_before
    }

    /// Until when it is valid.
    #[must_use]
    pub fn not_after(&self) -> SystemTime {
        self.issued.not_after
    }

    /// The certificate and its intermediates, leaf first.
    #[must_use]
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.issued.key.cert
    }

    /// To accept with: TLS 1.3, ALPN `h2`, the peer must present a certificate of the same trust domain.
    #[must_use]
    pub fn server(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.server)
    }

    /// To dial with: TLS 1.3, ALPN `h2`, no SNI, and the peer must prove to be one of `expected`. Built once per list.
    #[must_use]
    pub fn client(&self, expected: &[Identity]) -> Arc<ClientConfig> {
        // Nothing panics under the lock, and a poisoned cache is still a cache.
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = clients.get(expected) {
            return Arc::clone(config);
        }
        if clients.len() >= CACHED_CLIENTS {
            clients.clear();
        }
        let config = Arc::new(self.client_expecting(expected));
        clients.insert(expected.into(), Arc::clone(&config));
        config
    }

    /// Whether a peer's (or an older own) chain still verifies under the roots of this credential at `now`. Those that
    /// do not get a GOAWAY: see [`TrustBundle::still_trusts`].
    #[must_use]
    pub fn still_trusts(&self, chain: &[CertificateDer<'_>], now: SystemTime) -> bool {
        self.bundle.still_trusts(chain, now)
    }

    /// The roots that peers are verified against.
    #[must_use]
    pub fn bundle(&self) -> &Arc<TrustBundle> {
        &self.bundle
    }

    pub(crate) fn issued(&self) -> &Issued {
        &self.issued
    }

    fn client_expecting(&self, expected: &[Identity]) -> ClientConfig {
        let mut config = self.client.clone();
        config.dangerous().set_certificate_verifier(Arc::new(ExpectIdentities {
            bundle: Arc::clone(&self.bundle),
            expected: expected.into(),
        }));
        config
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("identity", &self.issued.identity)
            .field("not_after", &self.issued.not_after)
            .finish_non_exhaustive()
    }
}

fn server_config(
    own: &Arc<OwnCertificate>,
    bundle: &Arc<TrustBundle>,
    clock: &Arc<dyn Clock>,
) -> Result<ServerConfig, rustls::Error> {
    let time = Arc::new(TlsTime(Arc::clone(clock)));
    let mut config = ServerConfig::builder_with_details(profile::provider(), time)
        .with_protocol_versions(profile::VERSIONS)?
        .with_client_cert_verifier(Arc::new(RequireMeshPeer(Arc::clone(bundle))))
        .with_cert_resolver(Arc::<OwnCertificate>::clone(own));
    config.alpn_protocols = vec![profile::ALPN.to_vec()];
    // A resumed session would outlive the certificates that it was made with.
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}

fn client_config(
    own: &Arc<OwnCertificate>,
    bundle: &Arc<TrustBundle>,
    clock: &Arc<dyn Clock>,
) -> Result<ClientConfig, rustls::Error> {
    let time = Arc::new(TlsTime(Arc::clone(clock)));
    let nobody = ExpectIdentities { bundle: Arc::clone(bundle), expected: Box::default() };
    let mut config = ClientConfig::builder_with_details(profile::provider(), time)
        .with_protocol_versions(profile::VERSIONS)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(nobody))
        .with_client_cert_resolver(Arc::<OwnCertificate>::clone(own));
    config.alpn_protocols = vec![profile::ALPN.to_vec()];
    config.enable_sni = false;
    config.resumption = Resumption::disabled();
    Ok(config)
}

#[cfg(test)]
mod tests;
