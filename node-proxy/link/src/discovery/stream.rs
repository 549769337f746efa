//! Opens the discovery stream, follows it until it ends, and opens it again.

use std::collections::BTreeMap;
use std::time::Duration;

use karez_api::discovery::aggregated_discovery_service_client::AggregatedDiscoveryServiceClient;
use karez_api::discovery::{DeltaDiscoveryRequest, DeltaDiscoveryResponse, Node};
use karez_api::names::metadata::{self, NODE_NAME};
use karez_process::backoff::Backoff;
use prost_types::value::Kind as ValueKind;
use prost_types::{Struct, Value};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::MetadataValue;
use tonic::{Response, Streaming};

use crate::controller::{CallError, ControllerClient, Settings};
use crate::discovery::served::ServedTypes;
use crate::discovery::store::{Sink, Store};

/// A restarted controller is found at once; a missing one is not hammered.
const RETRY: Backoff = Backoff::new(Duration::from_millis(10), Duration::from_secs(15));
/// One response may hold the whole mesh: Istio's limit.
const MAX_RESPONSE: usize = 200 * 1024 * 1024;
/// Answers that the controller has not read yet, the opening requests included.
const UNREAD: usize = 16;

/// Keeps `store` as the controller says, over one stream after another. Never returns; dropping it ends the stream.
pub async fn run<S: Sink>(controller: ControllerClient, mut store: Store<S>) {
    let mut failures: u32 = 0;
    loop {
        let follower = Follower { controller: &controller, store: &mut store, responses: 0 };
        let (end, responses) = follower.follow().await;
        store.close();
        failures = if responses > 0 { 0 } else { failures.saturating_add(1) };
        let delay = RETRY.delay(failures, fastrand::u64(..));
        match end {
            End::Closed => {
                tracing::info!(?delay, "the controller ended the discovery stream: opening another");
            }
            End::Failed(error) => tracing::warn!(%error, ?delay, "discovery failed: will try again"),
        }
        sleep(delay).await;
    }
}

/// How a stream ended.
enum End {
    Closed,
    Failed(CallError),
}

/// One stream.
struct Follower<'a, S: Sink> {
    controller: &'a ControllerClient,
    store: &'a mut Store<S>,
    responses: u64,
}

impl<S: Sink> Follower<'_, S> {
    /// Follows a stream to its end; also tells how many responses it brought.
    async fn follow(mut self) -> (End, u64) {
        let end = self.try_follow().await.unwrap_or_else(End::Failed);
        (end, self.responses)
    }

    async fn try_follow(&mut self) -> Result<End, CallError> {
        let (answers, requests) = mpsc::channel(UNREAD);
        for request in self.store.open(&node(self.controller.settings())) {
            // The channel is new and roomy: it takes them all.
            answers.send(request).await.ok();
        }
        let opened = self.open(requests).await?;
        let served = ServedTypes::of(opened.metadata());
        tracing::info!(controller = self.controller.settings().url, types = ?served, "discovery stream opened");
        for request in self.store.opened(served) {
            if answers.send(request).await.is_err() {
                return Ok(End::Closed);
            }
        }
        let mut responses = opened.into_inner();
        loop {
            tokio::select! {
                response = responses.message() => {
                    let Some(response) = response.map_err(|status| self.controller.failed(&status))? else {
                        return Ok(End::Closed);
                    };
                    self.responses += 1;
                    if let Some(answer) = self.store.take(response).await
                        && answers.send(answer).await.is_err()
                    {
                        return Ok(End::Closed);
                    }
                }
                () = until(self.store.patience()) => self.store.lose_patience(),
            }
        }
    }

    async fn open(
        &self,
        requests: mpsc::Receiver<DeltaDiscoveryRequest>,
    ) -> Result<Response<Streaming<DeltaDiscoveryResponse>>, CallError> {
        let mut request = self.controller.request(ReceiverStream::new(requests)).await?;
        request.metadata_mut().insert(metadata::TAKES_PARTS, MetadataValue::from_static("true"));
        let mut client = AggregatedDiscoveryServiceClient::new(self.controller.channel())
            .max_decoding_message_size(MAX_RESPONSE);
        let opened = client.delta_aggregated_resources(request).await;
        opened.map_err(|status| self.controller.failed(&status))
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Who asks. Istio's control plane reads a node proxy's kind, address, name and DNS domain out of the id, and serves it
/// only if the namespace in the domain is the token's. Karez's goes by the token.
fn node(settings: &Settings) -> Node {
    let text = |text: &str| Value { kind: Some(ValueKind::StringValue(text.to_owned())) };
    let metadata = Struct {
        fields: BTreeMap::from([
            (NODE_NAME.to_owned(), text(&settings.node)),
            ("CLUSTER_ID".to_owned(), text(&settings.cluster_id)),
        ]),
    };
    let Settings { node, namespace, .. } = settings;
    Node {
        id: format!("ztunnel~0.0.0.0~{node}.{namespace}~{namespace}.svc.cluster.local"),
        cluster: settings.cluster_id.clone(),
        metadata: Some(metadata),
    }
}
