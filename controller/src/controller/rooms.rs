//! Opens the rooms: what each one reads of the others, and the task that writes it.

use std::sync::Arc;
use std::time::SystemTime;

use karez_process::drain::Drain;
use karez_process::tasks::Tasks;
use tokio::sync::watch;

use super::ControllerError;
use super::platform::{self, PlatformWriters};
use crate::ca::{Authority, AuthoritySettings, AuthorityTask, Timestamp};
use crate::callers::Authenticator;
use crate::catalog::{self, Catalog};
use crate::leadership::Leadership;
use crate::listener::ServerCertificate;
use crate::metrics::Metrics;
use crate::node_health::NodeHealthReader;
use crate::nodes::Nodes;
use crate::publication::{Publication, Published};
use crate::settings::Settings;
use crate::trust_bundle::BundleWitness;

/// What the rooms read of each other. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Readers {
    pub(super) authenticator: Authenticator,
    pub(super) authority: Authority,
    pub(super) leadership: Leadership,
    pub(super) node_health: NodeHealthReader,
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
    authority: AuthorityTask,
    publication: Publication,
    platform: PlatformWriters,
}

/// Opens all of them.
pub(super) async fn open(settings: &Settings, drain: Drain) -> Result<(Readers, Writers), ControllerError> {
    let platform = platform::open(settings).await?;
    let lifetimes = AuthoritySettings {
        leaf_lifetime: settings.leaf_lifetime,
        root_lifetime: settings.root_lifetime,
        distribution: platform.distribution,
    };
    let now = Timestamp::of(SystemTime::now());
    let (authority, authority_task) =
        Authority::open(platform.store, lifetimes, platform.leadership.clone(), now).await?;
    let names = [platform.names, settings.server_name.clone()].concat();
    let certificate = ServerCertificate::issue(authority.clone(), &names)?;
    let (catalog, catalog_reader) = Catalog::new();
    let metrics = Metrics::new();
    let (publication, published) =
        Publication::new(platform.batches, authority.state(), catalog, platform.options, metrics.clone());
    let readers = Readers {
        authenticator: platform.authenticator,
        authority,
        leadership: platform.leadership,
        node_health: platform.node_health,
        catalog: catalog_reader,
        published,
        nodes: Nodes::default(),
        metrics,
        drain,
    };
    let writers = Writers { certificate, authority: authority_task, publication, platform: platform.writers };
    Ok((readers, writers))
}

impl Readers {
    /// Sees which nodes have the trust bundle.
    pub(super) fn witness(&self) -> BundleWitness {
        BundleWitness {
            nodes: self.nodes.clone(),
            catalog: self.catalog.clone(),
            leadership: self.leadership.clone(),
            node_health: self.node_health.clone(),
        }
    }
}

impl Writers {
    /// Runs them until the drain starts: after that nobody reads what they write.
    pub(super) fn spawn(self, tasks: &mut Tasks, readers: &Readers) {
        let drain = &readers.drain;
        tasks.spawn("authority", until_drained(drain.clone(), self.authority.run(readers.witness())));
        tasks.spawn("certificate", until_drained(drain.clone(), self.certificate.run()));
        tasks.spawn("publication", until_drained(drain.clone(), self.publication.run()));
        self.platform.spawn(tasks, readers);
    }
}

pub(super) async fn until_drained(drain: Drain, work: impl Future<Output = ()>) {
    tokio::select! {
        () = drain.started() => {}
        () = work => {}
    }
}
