//! What is kept of an enrolled Pod over a restart of the agent.

use std::net::IpAddr;
use std::path::PathBuf;

use karez_capture::marks::PodMark;
use karez_handover::listener::{Family, Listening, Role};
use karez_handover::pod::{EnrolledPod, InvalidPod, NamespaceId, PodReference, PodUid};
use serde::{Deserialize, Serialize};

/// A Pod, and how it was enrolled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The Pod.
    pub pod: EnrolledPod,
    /// Path of its network namespace.
    pub netns: PathBuf,
    /// Its listeners.
    pub openings: Openings,
    /// By what its rules know the mesh's sockets: those that a node proxy holds have it already.
    pub mark: PodMark,
    /// Whether flows older than the enrolment are closed.
    pub strict: bool,
    /// How far it is.
    pub phase: Phase,
}

/// Which listeners a Pod has: fixed when it is enrolled, because the node proxy and the kernel's queues hold them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Openings {
    /// Whether there are any for IPv6.
    pub ipv6: bool,
    /// Whether there are any for DNS, and DNS is captured.
    pub dns: bool,
}

/// A Pod's way through the mesh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Phase {
    /// It is captured.
    Enrolled,
    /// It is being taken out.
    Leaving,
}

/// Why a text is no record.
#[derive(Debug, thiserror::Error)]
pub enum InvalidRecord {
    /// Not JSON, or not of this form.
    #[error(transparent)]
    Form(#[from] serde_json::Error),
    /// Of a form that is not known.
    #[error("version {0} of the state is not known to this agent, which writes version {VERSION}")]
    Version(u32),
    /// A bad Pod.
    #[error(transparent)]
    Pod(#[from] InvalidPod),
}

const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    version: u32,
    uid: String,
    namespace: String,
    name: String,
    service_account: String,
    addresses: Vec<IpAddr>,
    netns: PathBuf,
    device: u64,
    inode: u64,
    openings: Openings,
    mark: u32,
    strict: bool,
    phase: Phase,
}

impl Record {
    /// As it is written.
    ///
    /// # Errors
    /// When the path is not UTF-8.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let EnrolledPod { reference, namespace, name, service_account, addresses } = self.pod.clone();
        serde_json::to_vec_pretty(&Written {
            version: VERSION,
            uid: reference.uid.to_string(),
            namespace: namespace.to_string(),
            name: name.to_string(),
            service_account: service_account.to_string(),
            addresses,
            netns: self.netns.clone(),
            device: reference.sandbox.device,
            inode: reference.sandbox.inode,
            openings: self.openings,
            mark: self.mark.mark().0,
            strict: self.strict,
            phase: self.phase,
        })
    }

    /// Reads what [`Record::to_json`] wrote.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn from_json(text: &[u8]) -> Result<Self, InvalidRecord> {
        let written: Written = serde_json::from_slice(text)?;
        if written.version != VERSION {
            return Err(InvalidRecord::Version(written.version));
        }
        let sandbox = NamespaceId { device: written.device, inode: written.inode };
        let reference = PodReference { uid: PodUid::new(&written.uid)?, sandbox };
        let Written { namespace, name, service_account, addresses, .. } = written;
        Ok(Self {
            pod: EnrolledPod::new(reference, &namespace, &name, &service_account, addresses)?,
            netns: written.netns,
            openings: written.openings,
            mark: PodMark::new(written.mark),
            strict: written.strict,
            phase: written.phase,
        })
    }
}

impl Openings {
    /// The listeners one by one.
    #[must_use]
    pub fn roles(&self) -> Vec<Role> {
        let families = Family::ALL.into_iter().filter(|family| self.ipv6 || *family == Family::V4);
        families.flat_map(|family| self.kinds().map(move |kind| Role { kind, family })).collect()
    }

    fn kinds(&self) -> impl Iterator<Item = Listening> + use<> {
        let dns = self.dns;
        let is_wanted = move |kind: &Listening| match kind {
            Listening::Outbound | Listening::InboundPlaintext | Listening::Hbone => true,
            Listening::DnsTcp | Listening::DnsUdp => dns,
        };
        Listening::ALL.into_iter().filter(is_wanted)
    }
}

#[cfg(test)]
pub(crate) mod tests;
