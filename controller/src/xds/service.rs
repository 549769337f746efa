//! The gRPC shell around a [`Conversation`].

use std::pin::Pin;
use std::time::Duration;

use futures_util::stream::unfold;
use karez_api::discovery::aggregated_discovery_service_server::AggregatedDiscoveryService;
use karez_api::discovery::{DeltaDiscoveryRequest, DeltaDiscoveryResponse};
use karez_api::names::{SETTINGS_VERSION, metadata};
use karez_process::drain::Drain;
use tokio::time::{Sleep, sleep};
use tokio_stream::Stream;
use tonic::metadata::MetadataValue;
use tonic::{Request, Response, Status, Streaming};
use tracing::{debug, info, warn};

use super::conversation::{Conversation, Violation};
use super::visibility::Visibility;
use crate::callers::{Bearer, NodeCaller, rights, stopping};
use crate::catalog::{Reader, ResourceType};
use crate::metrics::Metrics;
use crate::nodes::{Nodes, OpenStream};

/// Serves node proxies what the catalog holds.
#[derive(Debug, Clone)]
pub struct Discovery {
    /// What there is to serve.
    pub catalog: Reader,
    /// Where streams and their progress are noted.
    pub nodes: Nodes,
    /// Ends the streams.
    pub drain: Drain,
    /// Age of a stream at which it ends, at the earliest.
    pub stream_age: Duration,
    /// Counts what is sent.
    pub metrics: Metrics,
}

#[tonic::async_trait]
impl AggregatedDiscoveryService for Discovery {
    type DeltaAggregatedResourcesStream =
        Pin<Box<dyn Stream<Item = Result<DeltaDiscoveryResponse, Status>> + Send>>;

    async fn delta_aggregated_resources(
        &self,
        request: Request<Streaming<DeltaDiscoveryRequest>>,
    ) -> Result<Response<Self::DeltaAggregatedResourcesStream>, Status> {
        let caller = Bearer::of(request.extensions())?.of_node()?;
        let visibility = rights::visibility(&caller.caller).ok_or_else(|| {
            Status::permission_denied(format!("there is nothing to discover for {}", caller.caller))
        })?;
        info!(node = caller.node, caller = %caller.caller, "connected");
        let is_node_proxy = visibility == Visibility::Mesh;
        let conversation = Conversation::new(&caller.node, visibility);
        let takes_parts = request.metadata().contains_key(metadata::TAKES_PARTS);
        let session = Session {
            conversation: if takes_parts { conversation.in_parts() } else { conversation },
            open: is_node_proxy.then(|| self.nodes.connect(&caller.node)),
            catalog: self.catalog.clone(),
            drain: self.drain.clone(),
            end: Box::pin(sleep(lifetime(self.stream_age))),
            metrics: self.metrics.clone(),
            caller,
            requests: request.into_inner(),
        };
        // The stream does its work when it is polled, which is when the connection has room for a response: a client that does
        // not read costs nothing more.
        let responses = unfold(Some(session), async |session| session?.respond().await);
        let mut response: Response<Self::DeltaAggregatedResourcesStream> = Response::new(Box::pin(responses));
        let version = MetadataValue::from_static(SETTINGS_VERSION);
        response.metadata_mut().insert(metadata::SETTINGS_VERSION, version);
        Ok(response)
    }
}

/// One stream. It ends with the client's side of it, with the token, with the controller, or at its age: else all streams would
/// stay with the replica that was there when another one was not.
struct Session {
    conversation: Conversation,
    /// Of a node proxy: how far a node is counts by it.
    open: Option<OpenStream>,
    catalog: Reader,
    drain: Drain,
    /// The stream has come of age.
    end: Pin<Box<Sleep>>,
    metrics: Metrics,
    caller: NodeCaller,
    requests: Streaming<DeltaDiscoveryRequest>,
}

impl Session {
    /// The next response with what goes on after it; or the end.
    async fn respond(mut self) -> Option<(Result<DeltaDiscoveryResponse, Status>, Option<Self>)> {
        match self.next().await {
            Ok(Some(response)) => Some((Ok(response), Some(self))),
            Ok(None) => None,
            Err(status) => {
                info!(caller = %self.caller.caller, reason = status.message(), "the stream is ended");
                Some((Err(status), None))
            }
        }
    }

    async fn next(&mut self) -> Result<Option<DeltaDiscoveryResponse>, Status> {
        loop {
            if let Some(response) = self.due() {
                return Ok(Some(response));
            }
            tokio::select! {
                request = self.requests.message() => match request {
                    Ok(Some(request)) => self.receive(request)?,
                    Ok(None) => return Ok(None),
                    Err(status) => {
                        debug!(caller = %self.caller.caller, %status, "the stream failed");
                        return Ok(None);
                    }
                },
                changed = self.catalog.changed() => changed.map_err(|_| stopping())?,
                status = self.caller.revoked() => return Err(status),
                () = &mut self.end => return Ok(None),
                () = self.drain.started() => return Err(stopping()),
            }
        }
    }

    fn receive(&mut self, request: DeltaDiscoveryRequest) -> Result<(), Status> {
        if let Some(error) = &request.error_detail {
            let detail: String = error.message.chars().take(1000).collect();
            warn!(caller = %self.caller.caller, type_url = request.type_url, detail, "the caller refused resources");
        }
        self.conversation.receive(request).map_err(|violation| refusal(&violation))
    }

    /// The next response, if there is one to be sent now. Until the catalog has been filled there is none: see [`Reader`].
    fn due(&mut self) -> Option<DeltaDiscoveryResponse> {
        let present = self.catalog.borrow_and_update().clone()?;
        let response = self.conversation.next(&present);
        if let Some(open) = &self.open {
            open.progress(self.conversation.progress());
        }
        let response = response?;
        if let Some(resource_type) = ResourceType::of_url(&response.type_url) {
            self.metrics.pushed(resource_type, response.resources.len(), response.removed_resources.len());
        }
        Some(response)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        info!(caller = %self.caller.caller, "disconnected");
    }
}

/// By a third longer at most: streams that began together do not end together, and the connection takes no more calls before.
fn lifetime(stream_age: Duration) -> Duration {
    stream_age.saturating_add(stream_age.mul_f64(fastrand::f64() / 3.0))
}

fn refusal(violation: &Violation) -> Status {
    let message = violation.to_string();
    match violation {
        Violation::OtherNode { .. } => Status::permission_denied(message),
        Violation::TooManyTypes | Violation::TooManyNames => Status::resource_exhausted(message),
    }
}
