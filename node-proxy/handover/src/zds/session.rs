//! The agent's side of a ZDS connection. Pure: packets and the time go in, packets come out.
//!
//! One request is under way at a time, because an ack says only that it is the next.

use std::time::{Duration, Instant};

use crate::agent::conversation::Conversation;
use crate::agent::roster::{ProxyId, ProxyStanding, Roster, Supply, Told, Wish};
use crate::message::Malformed;
use crate::packet::Packet;
use crate::pod::PodReference;
use crate::zds::message::{Request, read_ack, read_hello};

/// How long a proxy may take over its hello and over each ack.
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

/// Why a connection is ended by the agent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// A bad packet.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// An ack for nothing.
    #[error("an ack that nothing had asked for")]
    OutOfTurn,
    /// The proxy would not have the snapshot.
    #[error("the proxy refused the end of the snapshot: {0}")]
    SnapshotRefused(String),
    /// No answer in time.
    #[error("no answer within {ANSWER_WITHIN:?}")]
    Silent,
}

impl Session {
    /// A connection accepted at `now`; `program` says to people what it is.
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
            // The proxy tries a Pod that it could not start again by itself.
            Awaited::Added(pod) => {
                roster.answer(
                    proxy,
                    &pod,
                    ack.map_or_else(ProxyStanding::Failed, |()| ProxyStanding::Carrying),
                );
            }
            // Whatever it says, it knows the Pod no more.
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
        if let Some(told) = obsolete(proxy, roster) {
            let bytes = Request::Delete(told.reference.uid.clone()).encode()?;
            roster.set_standing(proxy, &told.reference, ProxyStanding::Removing);
            return Ok(Some((Awaited::Deleted(told.reference), Packet { bytes, descriptors: Vec::new() })));
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

/// A Pod that it knows and that is there no more.
fn obsolete(proxy: ProxyId, roster: &Roster) -> Option<Told> {
    roster.all_told(proxy).find(|told| !roster.is_current(told)).cloned()
}

/// A Pod that it does not know.
fn unknown(proxy: ProxyId, roster: &Roster) -> Result<Option<(PodReference, Packet)>, Malformed> {
    let wanted = roster.offers().filter(|offer| offer.wish == Wish::Carried);
    let mut unknown = wanted.filter(|offer| roster.told(proxy, offer.pod.uid()).is_none());
    let Some((pod, namespace)) = unknown.find_map(|offer| match &offer.supply {
        Supply::Namespace(namespace) => Some((&offer.pod, namespace.clone())),
        Supply::Sought | Supply::Wanted | Supply::Listeners { .. } => None,
    }) else {
        return Ok(None);
    };
    let bytes = Request::Add(pod.as_ref().clone()).encode()?;
    Ok(Some((pod.reference.clone(), Packet { bytes, descriptors: vec![namespace] })))
}

/// ZDS has no word for a Pod that is about to leave: the deletion itself drains.
fn release(proxy: ProxyId, roster: &mut Roster) {
    let told = roster.all_told(proxy).map(|told| told.reference.clone());
    let stopped = told.filter(|pod| roster.offer_of(pod).is_some_and(|offer| offer.wish == Wish::Stopped));
    let stopped: Vec<PodReference> = stopped.collect();
    for pod in &stopped {
        roster.answer(proxy, pod, ProxyStanding::Released);
    }
}

#[cfg(test)]
mod tests;
