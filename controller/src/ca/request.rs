//! What is taken from a certificate request: its key, and nothing else.
//!
//! The identity comes from what the controller knows of the caller, never from the request.

use rcgen::{PublicKeyData, SubjectPublicKeyInfo};
use rustls::pki_types::CertificateSigningRequestDer;
use rustls::pki_types::pem::PemObject;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::der_parser::asn1_rs::oid;
use x509_parser::prelude::FromDer;

/// Bytes of a request: one with a P-256 key and a name has about 500.
const MAX_SIZE: usize = 16 * 1024;

/// Why a certificate request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadRequest {
    /// More than any request needs.
    #[error("the certificate request is longer than {MAX_SIZE} bytes")]
    TooLong,
    /// Not PEM, or not a request.
    #[error("the certificate request is not a PEM encoded PKCS#10 request")]
    Unreadable,
    /// Another kind of key.
    #[error("the certificate request's key is not ECDSA P-256")]
    OtherKey,
    /// The caller does not hold the private key.
    #[error("the certificate request is not signed by its own key")]
    Signature,
}

/// A P-256 key that its holder has proven to hold.
#[derive(Debug, Clone)]
pub struct RequestedKey(SubjectPublicKeyInfo);

impl RequestedKey {
    /// Reads a PEM certificate request (RFC 2986) and checks its signature.
    ///
    /// # Errors
    /// Says what is wrong with the request.
    pub fn from_pem(request: &str) -> Result<Self, BadRequest> {
        if request.len() > MAX_SIZE {
            return Err(BadRequest::TooLong);
        }
        let der = CertificateSigningRequestDer::from_pem_slice(request.as_bytes());
        Self::from_der(&der.map_err(|_| BadRequest::Unreadable)?)
    }

    /// The same from DER.
    ///
    /// # Errors
    /// Says what is wrong with the request.
    pub fn from_der(request: &[u8]) -> Result<Self, BadRequest> {
        let Ok(([], request)) = X509CertificationRequest::from_der(request) else {
            return Err(BadRequest::Unreadable);
        };
        let key = &request.certification_request_info.subject_pki;
        // RFC 5480 §2.1.1: the curve is the algorithm's parameter.
        let curve = key.algorithm.parameters.as_ref().and_then(|parameters| parameters.as_oid().ok());
        let is_p256 = key.algorithm.algorithm == oid!(1.2.840.10045.2.1)
            && curve.is_some_and(|curve| curve == oid!(1.2.840.10045.3.1.7));
        if !is_p256 {
            return Err(BadRequest::OtherKey);
        }
        request.verify_signature().map_err(|_| BadRequest::Signature)?;
        SubjectPublicKeyInfo::from_der(key.raw).map(Self).map_err(|_| BadRequest::OtherKey)
    }

    /// The key: an uncompressed point (SEC 1 §2.3.3).
    #[must_use]
    pub fn point(&self) -> &[u8] {
        self.0.der_bytes()
    }

    pub(super) fn key(&self) -> &SubjectPublicKeyInfo {
        &self.0
    }
}

#[cfg(test)]
mod tests;
