//! The messages of the hand-over protocol and their encoding.
//!
//! Decoding checks the number of descriptors too: only a whole packet is valid.

use prost::Message as _;

use crate::listener::{Family, Listening, Role};
use crate::pod::{EnrolledPod, InvalidPod, LONGEST_NAME, PodReference};
use crate::wire;
use crate::wire::agent_message::Message as Agent;
use crate::wire::node_message::Message as Node;

/// Most bytes in a packet.
pub const LARGEST_PACKET: usize = 16 * 1024;
/// Most descriptors in a packet; the kernel's limit is 253 (`SCM_MAX_FD`).
pub const MOST_DESCRIPTORS: usize = 64;
/// Most carried Pods in one hello. Further ones go into the next.
pub const MOST_CARRIED: usize = 48;
/// Longest reason in a message, in bytes.
pub const LONGEST_REASON: usize = 1024;

const VERSION: u32 = 1;

/// Agent to node proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentMessage {
    /// The first message, after the node proxy's complete hello.
    Hello,
    /// A Pod to carry, with one descriptor for each role, in order.
    Added {
        /// The Pod.
        pod: EnrolledPod,
        /// The roles of the packet's descriptors.
        roles: Vec<Role>,
        /// Whether another packet with the same Pod's listeners follows.
        more: bool,
    },
    /// A Pod stays that the node proxy already holds.
    Kept(EnrolledPod),
    /// A Pod is leaving.
    Stopping(PodReference),
    /// A Pod has left.
    Removed(PodReference),
    /// Pods not mentioned so far are gone.
    SnapshotSent,
    /// A restarted agent wants a carried Pod's listeners.
    ReturnListeners(PodReference),
}

/// Node proxy to agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeMessage {
    /// The first message, in as many packets as the carried Pods need.
    Hello {
        /// The sender, for humans.
        program: String,
        /// Pods whose listeners it holds, at most [`MOST_CARRIED`].
        carried: Vec<PodReference>,
        /// Whether another hello with further Pods follows.
        more: bool,
    },
    /// A Pod's present state.
    State {
        /// The Pod.
        pod: PodReference,
        /// The state.
        state: PodState,
    },
    /// The answer to [`AgentMessage::ReturnListeners`]; empty if it holds none.
    Returned {
        /// The Pod.
        pod: PodReference,
        /// The roles of the packet's descriptors.
        roles: Vec<Role>,
        /// Whether another packet with the same Pod's listeners follows.
        more: bool,
    },
    /// Whether to close flows older than the enrolment.
    Strictness {
        /// The Pod.
        pod: PodReference,
        /// Whether the mode is strict.
        strict: bool,
    },
}

/// The state of a Pod in the node proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PodState {
    /// It holds the listeners and does not serve them yet, for this reason: connections wait.
    Waiting(String),
    /// It serves the listeners.
    Carrying,
    /// It does not serve them, for this reason.
    Failed(String),
    /// None of the Pod's traffic is open any more.
    Released,
    /// It holds nothing of the Pod.
    Gone,
}

/// Why a packet is no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It is not protobuf, or another message.
    #[error("not a message: {0}")]
    Encoding(String),
    /// This version does not know the message's kind.
    #[error("a message of a kind that this version does not know")]
    Empty,
    /// The peer speaks another version.
    #[error("the peer speaks version {0} of the hand-over protocol, this program speaks {VERSION}")]
    Version(u32),
    /// The Pod is invalid.
    #[error(transparent)]
    Pod(#[from] InvalidPod),
    /// An unknown enum number.
    #[error("{what} {number} does not exist")]
    Number {
        /// The enum's name.
        what: &'static str,
        /// The number.
        number: i32,
    },
    /// A text or list exceeds its limit.
    #[error("{what} is longer than {most}")]
    TooLong {
        /// Its name.
        what: &'static str,
        /// The limit.
        most: usize,
    },
    /// The number of descriptors differs from the message's.
    #[error("{found} descriptors came with a message that describes {described}")]
    Descriptors {
        /// The message's number.
        described: usize,
        /// The received number.
        found: usize,
    },
}

impl AgentMessage {
    /// Encodes the message.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let message = match self {
            Self::Hello => Agent::Hello(wire::AgentHello { version: VERSION }),
            Self::Added { pod, roles, more } => Agent::Added(wire::PodAdded {
                pod: Some(pod.into()),
                listeners: roles.iter().map(wire::Listener::from).collect(),
                more: *more,
            }),
            Self::Kept(pod) => Agent::Kept(wire::PodKept { pod: Some(pod.into()) }),
            Self::Stopping(pod) => Agent::Stopping(wire::PodStopping { pod: Some(pod.into()) }),
            Self::Removed(pod) => Agent::Removed(wire::PodRemoved { pod: Some(pod.into()) }),
            Self::SnapshotSent => Agent::SnapshotSent(wire::SnapshotSent {}),
            Self::ReturnListeners(pod) => {
                Agent::ReturnListeners(wire::ReturnListeners { pod: Some(pod.into()) })
            }
        };
        wire::AgentMessage { message: Some(message) }.encode_to_vec()
    }

    /// Decodes a packet that came with `descriptors` descriptors.
    ///
    /// # Errors
    /// When the packet is no message of this protocol.
    pub fn decode(bytes: &[u8], descriptors: usize) -> Result<Self, Malformed> {
        let message = match decode::<wire::AgentMessage>(bytes)?.message.ok_or(Malformed::Empty)? {
            Agent::Hello(hello) => {
                version(hello.version)?;
                Self::Hello
            }
            Agent::Added(added) => {
                Self::Added { pod: pod(added.pod)?, roles: roles(&added.listeners)?, more: added.more }
            }
            Agent::Kept(kept) => Self::Kept(pod(kept.pod)?),
            Agent::Stopping(stopping) => Self::Stopping(reference(stopping.pod)?),
            Agent::Removed(removed) => Self::Removed(reference(removed.pod)?),
            Agent::SnapshotSent(wire::SnapshotSent {}) => Self::SnapshotSent,
            Agent::ReturnListeners(wanted) => Self::ReturnListeners(reference(wanted.pod)?),
        };
        check_descriptors(message.descriptors(), descriptors)?;
        Ok(message)
    }

    fn descriptors(&self) -> usize {
        match self {
            Self::Added { roles, .. } => roles.len(),
            Self::Hello
            | Self::Kept(_)
            | Self::Stopping(_)
            | Self::Removed(_)
            | Self::SnapshotSent
            | Self::ReturnListeners(_) => 0,
        }
    }
}

impl NodeMessage {
    /// Encodes the message.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let message = match self {
            Self::Hello { program, carried, more } => Node::Hello(wire::NodeHello {
                version: VERSION,
                program: shortened(program, LONGEST_NAME),
                carried: carried.iter().map(wire::PodReference::from).collect(),
                more: *more,
            }),
            Self::State { pod, state } => Node::State(state_on_wire(pod, state)),
            Self::Returned { pod, roles, more } => Node::Returned(wire::ListenersReturned {
                pod: Some(pod.into()),
                listeners: roles.iter().map(wire::Listener::from).collect(),
                more: *more,
            }),
            Self::Strictness { pod, strict } => {
                Node::Strictness(wire::Strictness { pod: Some(pod.into()), strict: *strict })
            }
        };
        wire::NodeMessage { message: Some(message) }.encode_to_vec()
    }

    /// Decodes a packet that came with `descriptors` descriptors.
    ///
    /// # Errors
    /// When the packet is no message of this protocol.
    pub fn decode(bytes: &[u8], descriptors: usize) -> Result<Self, Malformed> {
        let message = match decode::<wire::NodeMessage>(bytes)?.message.ok_or(Malformed::Empty)? {
            Node::Hello(hello) => {
                version(hello.version)?;
                bounded("the hello's program", hello.program.len(), LONGEST_NAME)?;
                bounded("the hello's list of Pods", hello.carried.len(), MOST_CARRIED)?;
                let carried = hello.carried.into_iter().map(PodReference::try_from);
                Self::Hello {
                    program: hello.program,
                    carried: carried.collect::<Result<_, _>>()?,
                    more: hello.more,
                }
            }
            Node::State(state) => Self::State { pod: reference(state.pod.clone())?, state: state_of(state)? },
            Node::Returned(returned) => Self::Returned {
                pod: reference(returned.pod)?,
                roles: roles(&returned.listeners)?,
                more: returned.more,
            },
            Node::Strictness(wire::Strictness { pod, strict }) => {
                Self::Strictness { pod: reference(pod)?, strict }
            }
        };
        check_descriptors(message.descriptors(), descriptors)?;
        Ok(message)
    }

    fn descriptors(&self) -> usize {
        match self {
            Self::Returned { roles, .. } => roles.len(),
            Self::Hello { .. } | Self::State { .. } | Self::Strictness { .. } => 0,
        }
    }
}

pub(crate) fn decode<M: prost::Message + Default>(bytes: &[u8]) -> Result<M, Malformed> {
    M::decode(bytes).map_err(|error| Malformed::Encoding(error.to_string()))
}

pub(crate) fn check_descriptors(described: usize, found: usize) -> Result<(), Malformed> {
    if described == found { Ok(()) } else { Err(Malformed::Descriptors { described, found }) }
}

pub(crate) fn reference(pod: Option<wire::PodReference>) -> Result<PodReference, Malformed> {
    Ok(pod.ok_or(InvalidPod::Missing("reference"))?.try_into()?)
}

/// Cuts a text: messages for humans are shortened, not refused.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    text.get(..text.floor_char_boundary(most)).unwrap_or_default().to_owned()
}

fn pod(pod: Option<wire::Pod>) -> Result<EnrolledPod, Malformed> {
    Ok(pod.ok_or(InvalidPod::Missing("description"))?.try_into()?)
}

fn version(theirs: u32) -> Result<(), Malformed> {
    if theirs == VERSION { Ok(()) } else { Err(Malformed::Version(theirs)) }
}

pub(crate) fn bounded(what: &'static str, length: usize, most: usize) -> Result<(), Malformed> {
    if length <= most { Ok(()) } else { Err(Malformed::TooLong { what, most }) }
}

fn roles(listeners: &[wire::Listener]) -> Result<Vec<Role>, Malformed> {
    bounded("the list of listeners", listeners.len(), MOST_DESCRIPTORS)?;
    listeners.iter().map(Role::try_from).collect()
}

fn state_on_wire(pod: &PodReference, state: &PodState) -> wire::PodState {
    use wire::pod_state::State;
    let (state, reason) = match state {
        PodState::Waiting(reason) => (State::Waiting, reason.as_str()),
        PodState::Carrying => (State::Carrying, ""),
        PodState::Failed(reason) => (State::Failed, reason.as_str()),
        PodState::Released => (State::Released, ""),
        PodState::Gone => (State::Gone, ""),
    };
    wire::PodState { pod: Some(pod.into()), state: state.into(), reason: shortened(reason, LONGEST_REASON) }
}

fn state_of(state: wire::PodState) -> Result<PodState, Malformed> {
    use wire::pod_state::State;
    bounded("the reason", state.reason.len(), LONGEST_REASON)?;
    match State::try_from(state.state) {
        Ok(State::Waiting) => Ok(PodState::Waiting(state.reason)),
        Ok(State::Carrying) => Ok(PodState::Carrying),
        Ok(State::Failed) => Ok(PodState::Failed(state.reason)),
        Ok(State::Released) => Ok(PodState::Released),
        Ok(State::Gone) => Ok(PodState::Gone),
        Ok(State::Unspecified) | Err(_) => Err(Malformed::Number { what: "Pod state", number: state.state }),
    }
}

impl From<&Role> for wire::Listener {
    fn from(role: &Role) -> Self {
        let kind = match role.kind {
            Listening::Outbound => wire::ListenerKind::Outbound,
            Listening::InboundPlaintext => wire::ListenerKind::InboundPlaintext,
            Listening::Hbone => wire::ListenerKind::Hbone,
            Listening::DnsTcp => wire::ListenerKind::DnsTcp,
            Listening::DnsUdp => wire::ListenerKind::DnsUdp,
        };
        Self { kind: kind.into(), family: family_on_wire(role.family).into() }
    }
}

impl TryFrom<&wire::Listener> for Role {
    type Error = Malformed;

    fn try_from(listener: &wire::Listener) -> Result<Self, Malformed> {
        use wire::ListenerKind;
        let kind = match ListenerKind::try_from(listener.kind) {
            Ok(ListenerKind::Outbound) => Listening::Outbound,
            Ok(ListenerKind::InboundPlaintext) => Listening::InboundPlaintext,
            Ok(ListenerKind::Hbone) => Listening::Hbone,
            Ok(ListenerKind::DnsTcp) => Listening::DnsTcp,
            Ok(ListenerKind::DnsUdp) => Listening::DnsUdp,
            Ok(ListenerKind::Unspecified) | Err(_) => {
                return Err(Malformed::Number { what: "listener kind", number: listener.kind });
            }
        };
        Ok(Self { kind, family: family(listener.family)? })
    }
}

pub(crate) fn family_on_wire(family: Family) -> wire::Family {
    match family {
        Family::V4 => wire::Family::V4,
        Family::V6 => wire::Family::V6,
    }
}

pub(crate) fn family(number: i32) -> Result<Family, Malformed> {
    match wire::Family::try_from(number) {
        Ok(wire::Family::V4) => Ok(Family::V4),
        Ok(wire::Family::V6) => Ok(Family::V6),
        Ok(wire::Family::Unspecified) | Err(_) => Err(Malformed::Number { what: "address family", number }),
    }
}

#[cfg(test)]
mod tests;
