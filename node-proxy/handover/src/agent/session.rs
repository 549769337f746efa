//! The agent's side of one node proxy's connection. Pure: it takes packets and the time, and returns packets.

mod tell;

use std::collections::{BTreeMap, VecDeque};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use karez_capture::sockets::NotTheListener;

use crate::agent::Inspect;
use crate::agent::conversation::Conversation;
use crate::agent::roster::{DesiredState, KnownPod, ProxyId, ProxyStanding, Roster, Supply};
use crate::listener::{Assembled, Assembly, Listener, Listeners, Misassembled, roles};
use crate::message::{AgentMessage, Malformed, NodeMessage, PodState};
use crate::packet::Packet;
use crate::pod::{PodReference, PodUid};

/// How long a node proxy may take to answer.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Time after a failure until the Pod is offered to the same node proxy again.
pub const OFFER_AGAIN_AFTER: Duration = Duration::from_secs(5);
/// Most Pods that a node proxy may list as carried.
const MOST_CARRIED_IN_ALL: usize = 4096;

/// One connection, from its acceptance to its end.
#[derive(Debug)]
pub(crate) struct Session {
    stage: SessionStage,
    queue: VecDeque<Packet>,
    due: BTreeMap<PodUid, Instant>,
    assembly: Option<Assembly>,
    inspect: Inspect,
}

#[derive(Debug)]
enum SessionStage {
    /// The hello is not complete.
    Greeting { carried: Vec<PodReference>, until: Instant },
    /// The hello is complete; the snapshot's Pods are being sent.
    Snapshot(ProxyId),
    /// Only changes are sent.
    Live(ProxyId),
}

/// Why the agent ends a connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// A malformed packet.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Listeners that do not belong together.
    #[error(transparent)]
    Misassembled(#[from] Misassembled),
    /// A listener that is not the Pod's.
    #[error("a descriptor that it returned for Pod {pod} is {reason}")]
    Planted {
        /// The Pod.
        pod: PodUid,
        /// The difference.
        reason: NotTheListener,
    },
    /// A valid message at the wrong time.
    #[error("{0} came out of turn")]
    OutOfTurn(&'static str),
    /// No hello came in time.
    #[error("no hello within {ANSWER_WITHIN:?}")]
    NoHello,
    /// No answer came in time.
    #[error("no answer about Pod {0} within {ANSWER_WITHIN:?}")]
    Silent(PodUid),
    /// The list exceeds its limit.
    #[error("it claims to carry more than {MOST_CARRIED_IN_ALL} Pods")]
    TooManyCarried,
}

impl Session {
    /// A connection accepted at `now`. `inspect` checks returned listeners.
    #[must_use]
    pub(crate) fn new(now: Instant, inspect: Inspect) -> Self {
        Self {
            stage: SessionStage::Greeting { carried: Vec::new(), until: now + ANSWER_WITHIN },
            queue: VecDeque::new(),
            due: BTreeMap::new(),
            assembly: None,
            inspect,
        }
    }
}

impl Conversation for Session {
    type Violation = Violation;

    fn received(&mut self, packet: Packet, roster: &mut Roster, now: Instant) -> Result<(), Violation> {
        let message = NodeMessage::decode(&packet.bytes, packet.descriptors.len())?;
        match (&self.stage, message) {
            (SessionStage::Greeting { .. }, NodeMessage::Hello { program, carried, more }) => {
                self.greeted(program, carried, more, roster, now)
            }
            (SessionStage::Greeting { .. }, _) => Err(Violation::OutOfTurn("a message before the hello")),
            (_, NodeMessage::Hello { .. }) => Err(Violation::OutOfTurn("a second hello")),
            (SessionStage::Snapshot(proxy) | SessionStage::Live(proxy), message) => {
                self.heard(*proxy, message, packet.descriptors, roster, now)
            }
        }
    }

    fn next(&mut self, roster: &mut Roster, now: Instant) -> Result<Option<Packet>, Violation> {
        self.check_due(roster, now)?;
        if self.queue.is_empty()
            && let Some(proxy) = self.proxy()
        {
            self.tell_changes(proxy, roster, now);
            self.tell_additions(proxy, roster, now);
            self.tell_end_of_snapshot(proxy, roster);
        }
        Ok(self.queue.pop_front())
    }

    fn deadline(&self) -> Option<Instant> {
        let greeting = match self.stage {
            SessionStage::Greeting { until, .. } => Some(until),
            SessionStage::Snapshot(_) | SessionStage::Live(_) => None,
        };
        self.due.values().copied().chain(greeting).min()
    }

    fn ended(&mut self, roster: &mut Roster) {
        if let Some(proxy) = self.proxy() {
            roster.leave(proxy);
        }
    }
}

impl Session {
    fn proxy(&self) -> Option<ProxyId> {
        match self.stage {
            SessionStage::Greeting { .. } => None,
            SessionStage::Snapshot(proxy) | SessionStage::Live(proxy) => Some(proxy),
        }
    }

    fn greeted(
        &mut self,
        program: String,
        further: Vec<PodReference>,
        more: bool,
        roster: &mut Roster,
        now: Instant,
    ) -> Result<(), Violation> {
        let SessionStage::Greeting { carried, .. } = &mut self.stage else {
            return Err(Violation::OutOfTurn("a second hello"));
        };
        if carried.len() + further.len() > MOST_CARRIED_IN_ALL {
            return Err(Violation::TooManyCarried);
        }
        carried.extend(further);
        if more {
            return Ok(());
        }
        let carried = std::mem::take(carried);
        let proxy = roster.join(program);
        self.stage = SessionStage::Snapshot(proxy);
        self.say(&AgentMessage::Hello);
        for pod in &carried {
            self.settle(proxy, pod, roster, now);
        }
        roster.give_up_seeking(proxy);
        Ok(())
    }

    /// Decides on a Pod that the node proxy carried before it connected.
    fn settle(&mut self, proxy: ProxyId, pod: &PodReference, roster: &mut Roster, now: Instant) {
        let Some(offer) = roster.offer_of(pod) else {
            return self.remove(proxy, pod, roster, now);
        };
        match (&offer.supply, offer.desired) {
            (_, DesiredState::Stopped) => self.stop(proxy, pod, roster),
            (Supply::Listeners { handed: true, .. } | Supply::Namespace(_), DesiredState::Carried) => {
                self.keep(proxy, pod, roster, now);
            }
            // Nobody else serves its listeners; the agent's own, if any, were never served.
            (
                Supply::Sought | Supply::Wanted | Supply::Listeners { handed: false, .. },
                DesiredState::Carried,
            ) => {
                self.say(&AgentMessage::ReturnListeners(pod.clone()));
                roster.set_standing(proxy, pod, ProxyStanding::Returning);
                self.expect(pod, now);
            }
        }
    }

    fn heard(
        &mut self,
        proxy: ProxyId,
        message: NodeMessage,
        descriptors: Vec<Arc<OwnedFd>>,
        roster: &mut Roster,
        now: Instant,
    ) -> Result<(), Violation> {
        let assembly = self.assembly.take_if(|_| !matches!(message, NodeMessage::Returned { .. }));
        if let Some(assembly) = assembly {
            return Err(assembly.interrupted().into());
        }
        match message {
            NodeMessage::Hello { .. } => return Err(Violation::OutOfTurn("a second hello")),
            NodeMessage::State { pod, state } => self.stands(proxy, &pod, state, roster, now),
            NodeMessage::Strictness { pod, strict } => roster.set_strict(&pod, strict),
            NodeMessage::Returned { pod, roles, more } => {
                let listeners = Listener::pair(roles, descriptors);
                self.returned(proxy, &pod, listeners, more, roster, now)?;
            }
        }
        Ok(())
    }

    /// Handles an answer about a Pod. An answer to an earlier message has crossed the latest, and is ignored.
    fn stands(
        &mut self,
        proxy: ProxyId,
        pod: &PodReference,
        state: PodState,
        roster: &mut Roster,
        now: Instant,
    ) {
        let Some(known) = roster.known_pod(proxy, &pod.uid).filter(|known| known.reference == *pod) else {
            return;
        };
        match (&known.standing, state) {
            (
                ProxyStanding::Offered
                | ProxyStanding::Waiting(_)
                | ProxyStanding::Carrying
                | ProxyStanding::Failed(_),
                state @ (PodState::Waiting(_) | PodState::Carrying | PodState::Failed(_)),
            ) => self.answered(proxy, pod, state, roster, now),
            (ProxyStanding::Stopping, PodState::Released | PodState::Failed(_)) => {
                roster.answer(proxy, pod, ProxyStanding::Released);
            }
            (ProxyStanding::Removing, PodState::Gone) => {
                roster.forget(proxy, pod);
                self.due.remove(&pod.uid);
            }
            (
                ProxyStanding::Returning
                | ProxyStanding::Offered
                | ProxyStanding::Waiting(_)
                | ProxyStanding::Carrying
                | ProxyStanding::Failed(_)
                | ProxyStanding::Stopping
                | ProxyStanding::Released
                | ProxyStanding::Removing,
                _,
            ) => {}
        }
    }

    fn answered(
        &mut self,
        proxy: ProxyId,
        pod: &PodReference,
        state: PodState,
        roster: &mut Roster,
        now: Instant,
    ) {
        self.due.remove(&pod.uid);
        let standing = match state {
            PodState::Waiting(reason) => ProxyStanding::Waiting(reason),
            PodState::Carrying => ProxyStanding::Carrying,
            PodState::Failed(reason) => {
                self.due.insert(pod.uid.clone(), now + OFFER_AGAIN_AFTER);
                ProxyStanding::Failed(reason)
            }
            PodState::Released | PodState::Gone => return,
        };
        roster.answer(proxy, pod, standing);
    }

    fn returned(
        &mut self,
        proxy: ProxyId,
        pod: &PodReference,
        packet: Vec<Listener>,
        more: bool,
        roster: &mut Roster,
        now: Instant,
    ) -> Result<(), Violation> {
        let asked = roster
            .known_pod(proxy, &pod.uid)
            .is_some_and(|known| known.reference == *pod && known.standing == ProxyStanding::Returning);
        if !asked {
            return Err(Violation::OutOfTurn("listeners that were not asked for"));
        }
        match Assembly::add(self.assembly.take(), pod, packet, more)? {
            Assembled::Partly(assembly) => self.assembly = Some(assembly),
            Assembled::Whole(listeners) => {
                self.check(pod, &listeners, roster)?;
                self.taken_back(proxy, pod, listeners, roster, now);
            }
        }
        Ok(())
    }

    /// The node proxy is less trusted: its successor would serve a forged socket as the Pod's.
    fn check(&self, pod: &PodReference, listeners: &Listeners, roster: &mut Roster) -> Result<(), Violation> {
        for listener in listeners.iter() {
            (self.inspect)(listener, pod.sandbox).map_err(|reason| {
                roster.supply(pod, Supply::Wanted);
                Violation::Planted { pod: pod.uid.clone(), reason }
            })?;
        }
        Ok(())
    }

    fn taken_back(
        &mut self,
        proxy: ProxyId,
        pod: &PodReference,
        listeners: Listeners,
        roster: &mut Roster,
        now: Instant,
    ) {
        self.due.remove(&pod.uid);
        let Some(offer) = roster.offer_of(pod) else {
            return self.remove(proxy, pod, roster, now);
        };
        let served_elsewhere = matches!(offer.supply, Supply::Listeners { handed: true, .. });
        if !served_elsewhere {
            if roles(&listeners) != offer.roles {
                roster.supply(pod, Supply::Wanted);
                return self.remove(proxy, pod, roster, now);
            }
            roster.supply(pod, Supply::Listeners { listeners, handed: true });
        }
        self.keep(proxy, pod, roster, now);
    }

    fn check_due(&mut self, roster: &mut Roster, now: Instant) -> Result<(), Violation> {
        if matches!(self.stage, SessionStage::Greeting { until, .. } if until <= now) {
            return Err(Violation::NoHello);
        }
        let Some(proxy) = self.proxy() else { return Ok(()) };
        let over: Vec<PodUid> =
            self.due.iter().filter(|(_, due)| **due <= now).map(|(uid, _)| uid.clone()).collect();
        for uid in over {
            self.due.remove(&uid);
            match roster.known_pod(proxy, &uid).cloned() {
                Some(KnownPod { reference, standing: ProxyStanding::Failed(_), .. }) => {
                    roster.forget(proxy, &reference);
                }
                Some(_) => return Err(Violation::Silent(uid)),
                None => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
