//! Why a handshake failed, in the words of [`Failure`].

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use karez_api::identity::{Found, Identity};
use karez_api::outcome::Failure;
use rustls::{CertificateError, OtherError};

/// The dialled peer has a good certificate, and is somebody else.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the peer proved to be {}, expected {expected:?}", Found(found.as_ref()))]
pub struct UnexpectedIdentity {
    /// Its SPIFFE id; `None` when its certificate names none.
    pub found: Option<Identity>,
    /// The identities that were expected.
    pub expected: Vec<Identity>,
}

/// The dialling peer has a good certificate of another mesh.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the peer proved to be {}, which is not of the trust domain {own}", Found(found.as_ref()))]
pub struct ForeignTrustDomain {
    /// Its SPIFFE id; `None` when its certificate names none.
    pub found: Option<Identity>,
    /// The trust domain of the credential that was dialled.
    pub own: String,
}

/// The [`Failure`] of a handshake with `peer`.
#[must_use]
pub fn failure(error: &io::Error, peer: SocketAddr) -> Failure {
    if let Some(UnexpectedIdentity { found, expected }) = refusal(error) {
        return Failure::WrongIdentity { peer, found: found.clone(), expected: expected.clone() };
    }
    let message = match refusal::<ForeignTrustDomain>(error) {
        Some(foreign) => foreign.to_string(),
        None => error.to_string(),
    };
    Failure::Tls { peer, message }
}

/// Whether TLS failed, and not the connection below it.
#[must_use]
pub fn is_failure(error: &io::Error) -> bool {
    error.get_ref().is_some_and(<dyn Error + Send + Sync>::is::<rustls::Error>)
}

/// A verifier's own error. rustls passes it on only in a box inside `io::Error`: this is the one place that opens it.
fn refusal<Reason: Error + 'static>(error: &io::Error) -> Option<&Reason> {
    match error.get_ref()?.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(inner))) => inner.downcast_ref(),
        _ => None,
    }
}

/// A verifier's refusal in the form that rustls passes through.
pub(super) fn refused(reason: impl Error + Send + Sync + 'static) -> rustls::Error {
    CertificateError::Other(OtherError(Arc::new(reason))).into()
}
