//! The connection to the controller.

use std::path::Path;
use std::time::Duration;

use karez_api::operator::operator_client::OperatorClient;
use karez_api::operator::{RotateRootReply, RotateRootRequest, StatusReply, StatusRequest};
use tokio::time::{error::Elapsed, timeout};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Response, Status};

use crate::failure::Failure;
use crate::settings::ControllerAddress;

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
    client: OperatorClient<Channel>,
    authorization: MetadataValue<Ascii>,
    url: String,
}

impl Controller {
    /// Connects.
    ///
    /// # Errors
    /// When a file cannot be read, the URL is none of https, or nobody answers there that the CA file vouches for.
    pub async fn connect(address: &ControllerAddress) -> Result<Self, Failure> {
        let ca = read("--controller-ca", &address.controller_ca)?;
        let authorization = authorization(&address.token_file)?;
        let url = address.controller.clone();
        let usage =
            |error: tonic::transport::Error| Failure::Usage(format!("--controller {url}: {}", chain(&error)));
        let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ca));
        let endpoint = Endpoint::from_shared(url.clone()).map_err(usage)?;
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
        Ok(Self::over(channel, authorization, url))
    }

    fn over(channel: Channel, authorization: MetadataValue<Ascii>, url: String) -> Self {
        let client = OperatorClient::new(channel).max_decoding_message_size(MAX_REPLY);
        Self { client, authorization, url }
    }

    /// What the controller knows.
    ///
    /// # Errors
    /// When it does not answer, or not to us.
    pub async fn status(&mut self) -> Result<StatusReply, Failure> {
        let request = self.request(StatusRequest {});
        let answer = timeout(CALL_TIMEOUT, self.client.status(request)).await;
        self.answer(answer)
    }

    /// Begins a rotation, or lets the one that is under way go on without those that it waits for.
    ///
    /// # Errors
    /// When it does not answer, or not to us, or another rotation is under way, or none that could go on.
    pub async fn rotate(&mut self, force: bool) -> Result<RotateRootReply, Failure> {
        let request = self.request(RotateRootRequest { force });
        let answer = timeout(CALL_TIMEOUT, self.client.rotate_root(request)).await;
        self.answer(answer)
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", self.authorization.clone());
        request
    }

    fn answer<T>(&self, answer: Result<Result<Response<T>, Status>, Elapsed>) -> Result<T, Failure> {
        let status = match answer {
            Ok(Ok(response)) => return Ok(response.into_inner()),
            Ok(Err(status)) => status,
            Err(_elapsed) => {
                return Err(Failure::Unreachable(format!(
                    "the controller at {} accepts connections and does not answer within {CALL_TIMEOUT:?}: is \
                     karez-controller stopped or overloaded?",
                    self.url
                )));
            }
        };
        let message = format!("the controller at {}: {}", self.url, status.message());
        Err(match status.code() {
            Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Unknown => {
                Failure::Unreachable(message)
            }
            Code::Unauthenticated | Code::PermissionDenied => Failure::Wrong(format!(
                "{message}; --token-file must hold a token that stands as operator in the controller's tokens file"
            )),
            Code::FailedPrecondition => Failure::Wrong(status.message().to_owned()),
            _ => Failure::Wrong(message),
        })
    }
}

fn authorization(file: &Path) -> Result<MetadataValue<Ascii>, Failure> {
    let text = read("--token-file", file)?;
    let token = String::from_utf8_lossy(&text);
    let token = token.trim();
    let value = format!("Bearer {token}").parse().ok().filter(|_| !token.is_empty());
    let mut value: MetadataValue<Ascii> = value.ok_or_else(|| {
        Failure::Usage(format!("--token-file {}: expected a token and nothing else", file.display()))
    })?;
    // Keeps it out of debug output.
    value.set_sensitive(true);
    Ok(value)
}

fn read(flag: &str, file: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(file).map_err(|error| Failure::Usage(format!("{flag} {}: {error}", file.display())))
}

/// An error with its causes: transport errors say nothing by themselves.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    let texts = std::iter::once(error.to_string()).chain(causes.map(ToString::to_string));
    let mut texts: Vec<String> = texts.collect();
    texts.dedup();
    texts.join(": ")
}

#[cfg(test)]
mod tests;
