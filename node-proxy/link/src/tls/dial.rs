//! The dialling side: the peer must prove one of the identities that the plan expects. Host names play no part.

use std::sync::Arc;

use karez_api::identity::Identity;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};

use crate::bundle::TrustBundle;
use crate::tls::failure::{UnexpectedIdentity, refused};
use crate::tls::peer_identity;
use crate::tls::profile::signature_algorithms;

/// Demands a chain to the mesh's roots whose leaf names one of the expected identities. An empty list accepts nobody.
#[derive(Debug)]
pub(crate) struct ExpectIdentities {
    pub(crate) bundle: Arc<TrustBundle>,
    pub(crate) expected: Box<[Identity]>,
}

impl ServerCertVerifier for ExpectIdentities {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.bundle.verify_server(leaf, intermediates, now)?;
        let found = peer_identity(leaf);
        if found.as_ref().is_some_and(|identity| self.expected.contains(identity)) {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(refused(UnexpectedIdentity { found, expected: self.expected.to_vec() }))
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
