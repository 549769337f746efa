//! The gRPC server.

use std::io;
use std::time::Duration;

use karez_api::certificates::istio_certificate_service_server::IstioCertificateServiceServer;
use karez_api::discovery::aggregated_discovery_service_server::AggregatedDiscoveryServiceServer;
use karez_api::operator::node_reports_server::NodeReportsServer;
use karez_api::operator::operator_server::OperatorServer;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::service::Routes;
use tonic::transport::Server;
use tracing::error;

use super::rooms::Readers;
use crate::ca::CertificateService;
use crate::callers::{Authenticator, GateLayer};
use crate::listener::Connection;
use crate::operator::{Enrolment, OperatorService, ReportService};
use crate::xds::Discovery;

/// HTTP/2 pings: a node that went without a word is noticed.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// Calls at a time on one connection. How many of a caller's are let through, on all of its connections, is the gate's to say.
const MAX_STREAMS: u32 = 128;
/// From a call's headers to the begin of its answer: a report or a certificate request comes whole in this time, or not at
/// all. A stream of discovery is answered at once, and then goes on.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of a call's headers: a token is the biggest part of them.
const MAX_HEADERS: u32 = 64 << 10;
/// Bytes of a discovery request: a node that comes back tells every resource that it holds.
const MAX_DISCOVERY_REQUEST: usize = 16 << 20;
/// Bytes of a certificate request.
const MAX_CERTIFICATE_REQUEST: usize = 64 << 10;
/// Bytes of a node's report.
const MAX_REPORT: usize = 8 << 20;

/// Serves these connections until the drain starts, and then until every call has ended. None takes calls beyond `stream_age`.
pub(super) async fn serve(
    readers: Readers,
    connections: mpsc::Receiver<io::Result<Connection>>,
    stream_age: Duration,
) {
    let drain = readers.drain.clone();
    let gate = GateLayer::new(readers.authenticator.clone(), readers.metrics.clone());
    let served = Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .timeout(CALL_TIMEOUT)
        .max_concurrent_streams(Some(MAX_STREAMS))
        .max_connection_age(stream_age)
        .http2_max_header_list_size(Some(MAX_HEADERS))
        .layer(gate)
        .add_routes(routes(readers, stream_age))
        .serve_with_incoming_shutdown(ReceiverStream::new(connections), drain.started())
        .await;
    if let Err(error) = served {
        error!(%error, "the server failed");
    }
}

fn routes(readers: Readers, stream_age: Duration) -> Routes {
    let witness = readers.witness();
    let Readers { authenticator, authority, catalog, published, nodes, metrics, drain, .. } = readers;
    let discovery = Discovery {
        catalog: catalog.clone(),
        nodes: nodes.clone(),
        drain,
        stream_age,
        metrics: metrics.clone(),
    };
    let certificates = CertificateService::new(published.clone(), authority.clone(), metrics);
    let reports = ReportService { nodes: nodes.clone() };
    let enrolment = match &authenticator {
        Authenticator::File(_) => Enrolment::ByHand,
        Authenticator::Cluster(_) => Enrolment::ByAgent,
    };
    let operator =
        OperatorService { authenticator, enrolment, nodes, catalog, published, authority, witness };
    Routes::new(
        AggregatedDiscoveryServiceServer::new(discovery).max_decoding_message_size(MAX_DISCOVERY_REQUEST),
    )
    .add_service(
        IstioCertificateServiceServer::new(certificates).max_decoding_message_size(MAX_CERTIFICATE_REQUEST),
    )
    .add_service(NodeReportsServer::new(reports).max_decoding_message_size(MAX_REPORT))
    .add_service(OperatorServer::new(operator))
}
