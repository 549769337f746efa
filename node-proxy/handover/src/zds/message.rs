//! ZDS messages, as the agent sends and reads them.

use prost::Message as _;

use crate::message::{Malformed, check_descriptors, decode};
use crate::pod::{EnrolledPod, PodUid};
use crate::zds::wire;
use crate::zds::wire::workload_request::Payload;

/// Size of the proxy's buffer, and of ours: a message must fit.
pub const LARGEST_PACKET: usize = 1024;

/// Agent to proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// A Pod to be carried; its network namespace's descriptor goes beside it.
    Add(EnrolledPod),
    /// A Pod that has left.
    Delete(PodUid),
    /// What was not added so far is gone.
    SnapshotSent,
}

/// What the agent reads as the first packet of a connection.
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

/// What the agent reads after each request: whether the proxy could, or why not.
///
/// # Errors
/// When it is not an ack.
pub fn read_ack(bytes: &[u8], descriptors: usize) -> Result<Result<(), String>, Malformed> {
    let response: wire::WorkloadResponse = decode(bytes)?;
    check_descriptors(0, descriptors)?;
    let wire::workload_response::Payload::Ack(wire::Ack { error }) =
        response.payload.ok_or(Malformed::Empty)?;
    Ok(if error.is_empty() { Ok(()) } else { Err(error) })
}

impl Request {
    /// The packet's bytes.
    ///
    /// # Errors
    /// When names are so long that the proxy could not read it.
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
