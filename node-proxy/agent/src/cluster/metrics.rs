//! What Prometheus is told of the node's Pods on Kubernetes.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Shared with the tasks that count.
#[derive(Debug, Clone, Default)]
pub struct ClusterMetrics {
    /// Pods that run and should be captured, and are not.
    pub missing: Gauge,
    /// Pods that ran uncaptured when the agent started, and were captured.
    pub repaired: Counter,
    /// Node proxies that are served.
    pub node_proxies: Gauge,
    /// Whether the CNI plugin is installed.
    pub plugin_installed: Gauge,
    /// Whether kubelet's probes are known by its cgroup.
    pub kubelet_by_cgroup: Gauge,
}

impl ClusterMetrics {
    /// Adds them to what is told.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "pods_missing",
            "Pods that run on this node, that the controller says are in the mesh and that are not captured",
            self.missing.clone(),
        );
        registry.register(
            "pods_repaired",
            "Pods that ran uncaptured when the agent started, and were captured",
            self.repaired.clone(),
        );
        registry.register(
            "node_proxies",
            "Node proxies of this node that the agent listens for",
            self.node_proxies.clone(),
        );
        registry.register(
            "cni_plugin_installed",
            "1 while the CNI plugin is installed on the node; 0 while Pods are captured only after their start",
            self.plugin_installed.clone(),
        );
        registry.register(
            "kubelet_by_cgroup",
            "1 while kubelet's probes are known by its cgroup; 0 while every process of root's passes for kubelet, or probes \
             are not exempt from strict mode",
            self.kubelet_by_cgroup.clone(),
        );
    }
}
