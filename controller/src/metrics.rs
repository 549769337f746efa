//! What the controller counts, as Prometheus reads it.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use crate::catalog::{ResourceType, Snapshot};

/// The controller's metrics. Cheap to clone: clones count together.
#[derive(Debug, Clone)]
pub struct Metrics {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    registry: Registry,
    connected_nodes: Gauge,
    pushes: Family<TypeLabel, Counter>,
    resources_sent: Family<TypeLabel, Counter>,
    resources_removed: Family<TypeLabel, Counter>,
    resources: Family<TypeLabel, Gauge>,
    problems: Gauge,
    unauthenticated: Counter,
    over_limit: Counter,
    signed: Counter,
    refused: Family<RefusalLabel, Counter>,
    root_not_after: Gauge<u64, AtomicU64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TypeLabel {
    r#type: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusalLabel {
    reason: CertificateRefusal,
}

/// Why a certificate was not signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CertificateRefusal {
    /// The caller has no node's token.
    Caller,
    /// The request cannot be read.
    Request,
    /// The node runs no live Pod of that identity.
    Identity,
    /// The node asks too often.
    Rate,
    /// The authority could not.
    Failed,
}

impl EncodeLabelValue for CertificateRefusal {
    fn encode(
        &self,
        encoder: &mut prometheus_client::encoding::LabelValueEncoder<'_>,
    ) -> Result<(), std::fmt::Error> {
        let text = match self {
            Self::Caller => "caller",
            Self::Request => "request",
            Self::Identity => "identity",
            Self::Rate => "rate",
            Self::Failed => "failed",
        };
        EncodeLabelValue::encode(&text, encoder)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All zero.
    #[must_use]
    pub fn new() -> Self {
        let mut inner = Inner {
            registry: Registry::with_prefix("karez_controller"),
            connected_nodes: Gauge::default(),
            pushes: Family::default(),
            resources_sent: Family::default(),
            resources_removed: Family::default(),
            resources: Family::default(),
            problems: Gauge::default(),
            unauthenticated: Counter::default(),
            over_limit: Counter::default(),
            signed: Counter::default(),
            refused: Family::default(),
            root_not_after: Gauge::default(),
        };
        inner.register();
        Self { inner: Arc::new(inner) }
    }

    /// A response was sent.
    pub fn pushed(&self, resource_type: ResourceType, set: usize, removed: usize) {
        let label = TypeLabel { r#type: resource_type.label() };
        self.inner.pushes.get_or_create(&label).inc();
        self.inner.resources_sent.get_or_create(&label).inc_by(set as u64);
        self.inner.resources_removed.get_or_create(&label).inc_by(removed as u64);
    }

    /// The catalog is now this.
    pub fn published(&self, present: &Snapshot) {
        for resource_type in ResourceType::ALL {
            let label = TypeLabel { r#type: resource_type.label() };
            let count = present.view(resource_type).len();
            self.inner.resources.get_or_create(&label).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// So many objects are wrong at present.
    pub fn problems(&self, count: usize) {
        self.inner.problems.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// A call was refused, because it bears no token that is known.
    pub fn call_unauthenticated(&self) {
        self.inner.unauthenticated.inc();
    }

    /// A call was refused, because as many are open with its token as may be.
    pub fn call_over_limit(&self) {
        self.inner.over_limit.inc();
    }

    /// A certificate was signed.
    pub fn certificate_signed(&self) {
        self.inner.signed.inc();
    }

    /// A certificate was not signed.
    pub fn certificate_refused(&self, reason: CertificateRefusal) {
        self.inner.refused.get_or_create(&RefusalLabel { reason }).inc();
    }

    /// The metrics in OpenMetrics' text format, with what is only known now.
    #[must_use]
    pub fn render(&self, connected_nodes: usize, root_not_after: i64) -> String {
        self.inner.connected_nodes.set(i64::try_from(connected_nodes).unwrap_or(i64::MAX));
        self.inner.root_not_after.set(u64::try_from(root_not_after).unwrap_or(0));
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut text, &self.inner.registry);
        text
    }
}

impl Inner {
    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "connected_nodes",
            "Nodes with an open discovery stream",
            self.connected_nodes.clone(),
        );
        registry.register("pushes", "Discovery responses sent", self.pushes.clone());
        registry.register("resources_sent", "Resources in discovery responses", self.resources_sent.clone());
        registry.register(
            "resources_removed",
            "Removed resources in discovery responses",
            self.resources_removed.clone(),
        );
        registry.register("resources", "Resources in the catalog", self.resources.clone());
        registry.register("problems", "Objects that are wrong at present", self.problems.clone());
        registry.register(
            "calls_unauthenticated",
            "Calls that were refused because they bore no token that is known",
            self.unauthenticated.clone(),
        );
        registry.register(
            "calls_over_limit",
            "Calls that were refused because too many were open with their token",
            self.over_limit.clone(),
        );
        registry.register("certificates_signed", "Workload certificates signed", self.signed.clone());
        registry.register(
            "certificates_refused",
            "Workload certificates that were asked for and not signed",
            self.refused.clone(),
        );
        registry.register_with_unit(
            "root_not_after",
            "When the root that signs expires, since the epoch",
            Unit::Seconds,
            self.root_not_after.clone(),
        );
    }
}

#[cfg(test)]
mod tests;
