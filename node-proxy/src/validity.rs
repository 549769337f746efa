//! How long the two certificates of a connection serve: no new stream may run on it after either has expired or lost its root.

use std::time::{Duration, SystemTime};

use karez_link::certificates::State;
use karez_link::{Credential, tls};
use rustls::pki_types::CertificateDer;
use tokio::sync::watch;

/// Certificates count in wall-clock time and sleeps do not: a step of the clock is noticed within this.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// Both chains of a connection, as its handshake verified them.
#[derive(Debug)]
pub(crate) struct Proof {
    own: Vec<CertificateDer<'static>>,
    peer: Vec<CertificateDer<'static>>,
    expires: SystemTime,
}

impl Proof {
    /// What `credential` and the peer's chain (leaf first) proved.
    pub(crate) fn new(credential: &Credential, peer: &[CertificateDer<'_>]) -> Self {
        let own_end = credential.not_after();
        let peer_end = tls::peer(peer).map_or(own_end, |peer| peer.not_after);
        Self {
            own: credential.chain().to_vec(),
            peer: peer.iter().map(|certificate| certificate.clone().into_owned()).collect(),
            expires: own_end.min(peer_end),
        }
    }

    /// Returns once a certificate has expired, or the newest trust bundle of `certificate` trusts one of them no more.
    pub(crate) async fn over(self, mut certificate: watch::Receiver<State>) {
        loop {
            let left = self.expires.duration_since(SystemTime::now()).unwrap_or(Duration::ZERO);
            if left.is_zero() {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(left.min(LONGEST_SLEEP)) => {}
                changed = certificate.changed() => {
                    // A Pod that left the mesh has no more certificate: its connections are ended elsewhere.
                    if changed.is_err() || !self.is_trusted(&certificate.borrow_and_update()) {
                        return;
                    }
                }
            }
        }
    }

    fn is_trusted(&self, state: &State) -> bool {
        let credential = match state {
            State::Ready { credential, .. } => credential,
            State::Unrooted { .. } => return false,
            // Without a newer bundle there is nothing to judge by; the expiry counts.
            State::Waiting { .. } | State::Expired { .. } => return true,
        };
        let now = SystemTime::now();
        [&self.own, &self.peer].into_iter().all(|chain| credential.still_trusts(chain, now))
    }
}
