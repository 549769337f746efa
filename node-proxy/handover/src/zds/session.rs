//! The agent's side of a ZDS connection. Pure: it takes packets and the time, and returns packets.
//!
//! Only one request is open at a time, because an ack does not name its request.

use std::time::{Duration, Instant};

use crate::agent::conversation::Conversation;
use crate::agent::roster::{DesiredState, KnownPod, ProxyId, ProxyStanding, Roster, Supply};
use crate::message::Malformed;
use crate::packet::Packet;
use crate::pod::PodReference;
use crate::zds::message::{Request, read_ack, read_hello};

/// How long a proxy may take for its hello and each ack.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// One connection, from its acceptance to its end.
#[derive(Debug)]
pub(crate) struct Session {
    program: String,
    stage: SessionStage,
    awaited: Option<(Awaited, Instant)>,
}

#[derive(Debug, Clone, Copy)]
enum SessionStage {
    Greeting,
    Snapshot(ProxyId),
    Live(ProxyId),
}

#[derive(Debug, Clone)]
enum Awaited {
    Hello,
    Added(PodReference),
    Deleted(PodReference),
    SnapshotSent,
}

/// Why the agent ends a connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// A malformed packet.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// An ack without a request.
    #[error("an ack without a request")]
    OutOfTurn,
    /// The proxy refused the snapshot.
    #[error("the proxy refused the end of the snapshot: {0}")]
    SnapshotRefused(String),
    /// No answer came in time.
    #[error("no answer within {ANSWER_WITHIN:?}")]
    Silent,
}

impl Session {
    /// A connection accepted at `now`. `program` names the proxy for humans.
    #[must_use]
    pub(crate) fn new(program: String, now: Instant) -> Self {
        Self { program, stage: SessionStage::Greeting, awaited: Some((Awaited::Hello, now + ANSWER_WITHIN)) }
    }
}

impl Conversation for Session {
    type Violation = Violation;

    fn received(&mut self, packet: Packet, roster: &mut Roster, _now: Instant) -> Result<(), Violation> {
        let (awaited, _) = self.awaited.take().ok_or(Violation::OutOfTurn)?;
        match (self.stage, awaited) {
            (SessionStage::Greeting, _) | (_, Awaited::Hello) => {
                read_hello(&packet.bytes, packet.descriptors.len())?;
                self.stage = SessionStage::Snapshot(roster.join(self.program.clone()));
            }
            (SessionStage::Snapshot(proxy) | SessionStage::Live(proxy), awaited) => {
                let ack = read_ack(&packet.bytes, packet.descriptors.len())?;
                self.acked(proxy, awaited, ack, roster)?;
            }
        }
        Ok(())
    }

    fn next(&mut self, roster: &mut Roster, now: Instant) -> Result<Option<Packet>, Violation> {
        if let Some((_, due)) = self.awaited {
            return if due <= now { Err(Violation::Silent) } else { Ok(None) };
        }
        let (SessionStage::Snapshot(proxy) | SessionStage::Live(proxy)) = self.stage else { return Ok(None) };
        let Some((awaited, packet)) = self.choose(proxy, roster)? else { return Ok(None) };
        self.awaited = Some((awaited, now + ANSWER_WITHIN));
        Ok(Some(packet))
    }

    fn deadline(&self) -> Option<Instant> {
        self.awaited.as_ref().map(|(_, due)| *due)
    }

    fn ended(&mut self, roster: &mut Roster) {
        if let SessionStage::Snapshot(proxy) | SessionStage::Live(proxy) = self.stage {
            roster.leave(proxy);
        }
    }
}

impl Session {
    fn acked(
        &mut self,
        proxy: ProxyId,
        awaited: Awaited,
        ack: Result<(), String>,
        roster: &mut Roster,
    ) -> Result<(), Violation> {
        match awaited {
            // The proxy itself retries a Pod that it could not start.
            Awaited::Added(pod) => {
                roster.answer(
                    proxy,
                    &pod,
                    ack.map_or_else(ProxyStanding::Failed, |()| ProxyStanding::Carrying),
                );
            }
            // Whatever the answer, the proxy no longer knows the Pod.
            Awaited::Deleted(pod) => roster.forget(proxy, &pod),
            Awaited::SnapshotSent => ack.map_err(Violation::SnapshotRefused)?,
            Awaited::Hello => {}
        }
        Ok(())
    }

    fn choose(
        &mut self,
        proxy: ProxyId,
        roster: &mut Roster,
    ) -> Result<Option<(Awaited, Packet)>, Violation> {
        if let Some(known) = obsolete(proxy, roster) {
            let bytes = Request::Delete(known.reference.uid.clone()).encode()?;
            roster.set_standing(proxy, &known.reference, ProxyStanding::Removing);
            return Ok(Some((Awaited::Deleted(known.reference), Packet { bytes, descriptors: Vec::new() })));
        }
        let in_snapshot = matches!(self.stage, SessionStage::Snapshot(_));
        if (in_snapshot || roster.is_newest(proxy))
            && let Some((pod, packet)) = unknown(proxy, roster)?
        {
            roster.set_standing(proxy, &pod, ProxyStanding::Offered);
            return Ok(Some((Awaited::Added(pod), packet)));
        }
        if in_snapshot {
            self.stage = SessionStage::Live(proxy);
            let bytes = Request::SnapshotSent.encode()?;
            return Ok(Some((Awaited::SnapshotSent, Packet { bytes, descriptors: Vec::new() })));
        }
        release(proxy, roster);
        Ok(None)
    }
}

/// A Pod that the proxy knows and that is no longer offered.
fn obsolete(proxy: ProxyId, roster: &Roster) -> Option<KnownPod> {
    roster.known_pods(proxy).find(|known| !roster.is_current(known)).cloned()
}

/// A Pod that the proxy does not know.
fn unknown(proxy: ProxyId, roster: &Roster) -> Result<Option<(PodReference, Packet)>, Malformed> {
    let wanted = roster.offers().filter(|offer| offer.desired == DesiredState::Carried);
    let mut unknown = wanted.filter(|offer| roster.known_pod(proxy, offer.pod.uid()).is_none());
    let Some((pod, namespace)) = unknown.find_map(|offer| match &offer.supply {
        Supply::Namespace(namespace) => Some((&offer.pod, namespace.clone())),
        Supply::Sought | Supply::Wanted | Supply::Listeners { .. } => None,
    }) else {
        return Ok(None);
    };
    let bytes = Request::Add(pod.as_ref().clone()).encode()?;
    Ok(Some((pod.reference.clone(), Packet { bytes, descriptors: vec![namespace] })))
}

/// ZDS has no message for a leaving Pod: the deletion drains it.
fn release(proxy: ProxyId, roster: &mut Roster) {
    let known = roster.known_pods(proxy).map(|known| known.reference.clone());
    let stopped =
        known.filter(|pod| roster.offer_of(pod).is_some_and(|offer| offer.desired == DesiredState::Stopped));
    let stopped: Vec<PodReference> = stopped.collect();
    for pod in &stopped {
        roster.answer(proxy, pod, ProxyStanding::Released);
    }
}

#[cfg(test)]
mod tests;
