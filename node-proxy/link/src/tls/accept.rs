//! The accepting side: a client must prove an identity of this mesh. Policies judge which one.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, SignatureScheme};

use crate::bundle::TrustBundle;
use crate::tls::failure::{ForeignTrustDomain, refused};
use crate::tls::peer_identity;
use crate::tls::profile::signature_algorithms;

/// Demands a chain to the mesh's roots whose leaf names an identity of the bundle's trust domain.
#[derive(Debug)]
pub(crate) struct RequireMeshPeer(pub(crate) Arc<TrustBundle>);

impl ClientCertVerifier for RequireMeshPeer {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        // A peer has one certificate: hints would only lengthen the handshake.
        &[]
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        self.0.verify_client(leaf, intermediates, now)?;
        let found = peer_identity(leaf);
        if found.as_ref().is_some_and(|identity| identity.trust_domain() == self.0.trust_domain()) {
            Ok(ClientCertVerified::assertion())
        } else {
            Err(refused(ForeignTrustDomain { found, own: self.0.trust_domain().to_owned() }))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, leaf, signature, &signature_algorithms())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, leaf, signature, &signature_algorithms())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        signature_algorithms().supported_schemes()
    }
}
