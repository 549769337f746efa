//! What an enrolment changes about a Pod that is in the mesh already. Pure.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use karez_handover::pod::EnrolledPod;

/// Something by which node proxies carry a Pod is another: they end what they carry for it, and begin anew. Its capture and its
/// listeners stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It is somebody else.
    ServiceAccount {
        /// Who it was.
        before: Arc<str>,
        /// Who it is.
        now: Arc<str>,
    },
    /// It is somewhere else.
    Addresses {
        /// Where it was.
        before: Vec<IpAddr>,
        /// Where it is.
        now: Vec<IpAddr>,
    },
}

/// What is other about a Pod than before. Its uid, namespace and name are the same: by them it is known.
pub(super) fn changes(before: &EnrolledPod, now: &EnrolledPod) -> Vec<Change> {
    let account = (before.service_account != now.service_account).then(|| Change::ServiceAccount {
        before: Arc::clone(&before.service_account),
        now: Arc::clone(&now.service_account),
    });
    let addresses = (before.addresses != now.addresses)
        .then(|| Change::Addresses { before: before.addresses.clone(), now: now.addresses.clone() });
    account.into_iter().chain(addresses).collect()
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |addresses: &[IpAddr]| {
            let texts: Vec<_> = addresses.iter().map(IpAddr::to_string).collect();
            texts.join(", ")
        };
        match self {
            Self::ServiceAccount { before, now } => write!(
                f,
                "its service account was {before} and is {now}: it gets a new identity, and what it had open under the old \
                 one is reset"
            ),
            Self::Addresses { before, now } => write!(
                f,
                "its addresses were {} and are {}: what it had open under the old ones is reset",
                list(before),
                list(now)
            ),
        }
    }
}

#[cfg(test)]
mod tests;
