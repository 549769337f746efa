//! The connection to the controller.
//!
//! * [`merge`] – pure: what several replicas say, as one answer

mod merge;

use std::path::Path;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use karez_api::names::{admin_port, object};
use karez_api::operator::operator_client::OperatorClient;
use karez_api::operator::{RotateRootReply, RotateRootRequest, StatusReply, StatusRequest};
use tokio::time::{error::Elapsed, timeout};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Response, Status};

use crate::cluster::Cluster;
use crate::failure::{Failure, chain};
use crate::output;
use crate::settings::{ClusterAccess, ControllerAddress, ControllerPlace};

/// For TCP.
const TCP_TIMEOUT: Duration = Duration::from_secs(5);
/// For the name, TCP and TLS. A process that is stopped still accepts connections: the kernel does it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// For one call, with all of its answer.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of a status: thousands of Pods.
const MAX_REPLY: usize = 256 << 20;

/// The controller, as an operator calls it.
#[derive(Debug, Clone)]
pub struct Controller {
    /// One for each replica that is asked: a node is connected to one of them.
    replicas: Vec<Replica>,
    authorization: MetadataValue<Ascii>,
}

#[derive(Debug, Clone)]
struct Replica {
    client: OperatorClient<Channel>,
    /// As messages call it.
    name: String,
}

impl Controller {
    /// Connects.
    ///
    /// # Errors
    /// When it cannot be found or reached, or nobody answers there that its certificates vouch for.
    pub async fn connect(address: &ControllerAddress) -> Result<Self, Failure> {
        match address.place() {
            ControllerPlace::Address { url, ca, token } => Self::at(url, ca, token).await,
            ControllerPlace::Cluster(access) => Box::pin(Self::of_cluster(access)).await,
        }
    }

    /// The one at an address.
    async fn at(url: &str, ca: &Path, token_file: &Path) -> Result<Self, Failure> {
        let ca = read("--controller-ca", ca)?;
        let authorization = authorization(token_file)?;
        let usage =
            |error: tonic::transport::Error| Failure::Usage(format!("--controller {url}: {}", chain(&error)));
        let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ca));
        let endpoint = Endpoint::from_shared(url.to_owned()).map_err(usage)?;
        // Nothing else may carry the token.
        if endpoint.uri().scheme_str() != Some("https") {
            return Err(Failure::Usage(format!("--controller {url}: expected https://HOST:PORT")));
        }
        let endpoint = endpoint.connect_timeout(TCP_TIMEOUT).tls_config(tls).map_err(usage)?;
        let connected = timeout(CONNECT_TIMEOUT, endpoint.connect()).await;
        let connected = connected.map_err(|_| {
            Failure::Unreachable(format!(
                "the controller at {url} accepts connections and does not answer within {CONNECT_TIMEOUT:?}, or its name \
                 takes that long to resolve: is karez-controller stopped, or is it another program's port?"
            ))
        })?;
        let channel = connected.map_err(|error| {
            Failure::Unreachable(format!(
                "cannot reach the controller at {url}: {}; is karez-controller running, does it know the name by its \
                 --server-name, and is --controller-ca the root.pem of its --state-dir?",
                chain(&error)
            ))
        })?;
        Ok(Self { replicas: vec![Replica::new(channel, format!("at {url}"))], authorization })
    }

    /// Every replica of a cluster that is ready and can be reached: for some time after a node has died, its replica
    /// counts as ready.
    async fn of_cluster(access: &ClusterAccess) -> Result<Self, Failure> {
        let cluster = &Cluster::of(access).await?;
        let (pods, roots, token) =
            tokio::try_join!(cluster.controllers(), cluster.roots(), cluster.operator_token())?;
        let authorization = bearer(&token).ok_or_else(|| {
            Failure::Wrong("the API server's token is none that a header can carry".to_owned())
        })?;
        let mut connected = Vec::new();
        for pod in pods {
            connected.push(Replica::forwarded(cluster, pod, &roots).await);
        }
        Ok(Self { replicas: reached(connected)?, authorization })
    }

    /// What the controller knows.
    ///
    /// # Errors
    /// When it does not answer, or not to us.
    pub async fn status(&mut self) -> Result<StatusReply, Failure> {
        let mut replies = Vec::new();
        for replica in &mut self.replicas {
            let request = request(StatusRequest {}, &self.authorization);
            let answer = timeout(CALL_TIMEOUT, replica.client.status(request)).await;
            replies.push(replica.answer(answer)?);
        }
        Ok(merge::merged(replies))
    }

    /// Begins a rotation, or lets the one that is under way go on without those that it waits for.
    ///
    /// # Errors
    /// When it does not answer, or not to us, or another rotation is under way, or none that could go on.
    pub async fn rotate(&mut self, force: bool) -> Result<RotateRootReply, Failure> {
        let replica = self.replicas.first_mut();
        let replica = replica.ok_or_else(|| Failure::Unreachable("no controller is ready".to_owned()))?;
        let request = request(RotateRootRequest { force }, &self.authorization);
        let answer = timeout(CALL_TIMEOUT, replica.client.rotate_root(request)).await;
        replica.answer(answer)
    }
}

impl Replica {
    fn new(channel: Channel, name: String) -> Self {
        let client = OperatorClient::new(channel).max_decoding_message_size(MAX_REPLY);
        Self { client, name }
    }

    /// The Pod of that name.
    async fn forwarded(cluster: &Cluster, pod: String, roots: &str) -> Result<Self, Failure> {
        let host = cluster.controller_name();
        let wrong = |error: tonic::transport::Error| {
            Failure::Unreachable(format!(
                "cannot reach the controller in Pod {pod}: {}; are the roots in ConfigMap {} those of its certificate?",
                chain(&error),
                object::ROOTS
            ))
        };
        let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(roots)).domain_name(&host);
        let url = format!("https://{host}:{}", admin_port::CONTROLLER);
        let endpoint =
            Endpoint::from_shared(url).and_then(|endpoint| endpoint.tls_config(tls)).map_err(wrong)?;
        let (forwarder, name) = (cluster.clone(), pod.clone());
        let connector = tower::service_fn(move |_| {
            let (cluster, pod) = (forwarder.clone(), name.clone());
            async move {
                let stream = cluster.forward(&pod, admin_port::CONTROLLER).await;
                stream
                    .map(TokioIo::new)
                    .map_err(|failure| std::io::Error::other(failure.message().to_owned()))
            }
        });
        let channel = timeout(CONNECT_TIMEOUT, endpoint.connect_with_connector(connector)).await;
        let channel = channel.map_err(|_| {
            Failure::Unreachable(format!(
                "the controller in Pod {pod} does not answer within {CONNECT_TIMEOUT:?}"
            ))
        })?;
        Ok(Self::new(channel.map_err(wrong)?, format!("in Pod {pod}")))
    }

    fn answer<T>(&self, answer: Result<Result<Response<T>, Status>, Elapsed>) -> Result<T, Failure> {
        let status = match answer {
            Ok(Ok(response)) => return Ok(response.into_inner()),
            Ok(Err(status)) => status,
            Err(_elapsed) => {
                return Err(Failure::Unreachable(format!(
                    "the controller {} accepts connections and does not answer within {CALL_TIMEOUT:?}: is \
                     karez-controller stopped or overloaded?",
                    self.name
                )));
            }
        };
        let message = format!("the controller {}: {}", self.name, status.message());
        Err(match status.code() {
            Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Unknown => {
                Failure::Unreachable(message)
            }
            Code::Unauthenticated | Code::PermissionDenied => Failure::Wrong(format!(
                "{message}; without a kubeconfig, --token-file must hold a token that stands as operator in the controller's tokens file"
            )),
            Code::FailedPrecondition => Failure::Wrong(status.message().to_owned()),
            _ => Failure::Wrong(message),
        })
    }
}

/// Those that were reached. Says which were not; if none was, its failure is the answer.
fn reached<T>(connected: Vec<Result<T, Failure>>) -> Result<Vec<T>, Failure> {
    let (mut reached, mut failures) = (Vec::new(), Vec::new());
    for replica in connected {
        match replica {
            Ok(replica) => reached.push(replica),
            Err(failure) => failures.push(failure),
        }
    }
    if reached.is_empty()
        && let Some(failure) = failures.pop()
    {
        return Err(failure);
    }
    for failure in failures {
        output::progress(&format!("goes on without one replica: {}", failure.message()));
    }
    Ok(reached)
}

fn authorization(file: &Path) -> Result<MetadataValue<Ascii>, Failure> {
    let text = read("--token-file", file)?;
    bearer(&String::from_utf8_lossy(&text)).ok_or_else(|| {
        Failure::Usage(format!("--token-file {}: expected a token and nothing else", file.display()))
    })
}

fn bearer(token: &str) -> Option<MetadataValue<Ascii>> {
    let token = token.trim();
    let value = format!("Bearer {token}").parse().ok().filter(|_| !token.is_empty());
    let mut value: MetadataValue<Ascii> = value?;
    // Keeps it out of debug output.
    value.set_sensitive(true);
    Some(value)
}

fn request<T>(message: T, authorization: &MetadataValue<Ascii>) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", authorization.clone());
    request
}

fn read(flag: &str, file: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(file).map_err(|error| Failure::Usage(format!("{flag} {}: {error}", file.display())))
}

#[cfg(test)]
mod tests;
