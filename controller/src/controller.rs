//! All rooms put together.
//!
//! * [`platform`] – opens what differs between a folder of manifests and a cluster
//! * [`rooms`] – opens them: what each one reads of the others, and the task that writes it
//! * [`services`] – the gRPC server

mod platform;
mod rooms;
mod services;

use std::net::SocketAddr;
use std::time::Duration;

use ::http::{HeaderValue, StatusCode};
use karez_process::drain::{self, Drain, Trigger};
use karez_process::http::{self, Answer, ListenError, Routes};
use karez_process::readiness::{Condition, Readiness};
use karez_process::signals::Signals;
use karez_process::tasks::{Ended, Tasks};
use tokio::task::JoinHandle;
use tracing::{info, warn};

use crate::ca::StateError;

use crate::listener::{self, Bounds, CertificateError};
use crate::settings::Settings;
use crate::source::folder::FolderError;
use crate::tokens::TokensError;
use rooms::Readers;

/// How long open calls may take to end once the controller stops.
const DRAIN_DEADLINE: Duration = Duration::from_secs(5);
const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// Why the controller does not start, or does not go on.
#[derive(Debug, thiserror::Error)]
pub enum ControllerError {
    /// Settings that contradict each other.
    #[error("--root-lifetime must be longer than --leaf-lifetime, and --leaf-lifetime at least one second")]
    Lifetimes,
    /// Nodes would do nothing but connect.
    #[error("--stream-age must be at least one second")]
    StreamAge,
    /// The manifests' folder.
    #[error(transparent)]
    Manifests(#[from] FolderError),
    /// The tokens file.
    #[error(transparent)]
    Tokens(#[from] TokensError),
    /// Flags that the command line should not have let pass.
    #[error("give --kubernetes with --namespace and --pod, or --manifests, --state-dir and --tokens")]
    Platform,
    /// The API server.
    #[error("no cluster: {0}")]
    Cluster(#[source] Box<kube::Error>),
    /// The authority's state.
    #[error("the state of the certificate authority: {0}")]
    State(#[from] StateError),
    /// The port's certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A port.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// TLS.
    #[error("cannot set up TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The system.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A part of it ended, which none ever should.
    #[error("{task} ended unexpectedly")]
    Ended {
        /// Which.
        task: String,
    },
}

/// A controller that runs.
#[derive(Debug)]
pub struct Controller {
    address: SocketAddr,
    metrics_address: SocketAddr,
    readiness: Readiness,
    tasks: Tasks,
    last: Last,
    trigger: Trigger,
    drain: Drain,
}

/// Metrics and readiness.
#[derive(Debug)]
struct Last {
    task: JoinHandle<()>,
    trigger: Trigger,
}

impl Controller {
    /// Starts it, in a process that may open so many files: when this returns its ports are open.
    ///
    /// # Errors
    /// When something that it needs is not there.
    pub async fn start(settings: Settings, open_files: u64) -> Result<Self, ControllerError> {
        check_lifetimes(&settings)?;
        let (trigger, drain) = drain::new();
        let (readers, writers) = rooms::open(&settings, drain.clone()).await?;
        let readiness = Readiness::new();
        let port = http::listen(settings.listen).await?;
        let metrics_port = http::listen(settings.metrics_listen).await?;
        let (address, metrics_address) = (port.local_addr()?, metrics_port.local_addr()?);
        let tls = listener::server_config(writers.certificate.current())?;
        let (accepting, connections) = listener::accept(port, tls, Bounds::of(open_files), drain.clone());

        let mut tasks = Tasks::new();
        writers.spawn(&mut tasks, &readers);
        tasks.spawn("readiness", watch_readiness(readers.clone(), readiness.condition("objects")));
        tasks.spawn("listener", accepting);
        tasks.spawn("server", services::serve(readers.clone(), connections, settings.stream_age));
        let routes = metrics_routes(readers, readiness.clone());
        // They are served while the rest drains, and end with it.
        let (last_trigger, last_drain) = drain.level();
        let serving = http::serve_apart(vec![(metrics_port, routes)], &last_drain)?;
        let last = Last { task: tokio::spawn(serving), trigger: last_trigger };
        info!(%address, %metrics_address, "karez-controller listens");
        Ok(Self { address, metrics_address, readiness, tasks, last, trigger, drain })
    }

    /// Where node proxies and the operator's command are served.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where metrics and readiness are served.
    #[must_use]
    pub fn metrics_address(&self) -> SocketAddr {
        self.metrics_address
    }

    /// Returns once everything has been seen and is served.
    pub async fn ready(&self) {
        self.readiness.ready().await;
    }

    /// Runs until a signal comes, and then stops; a second signal ends the process at once.
    ///
    /// # Errors
    /// When one of its parts ends before.
    pub async fn run(mut self, signals: Signals) -> Result<(), ControllerError> {
        let trigger = self.trigger;
        let stopping = tokio::spawn(signals.drain(trigger, DRAIN_DEADLINE));
        let ended = tokio::select! {
            () = self.drain.started() => None,
            ended = self.tasks.ended() => ended,
        };
        if let Some(Ended { name, .. }) = ended.filter(|_| !self.drain.is_draining()) {
            return Err(ControllerError::Ended { task: name });
        }
        join(self.tasks, self.last, &self.drain).await;
        stopping.abort();
        info!("karez-controller has stopped");
        Ok(())
    }

    /// Stops it.
    pub async fn stop(self) {
        self.trigger.start(DRAIN_DEADLINE);
        join(self.tasks, self.last, &self.drain).await;
    }
}

async fn join(tasks: Tasks, last: Last, drain: &Drain) {
    let aborted = tasks.join(drain).await;
    if !aborted.is_empty() {
        warn!(?aborted, "tasks did not end within {DRAIN_DEADLINE:?} and were aborted");
    }
    last.trigger.abort();
    if let Err(error) = last.task.await {
        warn!(%error, "the server of metrics and readiness failed");
    }
}

/// A root must outlive what it signs.
fn check_lifetimes(settings: &Settings) -> Result<(), ControllerError> {
    let shortest = Duration::from_secs(1);
    if settings.leaf_lifetime < shortest || settings.root_lifetime <= settings.leaf_lifetime {
        return Err(ControllerError::Lifetimes);
    }
    if settings.stream_age < shortest {
        return Err(ControllerError::StreamAge);
    }
    Ok(())
}

/// Ready once there is something to serve.
async fn watch_readiness(readers: Readers, served: Condition) {
    let mut catalog = readers.catalog;
    tokio::select! {
        // It fails only when the catalog's writer has ended, and then nothing will be served.
        found = catalog.wait_for(Option::is_some) => if found.is_ok() { served.met() },
        () = readers.drain.started() => return,
    }
    readers.drain.started().await;
}

fn metrics_routes(readers: Readers, readiness: Readiness) -> Routes {
    let metrics = move || std::future::ready(rendered(&readers));
    Routes::new().at_shared(&["/metrics"], metrics).at("/healthz/ready", move || readiness.answer())
}

fn rendered(readers: &Readers) -> Answer {
    let root = readers.authority.state().borrow().roots.signing().certificate().not_after();
    let text = readers.metrics.render(readers.nodes.connected(), root.seconds());
    http::answer(StatusCode::OK, OPEN_METRICS, text)
}
