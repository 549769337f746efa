//! For tests: a real gRPC server over real TLS on a real socket, that does what the test tells it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use karez_api::certificates::istio_certificate_service_server::{
    IstioCertificateService, IstioCertificateServiceServer,
};
use karez_api::certificates::{IstioCertificateRequest, IstioCertificateResponse};
use karez_api::discovery::aggregated_discovery_service_server::{
    AggregatedDiscoveryService, AggregatedDiscoveryServiceServer,
};
use karez_api::discovery::{DeltaDiscoveryRequest, DeltaDiscoveryResponse, Resource};
use karez_api::names::{SETTINGS_VERSION, metadata};
use karez_api::operator::node_reports_server::{NodeReports, NodeReportsServer};
use karez_api::operator::{NodeReport, ReportReply};
use prost::Message;
use prost_types::Any;
use tempfile::TempDir;
use tokio::io::{DuplexStream, copy_bidirectional, duplex};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Request, Response, Status, Streaming};

use crate::authority::{Authority, Leaf};
use crate::controller::{ControllerClient, LearnedRoots, Settings};
use crate::discovery::{DiscoveryView, Kind, ResourceKind as _, ServedTypes, Store};

/// Longer than anything takes that is to happen at all.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The server, and what it was asked. Dropping it ends every connection.
pub(crate) struct FakeController {
    pub(crate) port: u16,
    pub(crate) streams: mpsc::Receiver<Session>,
    pub(crate) signings: mpsc::Receiver<(MetadataMap, IstioCertificateRequest)>,
    pub(crate) reports: mpsc::Receiver<(MetadataMap, NodeReport)>,
    tasks: JoinSet<()>,
}

/// One discovery stream, as the server sees it.
pub(crate) struct Session {
    pub(crate) metadata: MetadataMap,
    requests: mpsc::Receiver<DeltaDiscoveryRequest>,
    responses: mpsc::Sender<Result<DeltaDiscoveryResponse, Status>>,
}

impl FakeController {
    /// Karez's: listens on `port` (0: any), with a certificate of `root` and as the CA below it.
    pub(crate) async fn start(root: Arc<Authority>, port: u16) -> Self {
        Self::serving(ServedTypes::All, root, port).await
    }

    /// One that serves those types, and ends a stream that asks for others.
    pub(crate) async fn serving(types: ServedTypes, root: Arc<Authority>, port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let acceptor = TlsAcceptor::from(Arc::new(root.controller()));
        let (streams, streams_seen) = mpsc::channel(16);
        let (signings, signings_seen) = mpsc::channel(16);
        let (reports, reports_seen) = mpsc::channel(16);
        let (incoming, connections) = mpsc::channel(16);
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, acceptor, incoming));
        tasks.spawn(async move {
            tonic::transport::Server::builder()
                .add_service(AggregatedDiscoveryServiceServer::new(Discovery { types, streams }))
                .add_service(IstioCertificateServiceServer::new(Ca { root, signings }))
                .add_service(NodeReportsServer::new(Reports(reports)))
                .serve_with_incoming(ReceiverStream::new(connections))
                .await
                .unwrap();
        });
        Self { port, streams: streams_seen, signings: signings_seen, reports: reports_seen, tasks }
    }

    /// Ends it with every connection, and gives its port free.
    pub(crate) async fn stop(mut self) {
        self.tasks.shutdown().await;
    }

    pub(crate) async fn stream(&mut self) -> Session {
        timeout(PATIENCE, self.streams.recv()).await.unwrap().unwrap()
    }
}

async fn accept(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    incoming: mpsc::Sender<io::Result<DuplexStream>>,
) {
    let mut connections = JoinSet::new();
    loop {
        let (tcp, _) = listener.accept().await.unwrap();
        let (near, mut far) = duplex(64 * 1024);
        let (acceptor, incoming) = (acceptor.clone(), incoming.clone());
        connections.spawn(async move {
            // Clients that refuse the certificate are part of the tests.
            let Ok(mut tls) = acceptor.accept(tcp).await else { return };
            incoming.send(Ok(near)).await.unwrap();
            copy_bidirectional(&mut tls, &mut far).await.ok();
        });
    }
}

impl Session {
    pub(crate) async fn next(&mut self) -> DeltaDiscoveryRequest {
        timeout(PATIENCE, self.requests.recv()).await.unwrap().unwrap()
    }

    /// Sends `resources` (name, version, message) and gives the answer.
    pub(crate) async fn push<M: Message>(
        &mut self,
        type_url: &str,
        resources: &[(&str, &str, M)],
        removed: &[&str],
    ) -> DeltaDiscoveryRequest {
        let resource = |(name, version, message): &(&str, &str, M)| Resource {
            name: (*name).to_owned(),
            version: (*version).to_owned(),
            resource: Some(Any { type_url: type_url.to_owned(), value: message.encode_to_vec() }),
            aliases: Vec::new(),
        };
        let response = DeltaDiscoveryResponse {
            system_version_info: format!("{}@{type_url}", resources.len()),
            resources: resources.iter().map(resource).collect(),
            type_url: type_url.to_owned(),
            nonce: format!("nonce of {type_url}"),
            removed_resources: removed.iter().map(ToString::to_string).collect(),
        };
        self.responses.send(Ok(response)).await.unwrap();
        self.next().await
    }

    pub(crate) async fn fail(self, status: Status) {
        self.responses.send(Err(status)).await.unwrap();
    }
}

struct Discovery {
    types: ServedTypes,
    streams: mpsc::Sender<Session>,
}

#[tonic::async_trait]
impl AggregatedDiscoveryService for Discovery {
    type DeltaAggregatedResourcesStream = ReceiverStream<Result<DeltaDiscoveryResponse, Status>>;

    async fn delta_aggregated_resources(
        &self,
        request: Request<Streaming<DeltaDiscoveryRequest>>,
    ) -> Result<Response<Self::DeltaAggregatedResourcesStream>, Status> {
        let (responses, mut said) = mpsc::channel(16);
        let (asked, requests) = mpsc::channel(16);
        let metadata = request.metadata().clone();
        tokio::spawn(receive(self.types, request.into_inner(), asked, responses.clone()));
        self.streams.send(Session { metadata, requests, responses }).await.unwrap();
        let (stream, responses) = mpsc::channel(16);
        if self.types == ServedTypes::Istio {
            // Istio's control plane sends its headers with the first response.
            stream.send(said.recv().await.unwrap()).await.unwrap();
        }
        tokio::spawn(async move {
            while let Some(response) = said.recv().await {
                if stream.send(response).await.is_err() {
                    return;
                }
            }
        });
        let mut response = Response::new(ReceiverStream::new(responses));
        if self.types == ServedTypes::All {
            let version = MetadataValue::from_static(SETTINGS_VERSION);
            response.metadata_mut().insert(metadata::SETTINGS_VERSION, version);
        }
        Ok(response)
    }
}

/// Hands on what is asked for, until it is of a type that is not served.
async fn receive(
    types: ServedTypes,
    mut requests: Streaming<DeltaDiscoveryRequest>,
    asked: mpsc::Sender<DeltaDiscoveryRequest>,
    responses: mpsc::Sender<Result<DeltaDiscoveryResponse, Status>>,
) {
    while let Ok(Some(request)) = requests.message().await {
        if !Kind::served(types).any(|kind| kind.type_url() == request.type_url) {
            responses.send(Err(Status::permission_denied("not for you"))).await.ok();
            return;
        }
        if asked.send(request).await.is_err() {
            return;
        }
    }
}

struct Ca {
    root: Arc<Authority>,
    signings: mpsc::Sender<(MetadataMap, IstioCertificateRequest)>,
}

#[tonic::async_trait]
impl IstioCertificateService for Ca {
    async fn create_certificate(
        &self,
        request: Request<IstioCertificateRequest>,
    ) -> Result<Response<IstioCertificateResponse>, Status> {
        let (metadata, _, message) = request.into_parts();
        let asked = message.metadata.as_ref().and_then(|fields| fields.fields.get("ImpersonatedIdentity"));
        let Some(prost_types::value::Kind::StringValue(asked)) = asked.and_then(|value| value.kind.clone())
        else {
            return Err(Status::invalid_argument("no identity"));
        };
        let identity = asked.parse().map_err(|_| Status::invalid_argument("no SPIFFE id"))?;
        let now = std::time::SystemTime::now();
        let hour = Duration::from_secs(3600);
        let leaf = Leaf { not_before: now - hour, not_after: now + hour, ..Leaf::of(&identity) };
        let cert_chain = self.root.sign(&message.csr, &leaf);
        self.signings.send((metadata, message)).await.unwrap();
        Ok(Response::new(IstioCertificateResponse { cert_chain }))
    }
}

struct Reports(mpsc::Sender<(MetadataMap, NodeReport)>);

#[tonic::async_trait]
impl NodeReports for Reports {
    async fn report(&self, request: Request<NodeReport>) -> Result<Response<ReportReply>, Status> {
        let (metadata, _, message) = request.into_parts();
        self.0.send((metadata, message)).await.unwrap();
        Ok(Response::new(ReportReply {}))
    }
}

/// The files of a node, and the client that uses them.
pub(crate) struct NodeFiles {
    directory: TempDir,
}

impl NodeFiles {
    pub(crate) fn new(root: &Authority) -> Self {
        let files = Self { directory: tempfile::tempdir().unwrap() };
        files.write_ca(root);
        files.write_token("first");
        files
    }

    pub(crate) fn write_ca(&self, root: &Authority) {
        std::fs::write(self.ca(), root.pem()).unwrap();
    }

    pub(crate) fn write_token(&self, token: &str) {
        std::fs::write(self.token(), token).unwrap();
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    fn token(&self) -> PathBuf {
        self.directory.path().join("token")
    }

    pub(crate) fn settings(&self, port: u16) -> Settings {
        Settings {
            url: format!("https://127.0.0.1:{port}"),
            ca_file: self.ca(),
            token_file: self.token(),
            node: "n1".to_owned(),
            namespace: "karez-system".to_owned(),
            cluster_id: "Kubernetes".to_owned(),
        }
    }

    /// A client that has learned no roots.
    pub(crate) fn controller(&self, port: u16) -> ControllerClient {
        self.controller_of(port, &Store::new().1)
    }

    /// A client that learns roots from that view.
    pub(crate) fn controller_of(&self, port: u16, view: &DiscoveryView) -> ControllerClient {
        ControllerClient::new(self.settings(port), LearnedRoots::of(view)).unwrap()
    }
}
