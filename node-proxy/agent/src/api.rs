//! The enrol socket: HTTP over a Unix socket that root alone may use.

use std::convert::Infallible;
use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use karez_cni::message::AddReply;
use karez_handover::enrol::{Problem, Removal};
use nix::sys::stat::{Mode, fchmod};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::{UnixListener, UnixSocket, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::cluster::Uninstall;
use crate::cni::NewPods;
use crate::cni::new_pods::AddError;
use crate::enrolment::{EnrolmentHandle, RequestError};
use crate::kernel::Kernel;
use crate::pod_task::PodError;
use crate::pods::Refused;

/// Connections at a time: a burst of new Pods, each of which waits for its node proxy.
const CONNECTIONS: usize = 256;
/// Connections that wait to be accepted.
const BACKLOG: u32 = 128;
/// For the head of a request.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// For an uninstallation, within the time that its caller waits: captured connections finish first.
const GONE_WITHIN: Duration = Duration::from_secs(50);
const LOOK_EVERY: Duration = Duration::from_millis(200);
const STILL_THERE: &str =
    "the CNI plugin, some Pods or the node's rules are still there, and the agent keeps trying: ask again";
/// Bytes of a request's body: one Pod.
const LARGEST_REQUEST: usize = 64 * 1024;
/// Before accepting again after an error such as "too many open files".
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What is served.
#[derive(Debug)]
pub struct Endpoints<K: Kernel> {
    /// Enrols Pods and lets them go, for the operator.
    pub handle: EnrolmentHandle<K>,
    /// Captures Pods before they start, for the CNI plugin; None without a controller that says which.
    pub new_pods: Option<NewPods<K>>,
    /// The explicit end of it all, on Kubernetes.
    pub uninstall: Option<Uninstall>,
}

impl<K: Kernel> Clone for Endpoints<K> {
    fn clone(&self) -> Self {
        Self {
            handle: self.handle.clone(),
            new_pods: self.new_pods.clone(),
            uninstall: self.uninstall.clone(),
        }
    }
}

/// Why the socket cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {}: {source}", path.display())]
pub struct ListenError {
    path: PathBuf,
    source: io::Error,
}

/// Opens the socket, in place of one that an earlier agent left behind.
///
/// # Errors
/// When it cannot be made.
pub fn listen(path: &Path) -> Result<UnixListener, ListenError> {
    let open = || {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        // What is no socket was not left behind by an agent; binding says that it is in the way.
        if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket()) {
            fs::remove_file(path)?;
        }
        let socket = UnixSocket::new_stream()?;
        // Before it has its path, which takes the mode over: at no moment anybody else can connect.
        fchmod(&socket, Mode::S_IRUSR | Mode::S_IWUSR)?;
        socket.bind(path)?;
        socket.listen(BACKLOG)
    };
    open().map_err(|source| ListenError { path: path.to_path_buf(), source })
}

/// Serves processes of the given uid. Runs until it is dropped.
pub async fn serve<K: Kernel>(listener: UnixListener, uid: u32, endpoints: Endpoints<K>) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        // The semaphore is never closed.
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
        match next_trusted(&listener, uid).await {
            Ok(stream) => {
                let endpoints = endpoints.clone();
                connections.spawn(async move {
                    serve_connection(stream, endpoints).await;
                    drop(slot);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection on the enrol socket");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

/// The next connection of `uid`. The socket's mode keeps others out, unless somebody has changed it.
async fn next_trusted(listener: &UnixListener, uid: u32) -> io::Result<UnixStream> {
    loop {
        let (stream, _) = listener.accept().await?;
        let peer = stream.peer_cred()?.uid();
        if peer == uid {
            return Ok(stream);
        }
        tracing::debug!(
            uid = peer,
            "a connection on the enrol socket is refused: only the agent's own uid may enrol Pods"
        );
    }
}

async fn serve_connection<K: Kernel>(stream: UnixStream, endpoints: Endpoints<K>) {
    let service = service_fn(async |request| Ok::<_, Infallible>(answer(request, &endpoints).await));
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection on the enrol socket failed");
    }
}

async fn answer<K: Kernel>(request: Request<Incoming>, endpoints: &Endpoints<K>) -> Response<Full<Bytes>> {
    let Endpoints { handle, new_pods, uninstall } = endpoints;
    let (head, body) = request.into_parts();
    let segments: Vec<&str> = head.uri.path().split('/').skip(1).collect();
    match (&head.method, segments.as_slice()) {
        (&Method::POST, ["pods"]) => match read(body).await {
            Ok(pod) => outcome(handle.enrol(&pod).await),
            Err(problem) => refusal(StatusCode::BAD_REQUEST, problem),
        },
        (&Method::GET, ["pods"]) => outcome(handle.list().await),
        (&Method::DELETE, ["pods", namespace, name]) => outcome(handle.remove(namespace, name).await),
        (&Method::POST, ["cni", "add"]) => match (read(body).await, new_pods) {
            (Err(problem), _) => refusal(StatusCode::BAD_REQUEST, problem),
            (Ok(_), None) => refusal(StatusCode::NOT_FOUND, "karez-agent follows no controller".to_owned()),
            (Ok(pod), Some(new_pods)) => added(new_pods.add(&pod).await),
        },
        (&Method::POST, ["uninstall"]) => match uninstall {
            None => refusal(StatusCode::NOT_FOUND, "karez-agent follows no controller".to_owned()),
            Some(uninstall) => uninstalled(uninstall, handle).await,
        },
        (_, ["pods"] | ["pods", _, _]) => refusal(
            StatusCode::METHOD_NOT_ALLOWED,
            "POST or GET /pods, DELETE /pods/NAMESPACE/NAME".to_owned(),
        ),
        _ => refusal(
            StatusCode::NOT_FOUND,
            format!("there is no {}, only /pods, /cni/add and /uninstall", head.uri.path()),
        ),
    }
}

async fn read<T: DeserializeOwned>(body: Incoming) -> Result<T, String> {
    let body = Limited::new(body, LARGEST_REQUEST).collect().await;
    let body = body.map_err(|error| format!("the request cannot be read: {error}"))?;
    serde_json::from_slice(&body.to_bytes()).map_err(|error| format!("not a Pod: {error}"))
}

/// Waits until nothing of the mesh is left on the node, or says what is.
async fn uninstalled<K: Kernel>(uninstall: &Uninstall, handle: &EnrolmentHandle<K>) -> Response<Full<Bytes>> {
    uninstall.request().await;
    let gone = async {
        uninstall.plugin_gone().await;
        while !handle.list().await?.pods.is_empty() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        uninstall.rules_gone().await;
        Ok::<_, RequestError>(Removal::default())
    };
    match tokio::time::timeout(GONE_WITHIN, gone).await {
        Ok(gone) => outcome(gone),
        Err(_elapsed) => refusal(StatusCode::SERVICE_UNAVAILABLE, STILL_THERE.to_owned()),
    }
}

fn added(outcome: Result<AddReply, AddError>) -> Response<Full<Bytes>> {
    match outcome {
        Ok(reply) => json(StatusCode::OK, &reply),
        Err(error @ AddError::Unknown(_)) => refusal(StatusCode::NOT_FOUND, error.to_string()),
        Err(AddError::Enrolment(error)) => refusal(failure(&error), error.to_string()),
    }
}

/// For the plugin a Pod that cannot be enrolled is never one that is not known.
fn failure(turned_down: &RequestError) -> StatusCode {
    match status(turned_down) {
        StatusCode::NOT_FOUND => StatusCode::SERVICE_UNAVAILABLE,
        status => status,
    }
}

fn outcome<T: Serialize>(outcome: Result<T, RequestError>) -> Response<Full<Bytes>> {
    match outcome {
        Ok(done) => json(StatusCode::OK, &done),
        Err(turned_down) => refusal(status(&turned_down), turned_down.to_string()),
    }
}

fn status(turned_down: &RequestError) -> StatusCode {
    match turned_down {
        RequestError::Invalid(_) | RequestError::Relative(_) | RequestError::Address(_) => {
            StatusCode::BAD_REQUEST
        }
        RequestError::Namespace(_) | RequestError::NoAddress(_) => StatusCode::UNPROCESSABLE_ENTITY,
        RequestError::Refused(Refused::Conflict(_)) => StatusCode::CONFLICT,
        RequestError::Refused(Refused::Unknown(_)) => StatusCode::NOT_FOUND,
        RequestError::Failed { reason, .. } => match reason {
            PodError::Former { .. } => StatusCode::SERVICE_UNAVAILABLE,
            PodError::Kernel(_) | PodError::Store(_) | PodError::Elsewhere { .. } => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        },
        RequestError::Refused(Refused::Busy(_))
        | RequestError::Ended(_)
        | RequestError::Elsewhere(_)
        | RequestError::Stopping
        | RequestError::NoSecret(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn refusal(status: StatusCode, error: String) -> Response<Full<Bytes>> {
    json(status, &Problem { error })
}

fn json(status: StatusCode, body: &impl Serialize) -> Response<Full<Bytes>> {
    // A path that is not UTF-8 has no JSON form.
    let (status, body) = match serde_json::to_vec(body) {
        Ok(body) => (status, body),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string().into_bytes()),
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let json = http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(http::header::CONTENT_TYPE, json);
    response
}

#[cfg(test)]
mod tests;
