//! What translation needs to know beside the objects.

/// Settings of the translation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Names the cluster in workloads' uids and in telemetry.
    pub cluster_id: String,
    /// The namespace that Karez itself runs in, on a cluster: its node proxies are known by it.
    pub own_namespace: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { cluster_id: "Kubernetes".to_owned(), own_namespace: None }
    }
}
