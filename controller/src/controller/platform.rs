//! What differs between a folder of manifests and a cluster: where objects come from, who vouches for callers, where the authority's
//! state is kept, and which replica leads.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use karez_process::tasks::Tasks;
use karez_translate::Options;
use kube::Client;
use rustls::pki_types::ServerName;
use tokio::sync::mpsc;

use super::ControllerError;
use super::rooms::{Readers, until_drained};
use crate::ca::{FolderStore, RootsPublisher, SecretStore, Store};
use crate::callers::{Authenticator, TokenReviewer};
use crate::cluster_client::ClusterClient;
use crate::conditions::{self, ConditionWriter, Sighting};
use crate::leadership::Leadership;
use crate::leadership::lease::Candidate;
use crate::node_health::NodeHealthReader;
use crate::settings::{Platform, Settings};
use crate::source::cluster::ClusterSource;
use crate::source::folder::{self, FolderSource};
use crate::source::{self, Receiver};
use crate::tokens::TokensWatch;

/// Where in the state folder the last good manifests are kept. Nobody keeps their own ones under that name.
const GOOD_MANIFESTS: &str = "last-good-manifests";

/// What the rooms use of the platform.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) batches: Receiver,
    pub(super) authenticator: Authenticator,
    pub(super) store: Store,
    pub(super) leadership: Leadership,
    pub(super) node_health: NodeHealthReader,
    pub(super) options: Options,
    /// How long the ConfigMap with the roots takes to arrive everywhere, where there is one.
    pub(super) distribution: Option<Duration>,
    /// Names of the controller's port beside those that `--server-name` gives.
    pub(super) names: Vec<ServerName<'static>>,
    pub(super) writers: PlatformWriters,
}

/// The platform's own tasks.
#[derive(Debug)]
pub(super) enum PlatformWriters {
    Folder(Box<FolderWriters>),
    Cluster(Box<ClusterWriters>),
}

/// Those of a folder.
#[derive(Debug)]
pub(super) struct FolderWriters {
    source: FolderSource,
    tokens: TokensWatch,
}

/// Those of a cluster.
#[derive(Debug)]
pub(super) struct ClusterWriters {
    source: ClusterSource,
    candidate: Candidate,
    sightings: mpsc::Receiver<Sighting>,
    client: ClusterClient,
    namespace: String,
}

/// Opens what the settings ask for.
pub(super) async fn open(settings: &Settings) -> Result<Opened, ControllerError> {
    match settings.platform().ok_or(ControllerError::Platform)? {
        Platform::Folder { manifests, state, tokens } => open_folder(settings, manifests, &state, tokens),
        Platform::Cluster { namespace, pod } => open_cluster(settings, namespace, &pod).await,
    }
}

fn open_folder(
    settings: &Settings,
    manifests: PathBuf,
    state: &Path,
    tokens: PathBuf,
) -> Result<Opened, ControllerError> {
    folder::check(&manifests)?;
    let (tokens, known) = TokensWatch::open(tokens)?;
    let (sender, batches) = source::channel();
    let store = Store::Folder(Arc::new(FolderStore::open(state.to_owned())?));
    let source = FolderSource::new(manifests, state.join(GOOD_MANIFESTS), sender);
    Ok(Opened {
        batches,
        authenticator: Authenticator::File(known),
        store,
        leadership: Leadership::alone(),
        node_health: NodeHealthReader::unknown(),
        options: Options { cluster_id: settings.cluster_id.clone(), own_namespace: None },
        distribution: None,
        names: Vec::new(),
        writers: PlatformWriters::Folder(Box::new(FolderWriters { source, tokens })),
    })
}

async fn open_cluster(settings: &Settings, namespace: String, pod: &str) -> Result<Opened, ControllerError> {
    let client = Client::try_default().await.map_err(|error| ControllerError::Cluster(Box::new(error)))?;
    let (sender, batches) = source::channel();
    let (seen, sightings) = conditions::channel();
    let (source, own_pods, node_health) = ClusterSource::new(client.clone(), &namespace, sender, seen);
    let (candidate, leadership) = Candidate::new(client.clone(), &namespace, pod, own_pods.clone());
    Ok(Opened {
        batches,
        authenticator: Authenticator::Cluster(Arc::new(TokenReviewer::new(
            client.clone(),
            &namespace,
            own_pods,
        ))),
        store: Store::Secret(Box::new(SecretStore::new(client.clone(), &namespace))),
        leadership,
        node_health,
        options: Options { cluster_id: settings.cluster_id.clone(), own_namespace: Some(namespace.clone()) },
        distribution: Some(settings.roots_distribution),
        names: names(&namespace),
        writers: PlatformWriters::Cluster(Box::new(ClusterWriters {
            source,
            candidate,
            sightings,
            client: ClusterClient(client),
            namespace,
        })),
    })
}

/// The names of the controller's Service.
fn names(namespace: &str) -> Vec<ServerName<'static>> {
    let service = format!("{}.{namespace}.svc", karez_api::names::object::CONTROLLER);
    let names = [service.clone(), format!("{service}.cluster.local")];
    names.into_iter().filter_map(|name| ServerName::try_from(name).ok()).collect()
}

impl PlatformWriters {
    /// Runs them until the drain starts.
    pub(super) fn spawn(self, tasks: &mut Tasks, readers: &Readers) {
        let drain = &readers.drain;
        match self {
            Self::Folder(writers) => {
                let FolderWriters { source, tokens } = *writers;
                tasks.spawn("tokens", until_drained(drain.clone(), tokens.run()));
                tasks.spawn("source", until_drained(drain.clone(), source.run()));
            }
            Self::Cluster(writers) => writers.spawn(tasks, readers),
        }
    }
}

impl ClusterWriters {
    fn spawn(self, tasks: &mut Tasks, readers: &Readers) {
        let Self { source, candidate, sightings, client: ClusterClient(client), namespace } = self;
        let Readers { authority, published, leadership, drain, .. } = readers.clone();
        let roots = RootsPublisher::new(client.clone(), &namespace, authority, leadership.clone());
        let conditions = ConditionWriter::new(client, sightings, published, leadership);
        let stop = drain.clone();
        tasks.spawn("lease", async move { candidate.run(stop.started()).await });
        tasks.spawn("roots", until_drained(drain.clone(), roots.run()));
        tasks.spawn("conditions", until_drained(drain.clone(), conditions.run()));
        tasks.spawn("source", until_drained(drain, source.run()));
    }
}
