//! Telemetry labels of a workload and a service. `None`: unknown.

use karez_api::identity::Identity;

use crate::object::service::Service;
use crate::object::workload::{Locality, OwnerKind, Workload};

/// A workload in metrics, logs and `baggage`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkloadLabels<'a> {
    /// The owning object, such as a Deployment; else the workload's own name.
    pub workload: Option<&'a str>,
    /// The kind of that object.
    pub kind: OwnerKind,
    /// The Pod's name.
    pub pod: Option<&'a str>,
    /// Its namespace.
    pub namespace: &'a str,
    /// The identity in the mesh's configuration. Prefer a certificate's, if there is one.
    pub principal: &'a Identity,
    /// The application: Istio's `canonical_service` and `app`.
    pub canonical_name: Option<&'a str>,
    /// The application's version: Istio's `canonical_revision` and `version`.
    pub canonical_revision: Option<&'a str>,
    /// Its cluster.
    pub cluster: Option<&'a str>,
    /// Its node.
    pub node: Option<&'a str>,
    /// Its region and zone.
    pub locality: &'a Locality,
}

/// A service in metrics and logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceLabels<'a> {
    /// Its full DNS name: Istio's `destination_service`.
    pub hostname: &'a str,
    /// The object's name: Istio's `destination_service_name`.
    pub name: Option<&'a str>,
    /// Its namespace.
    pub namespace: &'a str,
}

impl Workload {
    /// Its telemetry labels.
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
    /// Its telemetry labels.
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
