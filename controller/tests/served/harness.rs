//! A controller on a free port, its files in a temporary folder, and clients for it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;
use karez_api::certificates::istio_certificate_service_client::IstioCertificateServiceClient;
use karez_api::discovery::aggregated_discovery_service_client::AggregatedDiscoveryServiceClient;
use karez_api::discovery::{DeltaDiscoveryRequest, DeltaDiscoveryResponse};
use karez_api::operator::operator_client::OperatorClient;
use karez_api::operator::{StatusReply, StatusRequest};
use karez_controller::{Controller, Settings};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Request, Status, Streaming};

pub(crate) const NODE_1: &str = "token-of-node-1";
pub(crate) const NODE_2: &str = "token-of-node-2";
pub(crate) const OPERATOR: &str = "token-of-the-operator";
const TOKENS: &str =
    "token-of-node-1 node node-1\ntoken-of-node-2 node node-2\ntoken-of-the-operator operator\n";
/// No test waits longer for anything.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Scene {
    folder: TempDir,
    controller: Option<Controller>,
    flags: Vec<String>,
}

/// A Pod of the service account of its name.
pub(crate) fn pod(name: &str, node: &str, address: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: shop}}\n\
         spec: {{nodeName: {node}, serviceAccountName: {name}}}\nstatus: {{phase: Running, podIP: {address}}}\n---\n"
    )
}

pub(crate) const NAMESPACE: &str =
    "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {karez.dev/mesh: enabled}}\n---\n";

/// Writes a file that its owner alone may read, as the controller wants of tokens.
pub(crate) fn write_private(path: &Path, text: &str) {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::OpenOptions::new();
    let file = options.create(true).write(true).truncate(true).mode(0o600).open(path);
    file.unwrap().write_all(text.as_bytes()).unwrap();
}

impl Scene {
    /// With one file of manifests.
    pub(crate) async fn new(manifest: &str, flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("manifests")).unwrap();
        write_private(&folder.path().join("tokens"), TOKENS);
        let flags = flags.iter().map(ToString::to_string).collect();
        let mut scene = Self { folder, controller: None, flags };
        scene.write("shop.yaml", manifest);
        scene.start_on(0).await;
        scene
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, file: &str, manifest: &str) {
        std::fs::write(self.path("manifests").join(file), manifest).unwrap();
    }

    pub(crate) async fn start_on(&mut self, port: u16) {
        let path = |name| self.path(name).display().to_string();
        let fixed = [
            "karez-controller".to_owned(),
            format!("--manifests={}", path("manifests")),
            format!("--state-dir={}", path("state")),
            format!("--tokens={}", path("tokens")),
            format!("--listen=127.0.0.1:{port}"),
            "--metrics-listen=127.0.0.1:0".to_owned(),
        ];
        let settings = Settings::parse_from(fixed.iter().chain(&self.flags));
        let controller = Controller::start(settings, 1024).await.unwrap();
        within(controller.ready()).await;
        self.controller = Some(controller);
    }

    pub(crate) async fn stop(&mut self) {
        within(self.controller.take().unwrap().stop()).await;
    }

    pub(crate) async fn restart(&mut self) {
        self.stop().await;
        self.start_on(0).await;
    }

    pub(crate) fn controller(&self) -> &Controller {
        self.controller.as_ref().unwrap()
    }

    /// A new connection, trusted by `root.pem` as it is now.
    pub(crate) async fn channel(&self) -> Channel {
        let ca = std::fs::read(self.path("state/root.pem")).unwrap();
        let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ca));
        let url = format!("https://localhost:{}", self.controller().address().port());
        within(Endpoint::from_shared(url).unwrap().tls_config(tls).unwrap().connect()).await.unwrap()
    }

    pub(crate) async fn discovery(&self, token: &str) -> Result<DiscoveryStream, Status> {
        let (requests, sent) = mpsc::channel(16);
        let mut client = AggregatedDiscoveryServiceClient::new(self.channel().await);
        let request = authorized(ReceiverStream::new(sent), token);
        let responses = within(client.delta_aggregated_resources(request)).await?.into_inner();
        Ok(DiscoveryStream { requests, responses })
    }

    pub(crate) async fn certificates(&self) -> IstioCertificateServiceClient<Channel> {
        IstioCertificateServiceClient::new(self.channel().await)
    }

    pub(crate) async fn operator(&self) -> OperatorClient<Channel> {
        OperatorClient::new(self.channel().await)
    }

    pub(crate) async fn status(&self) -> StatusReply {
        let mut operator = self.operator().await;
        within(operator.status(authorized(StatusRequest {}, OPERATOR))).await.unwrap().into_inner()
    }

    /// Asks for the status until it is as wanted, and returns it.
    pub(crate) async fn status_when(&self, mut wanted: impl FnMut(&StatusReply) -> bool) -> StatusReply {
        let mut operator = self.operator().await;
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        let mut last = None;
        let asking = async {
            loop {
                ticks.tick().await;
                let status =
                    operator.status(authorized(StatusRequest {}, OPERATOR)).await.unwrap().into_inner();
                if wanted(&status) {
                    return status;
                }
                last = Some(status);
            }
        };
        match tokio::time::timeout(PATIENCE, asking).await {
            Ok(status) => status,
            Err(_) => panic!("the status never became as wanted: {last:#?}"),
        }
    }
}

pub(crate) async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.expect("it took too long")
}

pub(crate) fn authorized<T>(message: T, token: &str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

pub(crate) struct DiscoveryStream {
    requests: mpsc::Sender<DeltaDiscoveryRequest>,
    responses: Streaming<DeltaDiscoveryResponse>,
}

impl DiscoveryStream {
    pub(crate) async fn send(&self, request: DeltaDiscoveryRequest) {
        self.requests.send(request).await.unwrap();
    }

    /// Asks for everything of a type.
    pub(crate) async fn subscribe(&self, type_url: &str) {
        self.send(DeltaDiscoveryRequest { type_url: type_url.to_owned(), ..Default::default() }).await;
    }

    pub(crate) async fn next(&mut self) -> Result<DeltaDiscoveryResponse, Status> {
        within(self.responses.message()).await.map(|response| response.expect("the stream ended"))
    }

    /// Whether its end comes next, without an error.
    pub(crate) async fn has_ended(&mut self) -> bool {
        matches!(within(self.responses.message()).await, Ok(None))
    }

    pub(crate) async fn acknowledge(&self, response: &DeltaDiscoveryResponse) {
        self.send(answer(response)).await;
    }

    pub(crate) async fn refuse(&self, response: &DeltaDiscoveryResponse, detail: &str) {
        let error = karez_api::discovery::Status { code: 3, message: detail.to_owned() };
        self.send(DeltaDiscoveryRequest { error_detail: Some(error), ..answer(response) }).await;
    }
}

fn answer(response: &DeltaDiscoveryResponse) -> DeltaDiscoveryRequest {
    DeltaDiscoveryRequest {
        type_url: response.type_url.clone(),
        response_nonce: response.nonce.clone(),
        ..Default::default()
    }
}
