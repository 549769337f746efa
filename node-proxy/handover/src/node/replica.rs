//! The node proxy's side of the connection to its agent. Pure: packets go in, events and packets come out.
//!
//! It outlives the connection: what the node proxy carries goes on while the agent is away, and a new connection begins with
//! the two sides saying what each has.

use std::collections::{BTreeMap, VecDeque};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use crate::listener::{Assembled, Assembly, Listener, Listeners, Misassembled, Role};
use crate::message::{AgentMessage, MOST_CARRIED, MOST_DESCRIPTORS, Malformed, NodeMessage, PodState};
use crate::packet::{Packet, parts};
use crate::pod::{EnrolledPod, PodReference, PodUid};

/// What the node proxy has to do, or to know.
#[derive(Debug, Clone)]
pub enum PodEvent {
    /// The agent is there; its Pods follow.
    Connected,
    /// Serve these listeners, and report [`PodState::Carrying`] or [`PodState::Failed`]; it counts as
    /// [`PodState::Waiting`] until then. Between two of one uid there is always a [`PodEvent::Removed`].
    Added(Arc<EnrolledPod>, Listeners),
    /// Finish or close what the Pod has open, take nothing new, then report [`PodState::Released`].
    Stopping(Arc<EnrolledPod>),
    /// Close all that is the Pod's, then report [`PodState::Gone`].
    Removed(Arc<EnrolledPod>),
    /// All Pods of the node are known; comes once for each connection.
    SnapshotSent,
    /// The agent is gone. What is carried is carried on.
    Disconnected,
}

/// What the node proxy holds, as its agent knows it.
#[derive(Debug, Default)]
pub struct Replica {
    program: String,
    pods: BTreeMap<PodUid, Held>,
    link: Option<Link>,
    events: VecDeque<PodEvent>,
}

#[derive(Debug)]
struct Held {
    pod: Arc<EnrolledPod>,
    listeners: Listeners,
    stage: PodStage,
    strict: Option<bool>,
    /// By the agent, on this connection.
    mentioned: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum PodStage {
    /// Held, and not served yet.
    Waiting(String),
    Carrying,
    /// Not served, and not said to be held.
    Failed(String),
    Stopping,
    Released,
}

/// What belongs to one connection only.
#[derive(Debug, Default)]
struct Link {
    greeted: bool,
    snapshot_sent: bool,
    assembly: Option<Assembly>,
    queue: VecDeque<Packet>,
}

/// Why a connection is ended by the node proxy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// A bad packet.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Listeners that do not belong together.
    #[error(transparent)]
    Misassembled(#[from] Misassembled),
    /// The right message at the wrong time.
    #[error("{0} came out of turn")]
    OutOfTurn(&'static str),
}

impl Replica {
    /// Nothing held; `program` says to people who it is.
    #[must_use]
    pub fn new(program: String) -> Self {
        Self { program, ..Self::default() }
    }

    /// A connection begins.
    pub fn connected(&mut self) {
        let mut link = Link::default();
        let carried = self.pods.values().filter(|held| !matches!(held.stage, PodStage::Failed(_)));
        let carried: Vec<PodReference> = carried.map(|held| held.pod.reference.clone()).collect();
        for (part, more) in parts(&carried, MOST_CARRIED) {
            link.say(&NodeMessage::Hello { program: self.program.clone(), carried: part.to_vec(), more });
        }
        for held in self.pods.values_mut() {
            held.mentioned = false;
            if let Some(strict) = held.strict {
                link.say(&NodeMessage::Strictness { pod: held.pod.reference.clone(), strict });
            }
        }
        self.link = Some(link);
        self.events.push_back(PodEvent::Connected);
    }

    /// The connection is over.
    pub fn disconnected(&mut self) {
        if self.link.take().is_some() {
            self.events.push_back(PodEvent::Disconnected);
        }
    }

    /// Takes a packet of the agent.
    ///
    /// # Errors
    /// When the connection has to end.
    pub fn received(&mut self, packet: Packet) -> Result<(), Violation> {
        let message = AgentMessage::decode(&packet.bytes, packet.descriptors.len())?;
        let link = self.link.as_mut().ok_or(Violation::OutOfTurn("a message without a connection"))?;
        if link.greeted == matches!(message, AgentMessage::Hello) {
            return Err(Violation::OutOfTurn("a hello"));
        }
        let interrupted = link.assembly.take_if(|_| !matches!(message, AgentMessage::Added { .. }));
        if let Some(assembly) = interrupted {
            return Err(assembly.interrupted().into());
        }
        match message {
            AgentMessage::Hello => link.greeted = true,
            AgentMessage::Added { pod, roles, more } => {
                self.added(pod, Listener::pair(roles, packet.descriptors), more)?;
            }
            AgentMessage::Kept(pod) => self.kept(pod)?,
            AgentMessage::Stopping(pod) => self.stopping(&pod),
            AgentMessage::Removed(pod) => self.removed(&pod),
            AgentMessage::SnapshotSent => self.snapshot_sent()?,
            AgentMessage::ReturnListeners(pod) => self.give_back(&pod),
        }
        Ok(())
    }

    /// The next packet to send, if there is one.
    pub fn next_packet(&mut self) -> Option<Packet> {
        self.link.as_mut()?.queue.pop_front()
    }

    /// The next event for the node proxy, if there is one.
    pub fn next_event(&mut self) -> Option<PodEvent> {
        self.events.pop_front()
    }

    /// The node proxy says how a Pod now is. Saying it again says nothing.
    pub fn report(&mut self, pod: &PodReference, state: PodState) {
        if state == PodState::Gone {
            // Whatever is held now under this name was added after what is gone.
            return self.say_state(pod, state);
        }
        let Some(held) = self.pods.get_mut(&pod.uid).filter(|held| held.pod.reference == *pod) else {
            return;
        };
        let stage = held.stage.clone().reported(&state);
        if held.stage != stage {
            held.stage = stage;
            self.say_state(pod, state);
        }
    }

    /// The node proxy says whether flows older than a Pod's enrolment are to be closed. Told again on each connection.
    pub fn strictness(&mut self, pod: &PodReference, strict: bool) {
        let Some(held) = self.pods.get_mut(&pod.uid).filter(|held| held.pod.reference == *pod) else {
            return;
        };
        if held.strict != Some(strict) {
            held.strict = Some(strict);
            self.say(&NodeMessage::Strictness { pod: pod.clone(), strict });
        }
    }

    fn added(&mut self, pod: EnrolledPod, packet: Vec<Listener>, more: bool) -> Result<(), Violation> {
        let Some(link) = self.link.as_mut() else { return Ok(()) };
        match Assembly::add(link.assembly.take(), &pod.reference, packet, more)? {
            Assembled::Partly(assembly) => link.assembly = Some(assembly),
            Assembled::Whole(listeners) => self.hold(pod, listeners),
        }
        Ok(())
    }

    fn hold(&mut self, pod: EnrolledPod, listeners: Listeners) {
        self.drop_held(&pod.reference.uid.clone());
        let pod = Arc::new(pod);
        let held = Held {
            pod: Arc::clone(&pod),
            listeners: Arc::clone(&listeners),
            stage: PodStage::Waiting(String::new()),
            strict: None,
            mentioned: true,
        };
        self.pods.insert(pod.uid().clone(), held);
        // The agent is not to wait for what the node proxy may have to wait for long.
        self.say_state(&pod.reference, PodState::Waiting(String::new()));
        self.events.push_back(PodEvent::Added(pod, listeners));
    }

    fn kept(&mut self, pod: EnrolledPod) -> Result<(), Violation> {
        let held = self.pods.get_mut(pod.uid()).filter(|held| held.pod.reference == pod.reference);
        let held = held.ok_or(Violation::OutOfTurn("a Pod to keep that is not held"))?;
        let state = match &held.stage {
            PodStage::Waiting(reason) => Some(PodState::Waiting(reason.clone())),
            PodStage::Carrying => Some(PodState::Carrying),
            PodStage::Failed(reason) => Some(PodState::Failed(reason.clone())),
            PodStage::Stopping | PodStage::Released => None,
        };
        match state {
            Some(state) if *held.pod == pod => {
                held.mentioned = true;
                self.say_state(&pod.reference, state);
            }
            // It was to leave and comes back, or is described otherwise now: begin again with what is held.
            Some(_) | None => {
                let listeners = Arc::clone(&held.listeners);
                self.hold(pod, listeners);
            }
        }
        Ok(())
    }

    fn stopping(&mut self, pod: &PodReference) {
        let Some(held) = self.pods.get_mut(&pod.uid).filter(|held| held.pod.reference == *pod) else {
            return self.say_state(pod, PodState::Released);
        };
        held.mentioned = true;
        match held.stage {
            PodStage::Waiting(_) | PodStage::Carrying => {
                held.stage = PodStage::Stopping;
                self.events.push_back(PodEvent::Stopping(Arc::clone(&held.pod)));
            }
            PodStage::Stopping => {}
            PodStage::Failed(_) | PodStage::Released => self.say_state(pod, PodState::Released),
        }
    }

    fn removed(&mut self, pod: &PodReference) {
        let is_held = self.pods.get(&pod.uid).is_some_and(|held| held.pod.reference == *pod);
        if is_held {
            self.drop_held(&pod.uid);
        } else {
            self.say_state(pod, PodState::Gone);
        }
    }

    fn snapshot_sent(&mut self) -> Result<(), Violation> {
        let Some(link) = self.link.as_mut() else { return Ok(()) };
        if std::mem::replace(&mut link.snapshot_sent, true) {
            return Err(Violation::OutOfTurn("a second end of the snapshot"));
        }
        let unmentioned: Vec<PodUid> =
            self.pods.iter().filter(|(_, held)| !held.mentioned).map(|(uid, _)| uid.clone()).collect();
        for uid in &unmentioned {
            self.drop_held(uid);
        }
        self.events.push_back(PodEvent::SnapshotSent);
        Ok(())
    }

    fn give_back(&mut self, pod: &PodReference) {
        let held = self.pods.get(&pod.uid).filter(|held| held.pod.reference == *pod);
        let listeners = held.map(|held| Arc::clone(&held.listeners)).unwrap_or_default();
        let Some(link) = self.link.as_mut() else { return };
        for (part, more) in parts(&listeners, MOST_DESCRIPTORS) {
            let roles: Vec<Role> = part.iter().map(|listener| listener.role).collect();
            let message = NodeMessage::Returned { pod: pod.clone(), roles, more };
            let descriptors: Vec<Arc<OwnedFd>> =
                part.iter().map(|listener| Arc::clone(&listener.descriptor)).collect();
            link.queue.push_back(Packet { bytes: message.encode(), descriptors });
        }
    }

    fn drop_held(&mut self, uid: &PodUid) {
        if let Some(held) = self.pods.remove(uid) {
            self.events.push_back(PodEvent::Removed(held.pod));
        }
    }

    fn say_state(&mut self, pod: &PodReference, state: PodState) {
        self.say(&NodeMessage::State { pod: pod.clone(), state });
    }

    fn say(&mut self, message: &NodeMessage) {
        if let Some(link) = self.link.as_mut() {
            link.say(message);
        }
    }
}

impl PodStage {
    /// Where a report leads: a Pod that is to leave only leaves.
    fn reported(self, state: &PodState) -> Self {
        match (self, state) {
            (Self::Stopping, PodState::Released) => Self::Released,
            (leaving @ (Self::Stopping | Self::Released), _) => leaving,
            (_, PodState::Waiting(reason)) => Self::Waiting(reason.clone()),
            (_, PodState::Carrying) => Self::Carrying,
            (_, PodState::Failed(reason)) => Self::Failed(reason.clone()),
            (stage, PodState::Released | PodState::Gone) => stage,
        }
    }
}

impl Link {
    fn say(&mut self, message: &NodeMessage) {
        self.queue.push_back(Packet { bytes: message.encode(), descriptors: Vec::new() });
    }
}

#[cfg(test)]
mod tests;
