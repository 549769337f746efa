//! Every name and number that two crates must agree on.

use std::time::Duration;

/// Ports that the mesh listens on inside an enrolled Pod's network namespace.
pub mod port {
    /// Outbound capture: connections that the application dials are redirected here.
    pub const OUTBOUND: u16 = 15001;
    /// Plaintext inbound capture.
    pub const INBOUND_PLAINTEXT: u16 = 15006;
    /// HBONE: mTLS HTTP/2 CONNECT.
    pub const HBONE: u16 = 15008;
    /// DNS capture, UDP and TCP.
    pub const DNS: u16 = 15053;
    /// The proxy's own listening ports in a Pod; dialling one through the proxy would be a loop.
    pub const RESERVED: [u16; 4] = [OUTBOUND, INBOUND_PLAINTEXT, HBONE, DNS];
}

/// Ports of the node proxy itself.
pub mod admin_port {
    /// Admin: configuration dump, loopback only.
    pub const ADMIN: u16 = 15000;
    /// Prometheus metrics.
    pub const METRICS: u16 = 15020;
    /// Readiness.
    pub const READINESS: u16 = 15021;
    /// Delta xDS and the CA, on the controller.
    pub const CONTROLLER: u16 = 15012;
}

/// Type URLs of the resources on the discovery stream.
pub mod type_url {
    /// [`crate::workload::Address`].
    pub const ADDRESS: &str = "type.googleapis.com/istio.workload.Address";
    /// [`crate::security::Authorization`].
    pub const AUTHORIZATION: &str = "type.googleapis.com/istio.security.Authorization";
    /// [`crate::settings::MeshSettings`].
    pub const MESH: &str = "type.googleapis.com/karez.settings.v1.MeshSettings";
    /// [`crate::settings::NamespaceSettings`].
    pub const NAMESPACE: &str = "type.googleapis.com/karez.settings.v1.NamespaceSettings";
    /// [`crate::node::LocalPod`].
    pub const LOCAL_POD: &str = "type.googleapis.com/karez.node.v1.LocalPod";
    /// [`crate::settings::TrustBundle`].
    pub const TRUST_BUNDLE: &str = "type.googleapis.com/karez.settings.v1.TrustBundle";
}

/// The version of [`crate::settings`] that this build speaks: the value of [`metadata::SETTINGS_VERSION`].
pub const SETTINGS_VERSION: &str = "v1";

/// Labels on Namespaces and Pods.
pub mod label {
    /// On a Namespace or Pod: `enabled` puts it in the mesh, `disabled` on a Pod keeps it out.
    pub const MESH: &str = "karez.dev/mesh";
    /// Region of a node or Pod, as Kubernetes names it.
    pub const REGION: &str = "topology.kubernetes.io/region";
    /// Zone of a node or Pod, as Kubernetes names it.
    pub const ZONE: &str = "topology.kubernetes.io/zone";
    /// Canonical name of a workload in telemetry.
    pub const APP: &str = "app";
    /// The recommended label that precedes [`APP`].
    pub const APP_NAME: &str = "app.kubernetes.io/name";
    /// Canonical revision of a workload in telemetry.
    pub const VERSION: &str = "version";
    /// The recommended label that precedes [`VERSION`].
    pub const APP_VERSION: &str = "app.kubernetes.io/version";
    /// The Service that an EndpointSlice belongs to.
    pub const SERVICE_NAME: &str = "kubernetes.io/service-name";
}

/// Annotations on Namespaces, Pods and Services.
pub mod annotation {
    /// On a Namespace: `strict` or `permissive`.
    pub const MTLS: &str = "karez.dev/mtls";
    /// On a Namespace: `tunnel` or `direct`.
    pub const SAME_NODE: &str = "karez.dev/same-node";
    /// On a mirror Pod, by its kubelet: the uid that the kubelet gave the static Pod.
    pub const STATIC_POD_UID: &str = "kubernetes.io/config.hash";
    /// On a mirror Pod, which stands for a static Pod at the API server: the static Pod's hash.
    pub const MIRROR: &str = "kubernetes.io/config.mirror";
    /// On a Namespace or Pod: see [`crate::permissive_ports`]. The Pod's own replaces its namespace's.
    pub const PERMISSIVE_PORTS: &str = "karez.dev/permissive-ports";
    /// On the controller's own Service: `true` takes every Pod out of the mesh, because it is being uninstalled.
    pub const UNINSTALLING: &str = "karez.dev/uninstalling";
}

/// Keys of gRPC metadata and of the structs inside requests.
pub mod metadata {
    /// In [`crate::certificates::IstioCertificateRequest`]: the identity that a node proxy asks for.
    pub const IMPERSONATED_IDENTITY: &str = "ImpersonatedIdentity";
    /// In [`crate::discovery::Node`]: the node's name.
    pub const NODE_NAME: &str = "NODE_NAME";
    /// In the response headers of a discovery stream: the version of [`crate::settings`] that the controller serves.
    /// Istio's control plane sends no such header, and ends a stream that asks for those types.
    pub const SETTINGS_VERSION: &str = "karez-settings-version";
    /// In the request headers of a discovery stream, with any value: the client takes what belongs together in any number of
    /// responses, and acts on none before the last. Istio's node proxy takes a type's first response for all that there is.
    pub const TAKES_PARTS: &str = "karez-takes-parts";
}

/// How often a node proxy reports to the controller of which nothing has changed: its sign of life.
pub const REPORT_INTERVAL: Duration = Duration::from_secs(30);

/// Names of Karez's own objects on a cluster, in the namespace that it is installed in.
pub mod object {
    /// ServiceAccount of the controller, and its Service.
    pub const CONTROLLER: &str = "karez-controller";
    /// ServiceAccount of the agents.
    pub const AGENT: &str = "karez-agent";
    /// ServiceAccount of the node proxies.
    pub const NODE_PROXY: &str = "karez-node";
    /// ServiceAccount whose tokens are an operator's: who may create them (`serviceaccounts/token`) is one.
    pub const OPERATOR: &str = "karez-operator";
    /// Secret with the certificate authority's state.
    pub const CA_SECRET: &str = "karez-ca";
    /// ConfigMap with the roots, under [`ROOTS_KEY`].
    pub const ROOTS: &str = "karez-roots";
    /// PEM: every root that is trusted.
    pub const ROOTS_KEY: &str = "root.pem";
    /// Lease that the leading controller holds.
    pub const LEASE: &str = "karez-controller";
}

/// Audience of the service-account tokens by which programs and operators call the controller.
pub const TOKEN_AUDIENCE: &str = "karez";

/// API group of Karez's own kinds.
pub const GROUP: &str = "karez.dev";

/// API group and version of Karez's own kinds.
pub const API_VERSION: &str = "karez.dev/v1alpha1";

/// Namespace of the Services that stand in the way of addresses to which claims conflict.
pub const CONTESTED_ADDRESSES: &str = "karez-contested-addresses";

/// Name of the policy, in the namespace that it covers, by which strict mode refuses peers without an identity: the form
/// in which Istio's own control plane tells its node proxies.
pub const STRICT_POLICY: &str = "karez-strict-mtls";
