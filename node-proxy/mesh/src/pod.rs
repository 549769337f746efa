//! Pods of this node, as enrolled by their agent.

use std::net::IpAddr;
use std::sync::Arc;

use crate::object::workload::Workload;
use crate::state::Mesh;

/// An enrolled Pod: facts that hold without the controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalPod {
    /// Its uid in the mesh: see [`workload_uid`].
    pub uid: Arc<str>,
    /// Its Kubernetes namespace.
    pub namespace: Arc<str>,
    /// The node of the Pod and of this process.
    pub node: Arc<str>,
    /// The addresses of its network namespace.
    pub addresses: Vec<IpAddr>,
}

/// The mesh's uid for a Pod of `cluster`, in the form of Istio's control plane.
#[must_use]
pub fn workload_uid(cluster: &str, namespace: &str, pod: &str) -> String {
    format!("{cluster}//Pod/{namespace}/{pod}")
}

impl LocalPod {
    /// The Pod's workload in the mesh.
    ///
    /// `None` while the mesh does not know it, or knows only an earlier Pod of that name with other addresses: a
    /// StatefulSet's Pods keep their names.
    #[must_use]
    pub fn workload<'a>(&self, mesh: &'a Mesh) -> Option<&'a Arc<Workload>> {
        let workload = mesh.workload(&self.uid)?;
        let shares_address = workload.addresses.iter().any(|address| self.has(*address));
        shares_address.then_some(workload)
    }

    /// The trust domain of the Pod's identity: the mesh's, or its workload's if the mesh states none.
    ///
    /// `None` while the mesh states none and does not know the Pod: a guess would request the wrong certificate.
    #[must_use]
    pub fn trust_domain<'a>(&self, mesh: &'a Mesh) -> Option<&'a str> {
        let of_workload = || self.workload(mesh).map(|workload| workload.identity.trust_domain());
        mesh.settings().stated_trust_domain.as_deref().or_else(of_workload)
    }

    /// Whether the Pod has the address.
    #[must_use]
    pub fn has(&self, address: IpAddr) -> bool {
        let wanted = address.to_canonical();
        self.addresses.iter().any(|own| own.to_canonical() == wanted)
    }
}

#[cfg(test)]
mod tests;
