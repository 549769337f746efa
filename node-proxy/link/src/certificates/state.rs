//! The state of one identity's certificate.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use karez_api::identity::Identity;
use karez_api::operator::CertificateReport;
use karez_api::outcome::Failure;

use crate::certificates::answer::BadAnswer;
use crate::controller::CallError;
use crate::credential::Credential;

/// One identity's certificate, as it stands. A `problem` is why the last attempt to get one failed.
#[derive(Debug, Clone)]
pub enum State {
    /// There has been none yet.
    Waiting {
        /// Why not.
        problem: Option<Arc<FetchError>>,
    },
    /// There is one, and it is valid.
    Ready {
        /// To be used for new connections.
        credential: Arc<Credential>,
        /// Why it could not be renewed.
        problem: Option<Arc<FetchError>>,
    },
    /// It expired before it could be renewed.
    Expired {
        /// When.
        not_after: SystemTime,
        /// Why it was not renewed.
        problem: Option<Arc<FetchError>>,
    },
    /// Its root was taken out of the trust bundle: peers refuse it, and a new one is being asked for.
    Unrooted {
        /// Until when it would have been valid.
        not_after: SystemTime,
        /// Why there is no new one.
        problem: Option<Arc<FetchError>>,
    },
}

/// Why an attempt brought no certificate.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The call of the CA.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Making the key or the request.
    #[error("could not make a certificate request: {0}")]
    Request(#[from] rcgen::Error),
    /// What the CA answered.
    #[error("the CA's answer is unusable: {0}")]
    Answer(#[from] BadAnswer),
    /// rustls cannot use it.
    #[error("rustls cannot use the certificate: {0}")]
    Tls(#[from] rustls::Error),
}

impl State {
    /// What new connections are to be made with; `None` when there is nothing valid.
    #[must_use]
    pub fn credential(&self) -> Option<&Arc<Credential>> {
        match self {
            Self::Ready { credential, .. } => Some(credential),
            Self::Waiting { .. } | Self::Expired { .. } | Self::Unrooted { .. } => None,
        }
    }

    /// Why the last attempt to get a certificate failed; `None` when it did not.
    #[must_use]
    pub fn problem(&self) -> Option<&FetchError> {
        let (Self::Waiting { problem }
        | Self::Ready { problem, .. }
        | Self::Expired { problem, .. }
        | Self::Unrooted { problem, .. }) = self;
        problem.as_deref()
    }

    /// The credential, or why a connection of `identity` cannot be made without one.
    ///
    /// # Errors
    /// [`Failure::NoCertificate`] when nothing valid is at hand.
    pub fn usable(&self, identity: &Identity) -> Result<&Arc<Credential>, Failure> {
        self.credential()
            .ok_or_else(|| Failure::NoCertificate { identity: identity.clone(), message: self.lacking() })
    }

    /// What is wrong, in one line.
    fn lacking(&self) -> String {
        let what = match self {
            Self::Waiting { .. } => "none was issued yet",
            Self::Ready { .. } => "there is one",
            Self::Expired { .. } => "it has expired and was not renewed",
            Self::Unrooted { .. } => "its root is no longer trusted and there is no new one",
        };
        match self.problem() {
            Some(problem) => format!("{what}: {problem}"),
            None => what.to_owned(),
        }
    }

    pub(super) fn report(&self, identity: &Identity) -> CertificateReport {
        let not_after = match self {
            Self::Waiting { .. } => None,
            Self::Ready { credential, .. } => Some(credential.not_after()),
            Self::Expired { not_after, .. } | Self::Unrooted { not_after, .. } => Some(*not_after),
        };
        let problem = match self {
            Self::Waiting { problem: None } => String::new(),
            Self::Ready { .. } => self.problem().map(ToString::to_string).unwrap_or_default(),
            Self::Waiting { .. } | Self::Expired { .. } | Self::Unrooted { .. } => self.lacking(),
        };
        CertificateReport {
            identity: identity.to_string(),
            not_after: not_after.map_or(0, epoch_seconds),
            problem,
        }
    }

    /// Whether readers would learn nothing from `other` that this does not say.
    pub(super) fn says_the_same(&self, other: &Self) -> bool {
        let same_kind = std::mem::discriminant(self) == std::mem::discriminant(other);
        let same_credential = match (self.credential(), other.credential()) {
            (Some(mine), Some(others)) => Arc::ptr_eq(mine, others),
            (mine, others) => mine.is_none() && others.is_none(),
        };
        let same_problem = match (self.problem(), other.problem()) {
            (Some(mine), Some(others)) => std::ptr::eq(mine, others),
            (mine, others) => mine.is_none() && others.is_none(),
        };
        same_kind && same_credential && same_problem
    }
}

fn epoch_seconds(time: SystemTime) -> i64 {
    let seconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    i64::try_from(seconds).unwrap_or(i64::MAX)
}
