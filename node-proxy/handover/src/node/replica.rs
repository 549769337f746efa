//! The node proxy's side of the connection to its agent. Pure: it takes packets, and returns events and packets.
//!
//! It outlives the connection: the node proxy carries on while the agent is away. On a new connection both sides first
//! send what they have.

use std::collections::{BTreeMap, VecDeque};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use crate::listener::{Assembled, Assembly, Listener, Listeners, Misassembled, Role};
use crate::message::{AgentMessage, MOST_CARRIED, MOST_DESCRIPTORS, Malformed, NodeMessage, PodState};
use crate::packet::{Packet, parts};
use crate::pod::{EnrolledPod, PodReference, PodUid};

/// An event for the node proxy.
#[derive(Debug, Clone)]
pub enum PodEvent {
    /// The agent is connected; its Pods follow.
    Connected,
    /// Serve these listeners, and report [`PodState::Carrying`] or [`PodState::Failed`]; until then the Pod counts as
    /// [`PodState::Waiting`]. Between two for one uid there is always a [`PodEvent::Removed`].
    Added(Arc<EnrolledPod>, Listeners),
    /// Finish or close the Pod's connections, accept no new ones, then report [`PodState::Released`].
    Stopping(Arc<EnrolledPod>),
    /// Serve a stopping Pod again with the same listeners, and report as after [`PodEvent::Added`]. Its open connections
    /// go on.
    Resumed(Arc<EnrolledPod>),
    /// Close everything of the Pod, then report [`PodState::Gone`].
    Removed(Arc<EnrolledPod>),
    /// All Pods of the node are known. Comes once for each connection.
    SnapshotSent,
    /// The agent is gone. Keep carrying.
    Disconnected,
}

/// The Pods that the node proxy holds, as its agent knows them.
#[derive(Debug, Default)]
pub struct Replica {
    program: String,
    pods: BTreeMap<PodUid, HeldPod>,
    link: Option<Link>,
    events: VecDeque<PodEvent>,
}

#[derive(Debug)]
struct HeldPod {
    pod: Arc<EnrolledPod>,
    listeners: Listeners,
    stage: PodStage,
    strict: Option<bool>,
    /// Whether the agent mentioned it on this connection.
    mentioned: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum PodStage {
    /// Held, not served yet.
    Waiting(String),
    Carrying,
    /// Not served, and not reported as held.
    Failed(String),
    Stopping,
    Released,
}

/// The state of one connection.
#[derive(Debug, Default)]
struct Link {
    greeted: bool,
    snapshot_sent: bool,
    assembly: Option<Assembly>,
    queue: VecDeque<Packet>,
}

/// Why the node proxy ends a connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// A malformed packet.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Listeners that do not belong together.
    #[error(transparent)]
    Misassembled(#[from] Misassembled),
    /// A valid message at the wrong time.
    #[error("{0} came out of turn")]
    OutOfTurn(&'static str),
}

impl Replica {
    /// Holds nothing. `program` names this program for humans.
    #[must_use]
    pub fn new(program: String) -> Self {
        Self { program, ..Self::default() }
    }

    /// Starts a connection.
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

    /// Ends the connection.
    pub fn disconnected(&mut self) {
        if self.link.take().is_some() {
            self.events.push_back(PodEvent::Disconnected);
        }
    }

    /// Handles a packet of the agent.
    ///
    /// # Errors
    /// When the connection must end.
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

    /// The next packet to send, if any.
    pub fn next_packet(&mut self) -> Option<Packet> {
        self.link.as_mut()?.queue.pop_front()
    }

    /// The next event for the node proxy, if any.
    pub fn next_event(&mut self) -> Option<PodEvent> {
        self.events.pop_front()
    }

    /// Reports a Pod's state. A repeated report sends nothing.
    pub fn report(&mut self, pod: &PodReference, state: PodState) {
        if state == PodState::Gone {
            // A Pod held now under this uid was added after the one that is gone.
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

    /// Reports whether to close flows older than a Pod's enrolment. Each new connection repeats it.
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
        let held = HeldPod {
            pod: Arc::clone(&pod),
            listeners: Arc::clone(&listeners),
            stage: PodStage::Waiting(String::new()),
            strict: None,
            mentioned: true,
        };
        self.pods.insert(pod.uid().clone(), held);
        // The node proxy may have to wait for long, and the agent should not.
        self.say_state(&pod.reference, PodState::Waiting(String::new()));
        self.events.push_back(PodEvent::Added(pod, listeners));
    }

    fn kept(&mut self, pod: EnrolledPod) -> Result<(), Violation> {
        let held = self.pods.get_mut(pod.uid()).filter(|held| held.pod.reference == pod.reference);
        let held = held.ok_or(Violation::OutOfTurn("a Pod to keep that is not held"))?;
        if *held.pod != pod {
            // Begin again with the held listeners.
            let listeners = Arc::clone(&held.listeners);
            self.hold(pod, listeners);
            return Ok(());
        }
        held.mentioned = true;
        let state = match &held.stage {
            PodStage::Waiting(reason) => PodState::Waiting(reason.clone()),
            PodStage::Carrying => PodState::Carrying,
            PodStage::Failed(reason) => PodState::Failed(reason.clone()),
            PodStage::Stopping | PodStage::Released => {
                held.stage = PodStage::Waiting(String::new());
                self.events.push_back(PodEvent::Resumed(Arc::clone(&held.pod)));
                PodState::Waiting(String::new())
            }
        };
        self.say_state(&pod.reference, state);
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
    /// The stage after a report. A leaving Pod only leaves.
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
