//! An agent's socket with nothing behind it: it keeps a list of Pods.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use karez_handover::enrol::{PodList, PodRequest, PodStatus, Problem, Removal};
use serde::Serialize;
use tempfile::TempDir;
use tokio::net::UnixListener;

pub(crate) struct Agent {
    folder: TempDir,
}

type Pods = Arc<Mutex<Vec<PodStatus>>>;

impl Agent {
    /// Pods whose network namespace is `/broken` are not captured.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("agent.sock")).unwrap();
        let pods = Pods::default();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let pods = Arc::clone(&pods);
                let service = service_fn(move |request| answer(request, Arc::clone(&pods)));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { folder }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("agent.sock")
    }
}

async fn answer(request: Request<Incoming>, pods: Pods) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let mut pods = pods.lock().unwrap();
    Ok(match (&head.method, head.uri.path()) {
        (&Method::GET, "/pods") => reply(StatusCode::OK, &PodList { pods: pods.clone() }),
        (&Method::POST, "/pods") => {
            let status = enrolled(serde_json::from_slice(&body).unwrap());
            pods.push(status.clone());
            reply(StatusCode::OK, &status)
        }
        (&Method::DELETE, path) => {
            let before = pods.len();
            pods.retain(|pod| path != format!("/pods/{}/{}", pod.namespace, pod.name));
            if pods.len() < before {
                reply(StatusCode::OK, &Removal::default())
            } else {
                reply(StatusCode::NOT_FOUND, &Problem { error: "that Pod is not enrolled".to_owned() })
            }
        }
        other => panic!("{other:?}"),
    })
}

fn enrolled(pod: PodRequest) -> PodStatus {
    let captured = pod.netns.as_os_str() != "/broken";
    PodStatus {
        uid: pod.uid.unwrap_or_else(|| format!("{}/{}", pod.namespace, pod.name)),
        namespace: pod.namespace,
        name: pod.name,
        service_account: pod.service_account,
        netns: pod.netns,
        addresses: pod.addresses,
        captured,
        carried_by: vec!["karez-node".to_owned()],
        problem: (!captured).then(|| "no rules".to_owned()),
    }
}

fn reply(status: StatusCode, body: &impl Serialize) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(serde_json::to_vec(body).unwrap()));
    *response.status_mut() = status;
    response
}
