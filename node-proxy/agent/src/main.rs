//! Enrols Pods: the only privileged process.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use karez_agent::api::Endpoints;
use karez_agent::cluster::node_proxies::ProxyConfig;
use karez_agent::cluster::uninstall::remove_state;
use karez_agent::cluster::{ClusterMetrics, NodeProxies, Reconciler, Uninstall};
use karez_agent::cni::{NewPods, PluginKeeper};
use karez_agent::context::AgentContext;
use karez_agent::enrolment::EnrolmentHandle;
use karez_agent::kernel::{Kernel as _, Linux, ServedBy};
use karez_agent::metrics::Metrics;
use karez_agent::probes::node::LinuxNode;
use karez_agent::probes::{ProbeKeeper, ProbedPods};
use karez_agent::processes::Processes;
use karez_agent::proxies::Source;
use karez_agent::record::Openings;
use karez_agent::restore::restore;
use karez_agent::settings::Settings;
use karez_agent::store::Store;
use karez_agent::{api, privilege, proxies};
use karez_handover::enrol::client::Client;
use karez_handover::stock;
use karez_link::controller::{ControllerClient, LearnedRoots, Settings as ControllerSettings};
use karez_link::discovery::{self, LocalPodsView, Store as DiscoveryStore, Synced};
use karez_process::http::{self, Routes};
use karez_process::readiness::{Condition, Readiness};
use karez_process::signals::Signals;
use karez_process::tasks::Tasks;
use karez_process::{drain, limits, logs, settings};
use nix::unistd::geteuid;
use prometheus_client::metrics::counter::Counter;
use tokio::sync::mpsc;

/// Threads for work that blocks: what [`AgentContext`] and [`Source`] let through, and some for tokio's own.
const BLOCKING_THREADS: usize = 8;
/// For such work to come to its end when the agent does.
const END_WITHIN: Duration = Duration::from_secs(2);
/// In the state directory: the node proxies that a restarted agent serves at once.
const NODE_PROXIES: &str = "node-proxies.json";
/// Requests on their way to the owner of all Pods.
const REQUESTS: usize = 64;

fn main() -> anyhow::Result<()> {
    let settings: Settings = settings::parse();
    if settings.uninstall {
        return uninstall(&settings);
    }
    privilege::reduce()?;
    let _flush = logs::start(&settings.logs)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .build()
        .context("no runtime")?;
    let ended = runtime.block_on(run(&settings));
    runtime.shutdown_timeout(END_WITHIN);
    ended
}

/// Asks the agent that runs on this node, and waits.
fn uninstall(settings: &Settings) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime")?;
    Ok(runtime.block_on(Client::new(&settings.enrol_socket).uninstall()).map(drop)?)
}

/// Runs until SIGTERM or SIGINT. Rules and records stay, so that Pods stay captured and the next agent takes them up.
async fn run(settings: &Settings) -> anyhow::Result<()> {
    let mut signals = Signals::catch()?;
    limits::raise_open_files().context("the limit of open files cannot be raised")?;
    let readiness = Readiness::new();
    let serving = readiness.condition("sockets");
    let (_trigger, drain) = drain::new();
    let mut tasks = Tasks::new();

    let (probed_pods, requested) = ProbedPods::new();
    let context = Arc::new(context(settings, probed_pods)?);
    let pods = restore(&context)?;
    let (sender, requests) = mpsc::channel(REQUESTS);
    tasks.spawn("pods", pods.run(requests));
    let openings = Openings { ipv6: context.kernel.has_ipv6(), dns: settings.dns_capture };
    let handle = EnrolmentHandle::new(Arc::clone(&context), openings, sender);
    let served = Counter::default();
    let uninstall = Uninstall::new(settings.cluster.uninstalled_marker.clone());
    let cluster = match settings.cluster.controller()? {
        Some(controller) => {
            let known = readiness.condition("Pods of this node from the controller");
            let view = follow_controller(controller, known, &mut tasks)?;
            let joined = join_cluster(settings, &context, &handle, view, &served, &uninstall, &mut tasks);
            let by_cgroup = joined.0.kubelet_by_cgroup.clone();
            let keeper = ProbeKeeper::new(node(settings), requested, uninstall.clone(), by_cgroup);
            tasks.spawn("probes", keeper.run());
            Some(joined)
        }
        None => {
            serve_proxies(settings, &context, &served, &mut tasks)?;
            None
        }
    };
    let endpoint = cluster.is_some().then(|| uninstall.clone());
    let (metrics, new_pods) = cluster.unzip();
    let enrol_socket = api::listen(&settings.enrol_socket)?;
    let endpoints = Endpoints { handle: handle.clone(), new_pods, uninstall: endpoint };
    tasks.spawn("enrol socket", api::serve(enrol_socket, geteuid().as_raw(), endpoints));
    if let Some(address) = settings.metrics_listen {
        let metrics = Arc::new(Metrics::new(context.repairs.clone(), served, metrics.as_ref()));
        let routes = routes(&handle, &metrics, &readiness);
        let ports = vec![(http::listen(address).await?, routes)];
        tasks.spawn("metrics", http::serve_apart(ports, &drain).context("serving metrics")?);
    }
    serving.met();
    tracing::info!(enrol = %settings.enrol_socket.display(), node = %settings.node_socket, "serving");

    tokio::select! {
        received = signals.received() => {
            match uninstall.is_requested() && handle.list().await.is_ok_and(|list| list.pods.is_empty()) {
                true => leave_nothing(settings, &context).await,
                false => tracing::info!(?received, "ending; Pods stay captured"),
            }
            Ok(())
        }
        ended = tasks.ended() => bail!("a task ended before its time: {ended:?}"),
    }
}

/// At the end of an agent that was uninstalled.
async fn leave_nothing(settings: &Settings, context: &Arc<AgentContext<Linux>>) {
    let (socket, record) = (settings.enrol_socket.clone(), settings.state_dir.join(NODE_PROXIES));
    let removed = context.blocking(move |context| remove_state(&context.store, &[&socket, &record])).await;
    if let Err(error) = removed {
        tracing::warn!(folder = %settings.state_dir.display(), %error, "something of the agent's state stays");
    }
    tracing::info!("ending; nothing of the mesh is left on this node");
}

fn context(settings: &Settings, probed_pods: ProbedPods) -> anyhow::Result<AgentContext<Linux>> {
    let served_by = match settings.zds_socket {
        None => ServedBy::Karez,
        Some(_) => ServedBy::Ztunnel,
    };
    let kernel = Linux {
        served_by,
        probes: settings.probe_addresses(),
        processes: Processes::new(&settings.cluster.proc),
    };
    Ok(AgentContext::new(kernel, Store::open(&settings.state_dir)?, served_by, probed_pods))
}

fn node(settings: &Settings) -> LinuxNode {
    LinuxNode {
        processes: Processes::new(&settings.cluster.proc),
        kubelets: settings.cluster.kubelet.clone(),
        addresses: settings.probe_addresses(),
    }
}

/// Follows what the controller says of this node's Pods.
fn follow_controller(
    settings: ControllerSettings,
    known: Condition,
    tasks: &mut Tasks,
) -> anyhow::Result<LocalPodsView> {
    let (store, view) = DiscoveryStore::local_pods();
    let controller = ControllerClient::new(settings, LearnedRoots::none()).context("--controller")?;
    tasks.spawn("discovery", discovery::run(controller, store));
    let mut synced = view.synced.clone();
    tasks.spawn("readiness", async move {
        if synced.wait_for(|synced| *synced == Synced::Complete).await.is_ok() {
            known.met();
        }
        // The condition must not be dropped while the process runs.
        std::future::pending::<()>().await;
    });
    Ok(view)
}

/// Keeps what is enrolled as the controller says, and the CNI plugin on the node. Gives what tells of it, and what answers the
/// plugin.
fn join_cluster(
    settings: &Settings,
    context: &Arc<AgentContext<Linux>>,
    handle: &EnrolmentHandle<Linux>,
    view: LocalPodsView,
    served: &Counter,
    uninstall: &Uninstall,
    tasks: &mut Tasks,
) -> (ClusterMetrics, NewPods<Linux>) {
    let config = ProxyConfig {
        address: settings.node_socket.clone(),
        uid: settings.node_uid,
        source: Arc::new(Source::new(Arc::clone(context), served.clone())),
        record: settings.state_dir.join(NODE_PROXIES),
    };
    let metrics = ClusterMetrics::default();
    let node_proxies = NodeProxies::new(Arc::clone(context), config, metrics.clone());
    let reconciler = Reconciler::new(
        Arc::clone(context),
        handle.clone(),
        view.clone(),
        node_proxies,
        metrics.clone(),
        uninstall.clone(),
    );
    tasks.spawn("cluster", reconciler.run());
    if let Some(installation) = settings.cni_installation() {
        let keeper = PluginKeeper::new(
            Arc::clone(context),
            installation,
            view.clone(),
            uninstall.clone(),
            metrics.plugin_installed.clone(),
        );
        match settings.cluster.without_cni_plugin {
            true => tasks.spawn("CNI plugin", keeper.take_away()),
            false => tasks.spawn("CNI plugin", keeper.run()),
        }
    } else {
        uninstall.note_no_plugin();
    }
    let proc = settings.cluster.proc.clone();
    (metrics, NewPods::new(handle.clone(), view, proc, uninstall.clone()))
}

fn serve_proxies(
    settings: &Settings,
    context: &Arc<AgentContext<Linux>>,
    served: &Counter,
    tasks: &mut Tasks,
) -> anyhow::Result<()> {
    let uid = settings.node_uid;
    if let Some(address) = &settings.zds_socket {
        let zds = proxies::listen(address)?;
        tasks.spawn("ztunnels", proxies::serve_zds(zds, uid, Arc::clone(context)));
        return Ok(());
    }
    let stock = proxies::listen(&stock::address(&settings.node_socket))?;
    let source = Arc::new(Source::new(Arc::clone(context), served.clone()));
    tasks.spawn("stock", proxies::serve_stock(stock, uid, source));
    let pods = proxies::listen(&settings.node_socket)?;
    tasks.spawn("node proxies", proxies::serve_pods(pods, uid, Arc::clone(context)));
    Ok(())
}

fn routes(handle: &EnrolmentHandle<Linux>, metrics: &Arc<Metrics>, readiness: &Readiness) -> Routes {
    let (handle, metrics, readiness) = (handle.clone(), Arc::clone(metrics), readiness.clone());
    Routes::new().at("/healthz/ready", move || readiness.answer()).at_shared(&["/metrics"], move || {
        let (handle, metrics) = (handle.clone(), Arc::clone(&metrics));
        async move {
            match handle.list().await {
                Ok(pods) => http::text(::http::StatusCode::OK, metrics.text(&pods)),
                Err(error) => http::text(::http::StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
            }
        }
    })
}
