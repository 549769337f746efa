//! The certificate that this side presents.

use std::sync::Arc;
use std::time::SystemTime;

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::clock::Clock;

/// The one certificate of a credential, for as long as it is valid: an expired one is never presented, whoever still
/// holds the configuration.
#[derive(Debug)]
pub(crate) struct OwnCertificate {
    pub(crate) key: Arc<CertifiedKey>,
    pub(crate) not_after: SystemTime,
    pub(crate) clock: Arc<dyn Clock>,
}

impl OwnCertificate {
    fn present(&self) -> Option<Arc<CertifiedKey>> {
        (self.clock.now() <= self.not_after).then(|| Arc::clone(&self.key))
    }
}

impl ResolvesServerCert for OwnCertificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.present()
    }
}

impl ResolvesClientCert for OwnCertificate {
    fn resolve(&self, _root_hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.present()
    }

    fn has_certs(&self) -> bool {
        true
    }
}
