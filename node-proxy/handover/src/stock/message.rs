//! The messages of the second socket: requests for sockets and replies.

use prost::Message as _;

use karez_capture::sockets::{Family, Kind};

use crate::message::{
    LONGEST_REASON, MOST_DESCRIPTORS, Malformed, bounded, check_descriptors, decode, family, family_on_wire,
    reference, shortened,
};
use crate::pod::PodReference;
use crate::wire;
use crate::wire::socket_reply;

/// A node proxy's request for sockets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketRequest {
    /// Chosen by the node proxy, and repeated in the reply.
    pub id: u64,
    /// The Pod whose namespace they are in.
    pub pod: PodReference,
    /// Their purpose.
    pub kind: Kind,
    /// Their address family.
    pub family: Family,
    /// Their number: 1 to [`MOST_DESCRIPTORS`].
    pub count: usize,
}

/// The answer. Its packet carries the requested sockets, or none with a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketReply {
    /// The request's id.
    pub id: u64,
    /// Why there are no sockets.
    pub refusal: Option<Refusal>,
}

/// Why the agent refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The agent does not know the Pod in that namespace.
    #[error("the Pod is not enrolled in that namespace")]
    NotEnrolled,
    /// An unsupported kind or count.
    #[error("unsupported request: {0}")]
    BadRequest(String),
    /// The system refused.
    #[error("the agent could not open the sockets: {0}")]
    Failed(String),
}

impl SocketRequest {
    /// Encodes the message.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let kind = match self.kind {
            Kind::Outbound => wire::SocketKind::DialOutbound,
            Kind::Application => wire::SocketKind::DialApplication,
            Kind::DnsForward => wire::SocketKind::DnsForward,
            Kind::DnsReply => wire::SocketKind::DnsReply,
        };
        let request = wire::SocketRequest {
            id: self.id,
            pod: Some((&self.pod).into()),
            kind: kind.into(),
            family: family_on_wire(self.family).into(),
            // The server refuses this like any other too great count.
            count: u32::try_from(self.count).unwrap_or(u32::MAX),
        };
        request.encode_to_vec()
    }

    /// Decodes a packet that came with `descriptors` descriptors.
    ///
    /// # Errors
    /// When the packet is no request.
    pub fn decode(bytes: &[u8], descriptors: usize) -> Result<Self, Malformed> {
        let request: wire::SocketRequest = decode(bytes)?;
        check_descriptors(0, descriptors)?;
        let kind = match wire::SocketKind::try_from(request.kind) {
            Ok(wire::SocketKind::DialOutbound) => Kind::Outbound,
            Ok(wire::SocketKind::DialApplication) => Kind::Application,
            Ok(wire::SocketKind::DnsForward) => Kind::DnsForward,
            Ok(wire::SocketKind::DnsReply) => Kind::DnsReply,
            Ok(wire::SocketKind::Unspecified) | Err(_) => {
                return Err(Malformed::Number { what: "socket kind", number: request.kind });
            }
        };
        let count = usize::try_from(request.count).unwrap_or(usize::MAX);
        bounded("the number of sockets", count, MOST_DESCRIPTORS)?;
        let pod = reference(request.pod)?;
        Ok(Self { id: request.id, pod, kind, family: family(request.family)?, count })
    }
}

impl SocketReply {
    /// Encodes the message.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let (refusal, reason) = match &self.refusal {
            None => (socket_reply::Refusal::None, ""),
            Some(Refusal::NotEnrolled) => (socket_reply::Refusal::NotEnrolled, ""),
            Some(Refusal::BadRequest(reason)) => (socket_reply::Refusal::BadRequest, reason.as_str()),
            Some(Refusal::Failed(reason)) => (socket_reply::Refusal::Failed, reason.as_str()),
        };
        let reason = shortened(reason, LONGEST_REASON);
        wire::SocketReply { id: self.id, refusal: refusal.into(), reason }.encode_to_vec()
    }

    /// Decodes a packet. The caller, who knows the request, checks the number of descriptors.
    ///
    /// # Errors
    /// When the packet is no reply.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let reply: wire::SocketReply = decode(bytes)?;
        bounded("the reason", reply.reason.len(), LONGEST_REASON)?;
        let refusal = match socket_reply::Refusal::try_from(reply.refusal) {
            Ok(socket_reply::Refusal::None) => None,
            Ok(socket_reply::Refusal::NotEnrolled) => Some(Refusal::NotEnrolled),
            Ok(socket_reply::Refusal::BadRequest) => Some(Refusal::BadRequest(reply.reason)),
            Ok(socket_reply::Refusal::Failed) => Some(Refusal::Failed(reply.reason)),
            Err(_) => return Err(Malformed::Number { what: "refusal", number: reply.refusal }),
        };
        Ok(Self { id: reply.id, refusal })
    }
}

#[cfg(test)]
mod tests;
