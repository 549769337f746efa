//! SPIFFE ids of the form that the mesh gives to its workloads.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// `spiffe://TRUST_DOMAIN/ns/NAMESPACE/sa/SERVICE_ACCOUNT`: who a workload is.
///
/// Cheap to clone; compared part by part.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    trust_domain: Arc<str>,
    namespace: Arc<str>,
    service_account: Arc<str>,
}

/// For messages: who a certificate says that its holder is, if it names a SPIFFE id.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a>(pub Option<&'a Identity>);

/// Why a text is not an [`Identity`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not of the form spiffe://TRUST_DOMAIN/ns/NAMESPACE/sa/SERVICE_ACCOUNT")]
pub struct InvalidIdentity {
    text: String,
}

impl Identity {
    /// Builds an identity; each part must be a DNS name or label as Kubernetes and SPIFFE allow it.
    ///
    /// # Errors
    /// When a part is empty or holds a character that a SPIFFE id cannot.
    pub fn new(trust_domain: &str, namespace: &str, service_account: &str) -> Result<Self, InvalidIdentity> {
        if [trust_domain, namespace, service_account].into_iter().all(is_segment) {
            Ok(Self {
                trust_domain: trust_domain.into(),
                namespace: namespace.into(),
                service_account: service_account.into(),
            })
        } else {
            Err(InvalidIdentity {
                text: format!("spiffe://{trust_domain}/ns/{namespace}/sa/{service_account}"),
            })
        }
    }

    /// The trust domain, such as `cluster.local`.
    #[must_use]
    pub fn trust_domain(&self) -> &str {
        &self.trust_domain
    }

    /// The Kubernetes namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The Kubernetes service account.
    #[must_use]
    pub fn service_account(&self) -> &str {
        &self.service_account
    }

    /// The id without its scheme, as policies write principals: `TRUST_DOMAIN/ns/NAMESPACE/sa/SERVICE_ACCOUNT`.
    #[must_use]
    pub fn principal(&self) -> String {
        format!("{}/ns/{}/sa/{}", self.trust_domain, self.namespace, self.service_account)
    }
}

// SPIFFE-ID §2.1 and §2.2: letters, digits, dots, dashes and underscores; no empty or dot-only segment.
fn is_segment(part: &str) -> bool {
    !part.is_empty()
        && part.len() <= 253
        && part.chars().any(|c| c != '.')
        && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "spiffe://{}/ns/{}/sa/{}", self.trust_domain, self.namespace, self.service_account)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(identity) => fmt::Display::fmt(identity, f),
            None => f.write_str("nobody (its certificate names no SPIFFE id)"),
        }
    }
}

impl FromStr for Identity {
    type Err = InvalidIdentity;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidIdentity { text: text.chars().take(300).collect() };
        let path = text.strip_prefix("spiffe://").ok_or_else(invalid)?;
        let mut parts = path.split('/');
        match (parts.next(), parts.next(), parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(trust_domain), Some("ns"), Some(namespace), Some("sa"), Some(service_account), None) => {
                Self::new(trust_domain, namespace, service_account).map_err(|_| invalid())
            }
            _ => Err(invalid()),
        }
    }
}

#[cfg(test)]
mod tests;
