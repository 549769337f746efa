//! What the agent tells Prometheus.

use karez_handover::enrol::PodList;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::cluster::ClusterMetrics;

/// All metrics, under the prefix `karez_agent`.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    enrolled: Gauge,
    captured: Gauge,
    uncaptured: Gauge,
    uncarried: Gauge,
}

impl Metrics {
    /// With the counters that others count in; those of a cluster where there is one.
    #[must_use]
    pub fn new(repairs: Counter, sockets: Counter, cluster: Option<&ClusterMetrics>) -> Self {
        let mut registry = Registry::with_prefix("karez_agent");
        let [enrolled, captured, uncaptured, uncarried] = std::array::from_fn(|_| Gauge::default());
        let gauges = [
            ("pods_enrolled", "Pods in the mesh, those that are leaving it included", &enrolled),
            ("pods_captured", "Pods whose traffic is redirected", &captured),
            ("pods_uncaptured", "Pods in the mesh whose traffic is not redirected", &uncaptured),
            ("pods_uncarried", "Pods in the mesh that no node proxy carries: connections wait", &uncarried),
        ];
        for (name, help, gauge) in gauges {
            registry.register(name, help, gauge.clone());
        }
        registry.register(
            "repairs",
            "Captures that somebody else had changed and that were put right",
            repairs,
        );
        registry.register("sockets_served", "Sockets opened in Pods for the node proxy", sockets);
        if let Some(cluster) = cluster {
            cluster.register(&mut registry);
        }
        Self { registry, enrolled, captured, uncaptured, uncarried }
    }

    /// The text that Prometheus reads, with the Pods as they are now.
    #[must_use]
    pub fn text(&self, pods: &PodList) -> String {
        let count = |is: fn(&karez_handover::enrol::PodStatus) -> bool| {
            i64::try_from(pods.pods.iter().filter(|pod| is(pod)).count()).unwrap_or(i64::MAX)
        };
        self.enrolled.set(count(|_| true));
        self.captured.set(count(|pod| pod.captured));
        self.uncaptured.set(count(|pod| !pod.captured));
        self.uncarried.set(count(|pod| pod.carried_by.is_empty()));
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

#[cfg(test)]
mod tests;
