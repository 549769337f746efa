//! Reads certificates from PEM: bounded, and all of them or none.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};

/// Certificates that one text may hold: chains are a handful long, and a bundle holds the roots of one trust domain.
pub(crate) const MAX_CERTIFICATES: usize = 64;
/// Bytes that one text may hold.
pub(crate) const MAX_BYTES: usize = 512 * 1024;

/// Why a text is not a list of certificates.
#[derive(Debug, thiserror::Error)]
pub enum InvalidPem {
    /// It holds no certificate.
    #[error("no PEM section CERTIFICATE in it")]
    Empty,
    /// Longer than any honest one.
    #[error("more than {MAX_BYTES} bytes or {MAX_CERTIFICATES} certificates")]
    TooLong,
    /// The encoding is broken.
    #[error("broken PEM: {0}")]
    Encoding(pem::Error),
}

/// All certificates of `text`, in order; other sections are skipped.
///
/// # Errors
/// When there is none, there are too many, or any section is broken.
pub(crate) fn certificates(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, InvalidPem> {
    if text.len() > MAX_BYTES {
        return Err(InvalidPem::TooLong);
    }
    let mut found = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(text) {
        if found.len() == MAX_CERTIFICATES {
            return Err(InvalidPem::TooLong);
        }
        found.push(certificate.map_err(InvalidPem::Encoding)?);
    }
    if found.is_empty() { Err(InvalidPem::Empty) } else { Ok(found) }
}
