//! Opens the rooms: what each one reads of the others, and the task that writes it.

use std::sync::Arc;
use std::time::SystemTime;

use karez_process::drain::Drain;
use karez_process::tasks::Tasks;
use karez_translate::Options;
use tokio::sync::watch;

use super::ControllerError;
use crate::ca::{Authority, AuthoritySettings, AuthorityTask, Store, Timestamp};
use crate::catalog::{self, Catalog};
use crate::listener::ServerCertificate;
use crate::metrics::Metrics;
use crate::nodes::Nodes;
use crate::publication::{Publication, Published};
use crate::settings::Settings;
use crate::source::{self, folder::FolderSource};
use crate::tokens::{Tokens, TokensWatch};
use crate::trust_bundle::BundleWitness;

/// Where in the state folder the last good manifests are kept. Nobody keeps their own ones under that name.
const GOOD_MANIFESTS: &str = "last-good-manifests";

/// What the rooms read of each other. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Readers {
    pub(super) tokens: watch::Receiver<Arc<Tokens>>,
    pub(super) authority: Authority,
    pub(super) catalog: catalog::Reader,
    pub(super) published: watch::Receiver<Arc<Published>>,
    pub(super) nodes: Nodes,
    pub(super) metrics: Metrics,
    pub(super) drain: Drain,
}

/// The one writer of each room.
#[derive(Debug)]
pub(super) struct Writers {
    pub(super) certificate: ServerCertificate,
    tokens: TokensWatch,
    authority: AuthorityTask,
    folder: FolderSource,
    publication: Publication,
}

/// Opens all of them.
pub(super) fn open(settings: &Settings, drain: Drain) -> Result<(Readers, Writers), ControllerError> {
    let (tokens_watch, tokens) = TokensWatch::open(settings.tokens.clone())?;
    let lifetimes =
        AuthoritySettings { leaf_lifetime: settings.leaf_lifetime, root_lifetime: settings.root_lifetime };
    let store = Store::open(settings.state_dir.clone())?;
    let (authority, authority_task) = Authority::open(store, lifetimes, Timestamp::of(SystemTime::now()))?;
    let certificate = ServerCertificate::issue(authority.clone(), &settings.server_name)?;
    let copies = settings.state_dir.join(GOOD_MANIFESTS);
    let (batches, source) = source::channel();
    let folder = FolderSource::new(settings.manifests.clone(), copies, batches);
    let (catalog, catalog_reader) = Catalog::new();
    let metrics = Metrics::new();
    let options = Options { cluster_id: settings.cluster_id.clone(), own_namespace: None };
    let (publication, published) =
        Publication::new(source, authority.state(), catalog, options, metrics.clone());
    let readers = Readers {
        tokens,
        authority,
        catalog: catalog_reader,
        published,
        nodes: Nodes::default(),
        metrics,
        drain,
    };
    let writers =
        Writers { certificate, tokens: tokens_watch, authority: authority_task, folder, publication };
    Ok((readers, writers))
}

impl Readers {
    /// Sees which nodes have the trust bundle.
    pub(super) fn witness(&self) -> BundleWitness {
        BundleWitness { nodes: self.nodes.clone(), catalog: self.catalog.clone() }
    }
}

impl Writers {
    /// Runs them until the drain starts: after that nobody reads what they write.
    pub(super) fn spawn(self, tasks: &mut Tasks, readers: &Readers) {
        let drain = &readers.drain;
        tasks.spawn("tokens", until_drained(drain.clone(), self.tokens.run()));
        tasks.spawn("authority", until_drained(drain.clone(), self.authority.run(readers.witness())));
        tasks.spawn("certificate", until_drained(drain.clone(), self.certificate.run()));
        tasks.spawn("source", until_drained(drain.clone(), self.folder.run()));
        tasks.spawn("publication", until_drained(drain.clone(), self.publication.run()));
    }
}

async fn until_drained(drain: Drain, work: impl Future<Output = ()>) {
    tokio::select! {
        () = drain.started() => {}
        () = work => {}
    }
}
