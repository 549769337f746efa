//! Telemetry labels of a workload and a service. `None`: not known.

use karez_api::identity::Identity;

use crate::object::service::Service;
use crate::object::workload::{Locality, OwnerKind, Workload};

/// A workload in metrics, logs and `baggage`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkloadLabels<'a> {
    /// The object that owns it, such as a Deployment; else its own name.
    pub workload: Option<&'a str>,
    /// The kind of that object.
    pub kind: OwnerKind,
    /// Its own name: the Pod's.
    pub pod: Option<&'a str>,
    /// Its namespace.
    pub namespace: &'a str,
    /// Who the mesh takes it to be; what a certificate proves is better, where there is one.
    pub principal: &'a Identity,
    /// The application: Istio's `canonical_service` and `app`.
    pub canonical_name: Option<&'a str>,
    /// The application's version: Istio's `canonical_revision` and `version`.
    pub canonical_revision: Option<&'a str>,
    /// Its cluster.
    pub cluster: Option<&'a str>,
    /// Its node.
    pub node: Option<&'a str>,
    /// Where it runs.
    pub locality: &'a Locality,
}

/// A service in metrics and logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceLabels<'a> {
    /// Its full DNS name: Istio's `destination_service`.
    pub hostname: &'a str,
    /// The object's own name: Istio's `destination_service_name`.
    pub name: Option<&'a str>,
    /// Its namespace.
    pub namespace: &'a str,
}

impl Workload {
    /// What telemetry says of it.
    #[must_use]
    pub fn labels(&self) -> WorkloadLabels<'_> {
        WorkloadLabels {
            workload: known(&self.owner_name).or(known(&self.name)),
            kind: self.owner_kind,
            pod: known(&self.name),
            namespace: &self.namespace,
            principal: &self.identity,
            canonical_name: known(&self.canonical_name),
            canonical_revision: known(&self.canonical_revision),
            cluster: known(&self.cluster),
            node: known(&self.node),
            locality: &self.locality,
        }
    }
}

impl Service {
    /// What telemetry says of it.
    #[must_use]
    pub fn labels(&self) -> ServiceLabels<'_> {
        ServiceLabels {
            hostname: &self.name.hostname,
            name: known(&self.short_name),
            namespace: &self.name.namespace,
        }
    }
}

fn known(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests;
