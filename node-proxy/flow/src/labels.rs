//! The label set of Istio's L4 metrics.

use std::sync::Arc;

use karez_api::identity::Identity;

use crate::endpoint::{Direction, Endpoint, Flow, Security, Service};

/// Istio's label value for unknown facts.
const UNKNOWN: &str = "unknown";

/// The labels that connections of one series share.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Labels {
    direction: Direction,
    source: Arc<Endpoint>,
    destination: Arc<Endpoint>,
    service: Option<Arc<Service>>,
    security: Security,
}

impl Labels {
    /// The labels of a connection.
    pub(crate) fn of(flow: &Flow) -> Self {
        Self {
            direction: flow.direction,
            source: Arc::clone(&flow.source.endpoint),
            destination: Arc::clone(&flow.destination.endpoint),
            service: flow.service.clone(),
            security: flow.security,
        }
    }

    /// Replaces the flow's equal parts by these, so that connections of one series share them.
    pub(crate) fn lend(&self, flow: &mut Flow) {
        flow.source.endpoint = Arc::clone(&self.source);
        flow.destination.endpoint = Arc::clone(&self.destination);
        flow.service.clone_from(&self.service);
    }

    pub(crate) fn direction(&self) -> Direction {
        self.direction
    }

    /// The same without peers: the series for connections beyond the limit of label sets.
    pub(crate) fn without_peers(&self) -> Self {
        Self {
            direction: self.direction,
            source: Arc::default(),
            destination: Arc::default(),
            service: None,
            security: self.security,
        }
    }

    /// Calls `with` with names and values, in Istio's order; `flags` is the value of `response_flags`.
    pub(crate) fn with_pairs<R>(&self, flags: &str, with: impl FnOnce(&[(&str, &str)]) -> R) -> R {
        let (source, destination) = (&self.source, &self.destination);
        let source_principal = principal(source.principal.as_ref());
        let destination_principal = principal(destination.principal.as_ref());
        let service = self.service.as_deref();
        with(&[
            ("reporter", self.direction.reporter()),
            ("source_workload", known(source.workload.as_deref())),
            ("source_canonical_service", known(source.canonical_service.as_deref())),
            ("source_canonical_revision", known(source.canonical_revision.as_deref())),
            ("source_workload_namespace", known(source.namespace.as_deref())),
            ("source_principal", &source_principal),
            ("source_app", known(source.app.as_deref())),
            ("source_version", known(source.version.as_deref())),
            ("source_cluster", known(source.cluster.as_deref())),
            ("destination_service", known(service.map(|service| &*service.hostname))),
            ("destination_service_namespace", known(service.map(|service| &*service.namespace))),
            ("destination_service_name", known(service.map(|service| &*service.name))),
            ("destination_workload", known(destination.workload.as_deref())),
            ("destination_canonical_service", known(destination.canonical_service.as_deref())),
            ("destination_canonical_revision", known(destination.canonical_revision.as_deref())),
            ("destination_workload_namespace", known(destination.namespace.as_deref())),
            ("destination_principal", &destination_principal),
            ("destination_app", known(destination.app.as_deref())),
            ("destination_version", known(destination.version.as_deref())),
            ("destination_cluster", known(destination.cluster.as_deref())),
            ("request_protocol", "tcp"),
            ("response_flags", flags),
            ("connection_security_policy", self.security.as_str()),
            ("source_region", known(source.locality.region.as_deref())),
            ("source_zone", known(source.locality.zone.as_deref())),
            ("destination_region", known(destination.locality.region.as_deref())),
            ("destination_zone", known(destination.locality.zone.as_deref())),
        ])
    }
}

fn known(value: Option<&str>) -> &str {
    value.filter(|value| !value.is_empty()).unwrap_or(UNKNOWN)
}

fn principal(identity: Option<&Identity>) -> String {
    identity.map_or_else(|| UNKNOWN.to_owned(), Identity::to_string)
}
