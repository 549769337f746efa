//! A member of the mesh that accepts and dials tunnels: a carried Pod, or a waypoint.

use std::sync::Arc;

use karez_api::identity::Identity;
use karez_api::outcome::Failure;
use karez_link::Credential;
use karez_link::certificates::State;
use karez_mesh::LocalPod;
use karez_tunnel::window::Account;
use tokio::sync::watch;

/// Who proves an identity at this end of a tunnel.
#[derive(Debug)]
pub struct Member {
    /// Its Pod as the mesh's decisions see it.
    pub local: LocalPod,
    /// Its Pod's name.
    pub name: Arc<str>,
    /// Its service account's identity.
    pub identity: Identity,
    /// Its certificate, which changes with each rotation.
    pub certificate: watch::Receiver<State>,
    /// The account of unread bytes of the streams that it opens.
    pub account: Arc<Account>,
}

impl Member {
    /// The certificate to use for a new tunnel.
    ///
    /// # Errors
    /// [`Failure::NoCertificate`] while there is no valid one.
    pub fn credential(&self) -> Result<Arc<Credential>, Failure> {
        self.certificate.borrow().usable(&self.identity).cloned()
    }
}
