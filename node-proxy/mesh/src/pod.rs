//! Pods of this node, as their agent enrolled them.

use std::net::IpAddr;
use std::sync::Arc;

use crate::object::workload::Workload;
use crate::state::Mesh;

/// An enrolled Pod: facts that are certain without the controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalPod {
    /// The uid that the mesh knows it by: see [`workload_uid`].
    pub uid: Arc<str>,
    /// Its Kubernetes namespace.
    pub namespace: Arc<str>,
    /// The node that both it and this process run on.
    pub node: Arc<str>,
    /// The addresses of its network namespace.
    pub addresses: Vec<IpAddr>,
}

/// The uid under which the mesh knows a Pod of `cluster`, in the form that Istio's control plane gives it.
#[must_use]
pub fn workload_uid(cluster: &str, namespace: &str, pod: &str) -> String {
    format!("{cluster}//Pod/{namespace}/{pod}")
}

impl LocalPod {
    /// The workload that the mesh knows this Pod as.
    ///
    /// `None` while the mesh has not heard of it, or has only heard of an earlier Pod of that name, which had other
    /// addresses: a StatefulSet's Pods keep their names.
    #[must_use]
    pub fn workload<'a>(&self, mesh: &'a Mesh) -> Option<&'a Arc<Workload>> {
        let workload = mesh.workload(&self.uid)?;
        let shares_address = workload.addresses.iter().any(|address| self.has(*address));
        shares_address.then_some(workload)
    }

    /// The trust domain of the Pod's identity: the mesh's, or its workload's where the mesh has stated none.
    ///
    /// `None` while the mesh has stated none and has not heard of the Pod: a guess would ask for another's certificate.
    #[must_use]
    pub fn trust_domain<'a>(&self, mesh: &'a Mesh) -> Option<&'a str> {
        let of_workload = || self.workload(mesh).map(|workload| workload.identity.trust_domain());
        mesh.settings().stated_trust_domain.as_deref().or_else(of_workload)
    }

    /// Whether the address is one of the Pod's.
    #[must_use]
    pub fn has(&self, address: IpAddr) -> bool {
        let wanted = address.to_canonical();
        self.addresses.iter().any(|own| own.to_canonical() == wanted)
    }
}

#[cfg(test)]
mod tests;
