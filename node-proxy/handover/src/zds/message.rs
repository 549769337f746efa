//! The ZDS messages that the agent sends and reads.

use prost::Message as _;

use crate::message::{Malformed, check_descriptors, decode};
use crate::pod::{EnrolledPod, PodUid};
use crate::zds::wire;
use crate::zds::wire::workload_request::Payload;

/// Size of the proxy's buffer and ours, which a message must fit.
pub const LARGEST_PACKET: usize = 1024;

/// Agent to proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// A Pod to carry. Its network namespace's descriptor goes with it.
    Add(EnrolledPod),
    /// A Pod that has left.
    Delete(PodUid),
    /// Pods not added so far are gone.
    SnapshotSent,
}

/// Parses the first packet of a connection.
///
/// # Errors
/// When it is not the hello of version 1.
pub fn read_hello(bytes: &[u8], descriptors: usize) -> Result<(), Malformed> {
    let hello: wire::ZdsHello = decode(bytes)?;
    check_descriptors(0, descriptors)?;
    match wire::Version::try_from(hello.version) {
        Ok(wire::Version::V1) => Ok(()),
        Ok(wire::Version::NotUsed) | Err(_) => {
            Err(Malformed::Number { what: "ZDS version", number: hello.version })
        }
    }
}

/// Parses the answer to a request: success, or the proxy's error.
///
/// # Errors
/// When it is no ack.
pub fn read_ack(bytes: &[u8], descriptors: usize) -> Result<Result<(), String>, Malformed> {
    let response: wire::WorkloadResponse = decode(bytes)?;
    check_descriptors(0, descriptors)?;
    let wire::workload_response::Payload::Ack(wire::Ack { error }) =
        response.payload.ok_or(Malformed::Empty)?;
    Ok(if error.is_empty() { Ok(()) } else { Err(error) })
}

impl Request {
    /// Encodes the message.
    ///
    /// # Errors
    /// When names are too long for the proxy's buffer.
    pub fn encode(&self) -> Result<Vec<u8>, Malformed> {
        let payload = match self {
            Self::Add(pod) => Payload::Add(wire::AddWorkload {
                uid: pod.uid().as_str().to_owned(),
                workload_info: Some(wire::WorkloadInfo {
                    name: pod.name.as_ref().to_owned(),
                    namespace: pod.namespace.as_ref().to_owned(),
                    service_account: pod.service_account.as_ref().to_owned(),
                }),
            }),
            Self::Delete(uid) => Payload::Del(wire::DelWorkload { uid: uid.as_str().to_owned() }),
            Self::SnapshotSent => Payload::SnapshotSent(wire::SnapshotSent {}),
        };
        let bytes = wire::WorkloadRequest { payload: Some(payload) }.encode_to_vec();
        crate::message::bounded("the ZDS message", bytes.len(), LARGEST_PACKET)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests;
