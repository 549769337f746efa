//! Wires the program: its tasks, their threads, and the order in which they end.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use karez_api::operator::NodeReport;
use karez_flow::{AccessLog, Metrics};
use karez_handover::node::AgentConnection;
use karez_handover::stock;
use karez_hbone::accounts::Accounts;
use karez_link::controller::{ControllerClient, LearnedRoots, Settings as ControllerSettings};
use karez_link::discovery::{self, DiscoveryView, Store, Synced};
use karez_link::{Certificates, report as reports};
use karez_process::drain::{self, Drain};
use karez_process::handshakes::HandshakeLimiter;
use karez_process::http::{self, Routes};
use karez_process::readiness::{Condition, Readiness};
use karez_process::signals::Signals;
use karez_process::{build, limits};
use karez_tunnel::window::{Budget, Limits};
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::assignment::WorkerAssignment;
use crate::pod::NodeLocation;
use crate::pod::connection_quota::ProcessQuota;
use crate::pods::{PodFactory, Pods};
use crate::settings::{self, Settings};
use crate::shares::Shares;
use crate::worker::{Load, WorkerConfig};
use crate::worker_thread::{self, Thread};
use crate::{admin, metrics, report};

/// The agent runs as root. Anybody may bind an abstract socket first, so the node trusts it only if root holds it.
const AGENT_UID: u32 = 0;
/// How long idle workers may take to end.
const WORKERS_END: Duration = Duration::from_secs(5);

/// Runs until told to end and drained.
///
/// # Errors
/// When it cannot start, with what is missing and where.
pub(crate) fn run(settings: Settings) -> Result<()> {
    let open_files = limits::raise_open_files().context("raising the limit of open files")?;
    let shares = Shares::of(open_files);
    let (version, node, connections) = (build::VERSION, &settings.node, shares.connections);
    tracing::info!(version, node, open_files, connections, "starting");
    // Configuration, agent and certificates share a thread that carries no traffic and serves no strangers.
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    let outcome = runtime.block_on(serve(settings, shares));
    // A pending name lookup delays nothing.
    runtime.shutdown_background();
    outcome
}

async fn serve(settings: Settings, shares: Shares) -> Result<()> {
    let signals = Signals::catch().context("catching signals")?;
    let (trigger, draining) = drain::new();
    let (log, _flush) = access_log(&settings)?;
    let (store, view) = Store::new();
    let reached = ControllerSettings {
        url: settings.controller.clone(),
        ca_file: settings.controller_ca.clone(),
        token_file: settings.token_file.clone(),
        node: settings.node.clone(),
        namespace: settings.namespace.clone(),
        cluster_id: settings.cluster_id.clone(),
    };
    let controller = ControllerClient::new(reached, LearnedRoots::of(&view))?;
    let (certificates, renewals) = Certificates::new(view.bundles.clone());
    let unread = settings.unread_mib.get() << 20;
    let budget = Budget::new(Limits::of(unread));
    let dns = Arc::new(karez_dns::Counters::default());
    let (assignment, followed) = watch::channel(Arc::new(WorkerAssignment::default()));
    let (threads, metrics) = start_workers(&settings, shares, &view, &followed, log, &budget, &dns)?;

    let address = settings.agent_socket.parse().context("--agent-socket")?;
    let (socket_stock, stock_task) = stock::connect(&address, Some(AGENT_UID));
    let agent = AgentConnection::new(address, Some(AGENT_UID), format!("karez-node {}", build::VERSION));
    let factory = PodFactory {
        location: NodeLocation {
            cluster: settings.cluster_id.as_str().into(),
            node: settings.node.as_str().into(),
        },
        certificates: certificates.clone(),
        stock: socket_stock,
        budget,
        quota: ProcessQuota::new(shares.connections),
        most_connections: settings.pod_connections.get(),
        workers: settings.worker_count(),
    };
    let (pods, summary) = Pods::new(factory, view.clone(), assignment);

    let readiness = Readiness::new();
    let configuration = readiness.condition("configuration");
    let snapshot = readiness.condition("pods from the agent");
    let (report, reported) = watch::channel(NodeReport::default());
    let mut tasks = JoinSet::new();
    serve_http(&settings, &mut tasks, &draining, readiness, metrics, &view, &reported).await?;
    tasks.spawn(discovery::run(controller.clone(), store));
    tasks.spawn(renewals.run(controller.clone()));
    tasks.spawn(stock_task.run());
    tasks.spawn(report::keep(report, summary, view.status.clone(), certificates));
    tasks.spawn(reports::run(controller, reported));
    tasks.spawn(note_configuration(view.synced.clone(), configuration));
    tasks.spawn(signals.drain(trigger, settings.drain_deadline));

    pods.run(agent, snapshot, draining).await;
    tracing::info!("drained");
    end(threads).await;
    tasks.shutdown().await;
    Ok(())
}

/// Waits for the workers on another thread, so that a second signal still ends the process. The wait is limited, as a
/// worker may be stuck.
async fn end(threads: Vec<Thread>) {
    let ended = tokio::task::spawn_blocking(move || threads.into_iter().for_each(Thread::join));
    if tokio::time::timeout(WORKERS_END, ended).await.is_err() {
        tracing::error!("a worker does not end: the process ends without it");
    }
}

fn access_log(settings: &Settings) -> Result<(AccessLog, Option<karez_process::lines::Flush>)> {
    Ok(match settings.access_log {
        settings::AccessLog::Off => (AccessLog::off(), None),
        settings::AccessLog::Json => {
            let (log, flush) = AccessLog::start(std::io::stdout()).context("starting the access log")?;
            (log, Some(flush))
        }
    })
}

type Workers = (Vec<Thread>, Arc<Metrics>);

fn start_workers(
    settings: &Settings,
    shares: Shares,
    view: &DiscoveryView,
    assignment: &watch::Receiver<Arc<WorkerAssignment>>,
    log: AccessLog,
    budget: &Arc<Budget>,
    dns: &Arc<karez_dns::Counters>,
) -> Result<Workers> {
    let accounts = Arc::new(Accounts::new(Arc::clone(budget)));
    let handshakes = HandshakeLimiter::new(shares.handshakes);
    let mut metrics = Metrics::new(&settings.metrics_prefix, log);
    let loads: Vec<Arc<Load>> = (0..settings.worker_count()).map(|_| Arc::default()).collect();
    metrics::register(&mut metrics, &loads, dns, budget, &handshakes, view);
    let metrics = Arc::new(metrics);
    let mut threads = Vec::new();
    for (index, load) in loads.into_iter().enumerate() {
        let config = WorkerConfig {
            mesh: view.mesh.clone(),
            assignment: assignment.clone(),
            metrics: Arc::clone(&metrics),
            accounts: Arc::clone(&accounts),
            handshakes: Arc::clone(&handshakes),
            dns: Arc::clone(dns),
            dns_limits: shares.dns_limits,
            load,
        };
        threads
            .push(worker_thread::start(index, config).with_context(|| format!("starting worker {index}"))?);
    }
    Ok((threads, metrics))
}

async fn serve_http(
    settings: &Settings,
    tasks: &mut JoinSet<()>,
    draining: &Drain,
    readiness: Readiness,
    metrics: Arc<Metrics>,
    view: &DiscoveryView,
    reported: &watch::Receiver<NodeReport>,
) -> Result<()> {
    let (mesh, reported) = (view.mesh.clone(), reported.clone());
    let drained = draining.clone();
    let ready = move || {
        if drained.is_draining() {
            http::text(::http::StatusCode::SERVICE_UNAVAILABLE, "draining\n")
        } else {
            readiness.answer()
        }
    };
    let render = move || std::future::ready(metrics::answer(&metrics));
    let ports = vec![
        (http::listen(settings.readiness_listen).await?, Routes::new().at("/healthz/ready", ready)),
        (
            http::listen(settings.metrics_listen).await?,
            Routes::new().at_shared(&["/metrics", "/stats/prometheus"], render),
        ),
        (
            http::listen(settings.admin_listen).await?,
            Routes::new().at("/config_dump", move || admin::dump(&mesh, &reported)),
        ),
    ];
    tasks.spawn(http::serve_apart(ports, draining).context("serving metrics, readiness and dump")?);
    Ok(())
}

async fn note_configuration(mut synced: watch::Receiver<Synced>, condition: Condition) {
    if synced.wait_for(|synced| *synced == Synced::Complete).await.is_ok() {
        condition.met();
    }
    // The condition must outlive the tasks.
    std::future::pending::<()>().await;
}
