//! What there is to look at in a cluster.

use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use k8s_openapi::api::core::v1::{Namespace, Node, Pod, Service};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use karez_api::names::{label, object};

use super::backends::{self, Backend};
use crate::cluster::Cluster;
use crate::failure::Failure;

/// The kind of the mesh's settings.
pub(super) const MESHES: &str = "meshes.karez.dev";

/// The objects that the checks look at.
#[derive(Debug, Clone, Default)]
pub(super) struct Survey {
    /// The API server's version.
    pub(super) server: String,
    /// The namespace that the mesh is installed in, or is to be.
    pub(super) own_namespace: String,
    /// All namespaces.
    pub(super) namespaces: Vec<Namespace>,
    /// All nodes.
    pub(super) nodes: Vec<Node>,
    /// All Pods.
    pub(super) pods: Vec<Pod>,
    /// All Services.
    pub(super) services: Vec<Service>,
    /// Services that the API server calls.
    pub(super) backends: Vec<Backend>,
    /// All network policies.
    pub(super) policies: Vec<NetworkPolicy>,
    /// Kinds that are defined in the cluster.
    pub(super) definitions: Vec<String>,
    /// The mesh's `mtls`, where there is a Mesh that says so.
    pub(super) default_mode: Option<String>,
    /// The mesh's own, where it is installed.
    pub(super) deployments: Vec<Deployment>,
    /// The mesh's own, where it is installed.
    pub(super) daemon_sets: Vec<DaemonSet>,
    /// The metrics of each node's agent, or why it does not tell them.
    pub(super) agents: Vec<(String, Result<String, String>)>,
}

impl Survey {
    /// Reads it.
    ///
    /// # Errors
    /// When the user may not read a part of it, or the API server does not answer.
    pub(super) async fn of(cluster: &Cluster) -> Result<Self, Failure> {
        let definitions = cluster.list_all::<CustomResourceDefinition>().await?;
        let backends = backends(cluster, &definitions).await?;
        let definitions: Vec<String> = definitions.into_iter().filter_map(|it| it.metadata.name).collect();
        let default_mode = match definitions.iter().any(|name| name == MESHES) {
            true => cluster.default_mode().await?,
            false => None,
        };
        Ok(Self {
            server: cluster.version().await?,
            own_namespace: cluster.namespace().to_owned(),
            namespaces: cluster.list_all().await?,
            nodes: cluster.list_all().await?,
            pods: cluster.list_all().await?,
            services: cluster.list_all().await?,
            backends,
            policies: cluster.list_all().await?,
            definitions,
            default_mode,
            deployments: cluster.list_own().await?,
            daemon_sets: cluster.list_own().await?,
            agents: cluster.agents_metrics().await?,
        })
    }

    /// Whether a controller is deployed.
    #[must_use]
    pub(super) fn is_installed(&self) -> bool {
        self.deployments.iter().any(|it| it.metadata.name.as_deref() == Some(object::CONTROLLER))
    }

    /// Namespaces whose Pods are in the mesh unless they say otherwise.
    pub(super) fn enrolled_namespaces(&self) -> impl Iterator<Item = &str> {
        let enrolled = self.namespaces.iter().filter(|namespace| {
            let labels = namespace.metadata.labels.as_ref();
            labels.and_then(|labels| labels.get(label::MESH)).is_some_and(|value| value == "enabled")
        });
        enrolled.filter_map(|namespace| namespace.metadata.name.as_deref())
    }
}

async fn backends(
    cluster: &Cluster,
    definitions: &[CustomResourceDefinition],
) -> Result<Vec<Backend>, Failure> {
    let validating: Vec<ValidatingWebhookConfiguration> = cluster.list_all().await?;
    let mutating: Vec<MutatingWebhookConfiguration> = cluster.list_all().await?;
    let apis: Vec<APIService> = cluster.list_all().await?;
    let webhooks = validating.iter().flat_map(backends::of_validating);
    let webhooks = webhooks.chain(mutating.iter().flat_map(backends::of_mutating));
    let conversions = definitions.iter().filter_map(backends::of_definition);
    Ok(webhooks.chain(conversions).chain(apis.iter().filter_map(backends::of_api_service)).collect())
}
