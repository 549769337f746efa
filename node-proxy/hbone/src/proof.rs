//! How long a tunnel's two certificates are valid. The tunnel takes no new streams shortly before either expires, or
//! once either has lost its root. Earlier requests are still served.

use std::time::{Duration, SystemTime};

use karez_link::certificates::State;
use karez_link::{Credential, tls};
use rustls::pki_types::CertificateDer;
use tokio::sync::watch;

/// Certificates count in wall-clock time, sleeps do not: a step of the clock is noticed within this.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// GOAWAY precedes the end by this, or by a quarter of a short life: the peer needs a round trip, and time to dial
/// again.
const LEAVE: Duration = Duration::from_secs(30);

/// Both chains of a connection, as its handshake verified them.
#[derive(Debug)]
pub struct Proof {
    own: Vec<CertificateDer<'static>>,
    peer: Vec<CertificateDer<'static>>,
    expires: SystemTime,
}

impl Proof {
    /// The proof of `credential` and the peer's chain (leaf first).
    #[must_use]
    pub fn new(credential: &Credential, peer: &[CertificateDer<'_>]) -> Self {
        let own_end = credential.not_after();
        let peer_end = tls::peer(peer).map_or(own_end, |peer| peer.not_after);
        Self {
            own: credential.chain().to_vec(),
            peer: peer.iter().map(|certificate| certificate.clone().into_owned()).collect(),
            expires: own_end.min(peer_end),
        }
    }

    /// Returns shortly before a certificate expires, or once the newest trust bundle of `certificate` no longer trusts
    /// one of them.
    pub async fn over(self, mut certificate: watch::Receiver<State>) {
        let leave = leave_at(self.expires, SystemTime::now());
        loop {
            let left = time_to(leave, SystemTime::now());
            if left.is_zero() {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(left.min(LONGEST_SLEEP)) => {}
                changed = certificate.changed() => {
                    // A Pod that left the mesh has no certificate any more. Other code ends its connections.
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
            // Without a newer bundle only the expiry counts.
            State::Waiting { .. } | State::Expired { .. } => return true,
        };
        let now = SystemTime::now();
        [&self.own, &self.peer].into_iter().all(|chain| credential.still_trusts(chain, now))
    }
}

/// When a connection that begins `now` must end.
fn leave_at(expires: SystemTime, now: SystemTime) -> SystemTime {
    let early = LEAVE.min(time_to(expires, now) / 4);
    expires.checked_sub(early).unwrap_or(expires)
}

fn time_to(end: SystemTime, now: SystemTime) -> Duration {
    end.duration_since(now).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_takes_leave_before_its_certificates_expire() {
        let begun = SystemTime::UNIX_EPOCH;
        for (life, leaves_after) in [(86_400, 86_370), (120, 90), (20, 15), (4, 3), (0, 0)] {
            let leave = leave_at(begun + Duration::from_secs(life), begun);
            assert_eq!(time_to(leave, begun).as_secs(), leaves_after, "a life of {life} s");
        }
        let expired = leave_at(begun, begun + Duration::from_secs(1));
        assert_eq!(expired, begun);
    }
}
