//! The mesh of a cluster, as a kubeconfig reaches it: who may create tokens of the operator's service account is an operator.

mod agents;

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{ConfigMap, Pod, ServiceAccount};
use karez_api::names::{TOKEN_AUDIENCE, label, object};
use kube::api::{ListParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use kube::{Api, Client, Config, ResourceExt as _};
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use crate::failure::Failure;
use crate::settings::ClusterAccess;

/// For one request of the API server.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Agents that are asked at a time.
const AT_A_TIME: usize = 16;
/// How long an operator's token lives: the shortest that the API server grants.
const TOKEN_LIFETIME: i64 = 600;

/// The namespace of a cluster that the mesh is installed in.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    namespace: String,
}

/// What a program of the mesh reads and writes over a forwarded port.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A kind that can be listed.
pub trait Listed: kube::Resource<DynamicType = ()> + DeserializeOwned + Clone + std::fmt::Debug {}

impl<K: kube::Resource<DynamicType = ()> + DeserializeOwned + Clone + std::fmt::Debug> Listed for K {}

impl Cluster {
    /// The cluster of the kubeconfig, or the one that this process is a Pod of.
    ///
    /// # Errors
    /// When there is none, or the kubeconfig cannot be used.
    pub async fn of(access: &ClusterAccess) -> Result<Self, Failure> {
        let usage = |error: &dyn std::error::Error| {
            let causes = crate::failure::chain(error);
            Failure::Usage(format!(
                "no cluster: {causes}; give --kubeconfig or KUBECONFIG, or --controller-ca and --token-file for a controller outside of one"
            ))
        };
        let options = KubeConfigOptions { context: access.context.clone(), ..KubeConfigOptions::default() };
        let config = match &access.kubeconfig {
            Some(path) => {
                let kubeconfig = Kubeconfig::read_from(path).map_err(|error| usage(&error))?;
                Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|error| usage(&error))?
            }
            None if access.context.is_some() => {
                Config::from_kubeconfig(&options).await.map_err(|error| usage(&error))?
            }
            None => Config::infer().await.map_err(|error| usage(&error))?,
        };
        let client = Client::try_from(config).map_err(|error| usage(&error))?;
        Ok(Self { client, namespace: access.namespace.clone() })
    }

    /// The namespace that the mesh is installed in.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The name that the controller's certificate bears.
    #[must_use]
    pub fn controller_name(&self) -> String {
        format!("{}.{}.svc", object::CONTROLLER, self.namespace)
    }

    /// The controller's Pods that are ready.
    ///
    /// # Errors
    /// When there is none, or the API server does not say.
    pub async fn controllers(&self) -> Result<Vec<String>, Failure> {
        let pods = self.ready_pods(object::CONTROLLER).await?;
        let names: Vec<String> = pods.iter().map(Pod::name_any).collect();
        match names.is_empty() {
            false => Ok(names),
            true => Err(Failure::Unreachable(format!(
                "no Pod of {} in namespace {} is ready: is the mesh installed there, and if so what does kubectl -n {} get pods say?",
                object::CONTROLLER,
                self.namespace,
                self.namespace
            ))),
        }
    }

    /// The node proxy of a node.
    ///
    /// # Errors
    /// When there is none, or the API server does not say.
    pub async fn node_proxy(&self, node: &str) -> Result<String, Failure> {
        let pods = self.ready_pods(object::NODE_PROXY).await?;
        let on_node = |pod: &&Pod| pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()) == Some(node);
        pods.iter().find(on_node).map(Pod::name_any).ok_or_else(|| {
            Failure::Unreachable(format!(
                "no Pod of {} in namespace {} is ready on node {node}",
                object::NODE_PROXY,
                self.namespace
            ))
        })
    }

    /// What each agent tells Prometheus, by its node, or why it tells nothing. The API server passes the request on.
    ///
    /// # Errors
    /// When the API server does not say where agents run.
    pub async fn agents_metrics(&self) -> Result<Vec<(String, Result<String, String>)>, Failure> {
        let asked = self.ready_pods(object::AGENT).await?.into_iter().map(|pod| async move {
            let node = pod.spec.as_ref().and_then(|spec| spec.node_name.clone()).unwrap_or_default();
            (node, self.metrics(&pod).await.map_err(|failure| failure.message().to_owned()))
        });
        Ok(stream::iter(asked).buffered(AT_A_TIME).collect().await)
    }

    async fn metrics(&self, pod: &Pod) -> Result<String, Failure> {
        let (name, namespace) = (pod.name_any(), &self.namespace);
        let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
        let ports = containers.flat_map(|container| container.ports.iter().flatten());
        let port = ports.into_iter().find(|port| port.name.as_deref() == Some("metrics"));
        let port = port.ok_or_else(|| Failure::Wrong(format!("Pod {name} has no port named metrics")))?;
        let path =
            format!("/api/v1/namespaces/{namespace}/pods/{name}:{}/proxy/metrics", port.container_port);
        let request = http::Request::get(path).body(Vec::new());
        let request = request.map_err(|error| Failure::Wrong(format!("Pod {name}: {error}")))?;
        self.ask(&format!("get pods/proxy of {name}"), self.client.request_text(request)).await
    }

    async fn ready_pods(&self, program: &str) -> Result<Vec<Pod>, Failure> {
        let labels = ListParams::default().labels(&format!("{}={program}", label::APP_NAME));
        let pods: Api<Pod> = self.api();
        let listed = self.ask("list pods", pods.list(&labels)).await?;
        Ok(listed.items.into_iter().filter(is_ready).collect())
    }

    /// Every object of a kind.
    ///
    /// # Errors
    /// When the user may not list them, or the API server does not answer.
    pub async fn list_all<K: Listed>(&self) -> Result<Vec<K>, Failure> {
        let objects: Api<K> = Api::all(self.client.clone());
        let what = format!("list {}", K::plural(&()));
        Ok(self.ask(&what, objects.list(&ListParams::default())).await?.items)
    }

    /// Every object of a kind in the mesh's namespace.
    ///
    /// # Errors
    /// When the user may not list them, or the API server does not answer.
    pub async fn list_own<K>(&self) -> Result<Vec<K>, Failure>
    where
        K: Listed + kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>,
    {
        let what = format!("list {}", K::plural(&()));
        Ok(self.ask(&what, self.api::<K>().list(&ListParams::default())).await?.items)
    }

    /// What the Mesh says of peers without an identity: `strict` or `permissive`. None where it says nothing.
    ///
    /// # Errors
    /// When the user may not read it, or the API server does not answer.
    pub async fn default_mode(&self) -> Result<Option<String>, Failure> {
        let kind = GroupVersionKind::gvk("karez.dev", "v1alpha1", "Mesh");
        let meshes: Api<DynamicObject> =
            Api::all_with(self.client.clone(), &ApiResource::from_gvk_with_plural(&kind, "meshes"));
        let mesh = self.ask("get mesh default", meshes.get_opt("default")).await?;
        let mode = mesh.and_then(|mesh| mesh.data.pointer("/spec/mtls")?.as_str().map(str::to_owned));
        Ok(mode)
    }

    /// The API server's version.
    ///
    /// # Errors
    /// When it does not say.
    pub async fn version(&self) -> Result<String, Failure> {
        Ok(self.ask("get its version", self.client.apiserver_version()).await?.git_version)
    }

    /// PEM: the roots that vouch for the controller.
    ///
    /// # Errors
    /// When they are not there, or the API server does not say.
    pub async fn roots(&self) -> Result<String, Failure> {
        let config_maps: Api<ConfigMap> = self.api();
        let config_map =
            self.ask(&format!("get configmap {}", object::ROOTS), config_maps.get(object::ROOTS)).await?;
        let roots = config_map.data.and_then(|mut data| data.remove(object::ROOTS_KEY));
        roots.ok_or_else(|| {
            Failure::Wrong(format!(
                "ConfigMap {}/{} has no key {}: the leading controller writes it",
                self.namespace,
                object::ROOTS,
                object::ROOTS_KEY
            ))
        })
    }

    /// A token that makes its bearer an operator.
    ///
    /// # Errors
    /// When the user may not have one.
    pub async fn operator_token(&self) -> Result<String, Failure> {
        let accounts: Api<ServiceAccount> = self.api();
        let spec = TokenRequestSpec {
            audiences: Some(vec![TOKEN_AUDIENCE.to_owned()]),
            expiration_seconds: Some(TOKEN_LIFETIME),
            ..TokenRequestSpec::default()
        };
        let request = TokenRequest { spec: Some(spec), ..TokenRequest::default() };
        let what = format!("create serviceaccounts/token of {}", object::OPERATOR);
        let parameters = PostParams::default();
        let asking = accounts.create_token_request(object::OPERATOR, &parameters, &request);
        let answer = self.ask(&what, asking).await?;
        Ok(answer.status.and_then(|status| status.token).unwrap_or_default())
    }

    /// A connection to a port of a Pod.
    ///
    /// # Errors
    /// When the API server or the node's kubelet does not forward it.
    pub async fn forward(&self, pod: &str, port: u16) -> Result<Box<dyn Stream>, Failure> {
        let pods: Api<Pod> = self.api();
        let what = format!("create pods/portforward of {pod}");
        let mut forwarded = self.ask(&what, pods.portforward(pod, &[port])).await?;
        let stream = forwarded.take_stream(port);
        let stream = stream
            .ok_or_else(|| Failure::Unreachable(format!("port {port} of Pod {pod} is not forwarded")))?;
        Ok(Box::new(stream))
    }

    /// Objects of the mesh's namespace.
    fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    async fn ask<T>(
        &self,
        what: &str,
        request: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, Failure> {
        let namespace = &self.namespace;
        match timeout(TIMEOUT, request).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(kube::Error::Api(status))) => Err(Failure::Wrong(format!(
                "the API server refuses to {what} in namespace {namespace}: {}",
                status.message
            ))),
            Ok(Err(error)) => Err(Failure::Unreachable(format!(
                "cannot {what} in namespace {namespace}: {}",
                crate::failure::chain(&error)
            ))),
            Err(_) => Err(Failure::Unreachable(format!(
                "cannot {what}: the API server does not answer within {TIMEOUT:?}"
            ))),
        }
    }
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    pod.metadata.deletion_timestamp.is_none()
        && conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}
