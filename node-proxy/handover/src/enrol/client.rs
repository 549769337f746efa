//! Calls the agent's Unix HTTP socket.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use crate::enrol::{Enrolment, LARGEST_BODY, PodList, PodRequest, Problem, Removal};

/// How long the agent may take. A removal first drains the Pod's connections.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// The agent, by its socket. Each call makes a connection.
#[derive(Debug, Clone)]
pub struct Client {
    socket: PathBuf,
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens there, or we have no permission.
    #[error("cannot reach karez-agent at {}: {source}", socket.display())]
    Unreachable {
        /// The socket.
        socket: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The agent refused.
    #[error("{message}")]
    Refused {
        /// HTTP status: 404 for a Pod that is not enrolled.
        status: StatusCode,
        /// The agent's message.
        message: String,
    },
    /// The listener is no agent, or broke the connection.
    #[error("invalid answer from karez-agent at {}: {reason}", socket.display())]
    BadAnswer {
        /// The socket.
        socket: PathBuf,
        /// The fault.
        reason: String,
    },
    /// No answer within [`ANSWER_WITHIN`].
    #[error("no answer from karez-agent at {} within {ANSWER_WITHIN:?}", socket.display())]
    TimedOut {
        /// The socket.
        socket: PathBuf,
    },
}

impl Client {
    /// The agent that listens on `socket`.
    #[must_use]
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Self { socket: socket.into() }
    }

    /// Enrols a Pod, or updates it. Returns when it is captured and carried, or with the problem that prevents it.
    ///
    /// # Errors
    /// When the agent cannot be asked, or refuses.
    pub async fn add(&self, pod: &PodRequest) -> Result<Enrolment, ClientError> {
        self.call(Method::POST, "/pods", Some(pod)).await
    }

    /// Removes a Pod from the mesh. Returns when nothing is left of it.
    ///
    /// # Errors
    /// When the agent cannot be asked, or does not know the Pod.
    pub async fn remove(&self, namespace: &str, name: &str) -> Result<Removal, ClientError> {
        self.call(Method::DELETE, &format!("/pods/{namespace}/{name}"), None::<&()>).await
    }

    /// Lets all Pods of a node of Kubernetes go, and takes the CNI plugin away. Returns when nothing is left there.
    ///
    /// # Errors
    /// When the agent cannot be asked, or something is still left.
    pub async fn uninstall(&self) -> Result<Removal, ClientError> {
        self.call(Method::POST, "/uninstall", None::<&()>).await
    }

    /// All enrolled Pods.
    ///
    /// # Errors
    /// When the agent cannot be asked.
    pub async fn list(&self) -> Result<PodList, ClientError> {
        self.call(Method::GET, "/pods", None::<&()>).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<T, ClientError> {
        let body = body.map(serde_json::to_vec).transpose().map_err(|error| self.bad(&error))?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "karez-agent")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body.unwrap_or_default())))
            .map_err(|error| self.bad(&error))?;
        let timed_out = |_| ClientError::TimedOut { socket: self.socket.clone() };
        let (status, answer) =
            tokio::time::timeout(ANSWER_WITHIN, self.exchange(request)).await.map_err(timed_out)??;
        if status.is_success() {
            serde_json::from_slice(&answer).map_err(|error| self.bad(&error))
        } else {
            Err(ClientError::Refused { status, message: reason(status, &answer) })
        }
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), ClientError> {
        let unreachable = |source| ClientError::Unreachable { socket: self.socket.clone(), source };
        let stream = UnixStream::connect(self.socket()).await.map_err(unreachable)?;
        let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(|error| self.bad(&error))?;
        let exchange = async move {
            let (parts, body) = sender.send_request(request).await?.into_parts();
            Ok::<_, hyper::Error>((parts.status, Limited::new(body, LARGEST_BODY).collect().await))
        };
        // An error of the connection shows in the exchange too.
        let (exchanged, _) = tokio::join!(exchange, connection);
        let (status, body) = exchanged.map_err(|error| self.bad(&error))?;
        let body = body.map_err(|error| self.bad(error.as_ref()))?;
        Ok((status, body.to_bytes()))
    }

    fn socket(&self) -> &Path {
        &self.socket
    }

    fn bad(&self, reason: &(impl std::error::Error + ?Sized)) -> ClientError {
        ClientError::BadAnswer { socket: self.socket.clone(), reason: reason.to_string() }
    }
}

fn reason(status: StatusCode, answer: &[u8]) -> String {
    serde_json::from_slice::<Problem>(answer)
        .map_or_else(|_| format!("karez-agent answered {status}"), |problem| problem.error)
}
