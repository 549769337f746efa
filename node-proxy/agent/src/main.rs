//! Enrols Pods: the only privileged process.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use karez_agent::context::AgentContext;
use karez_agent::enrolment::EnrolmentHandle;
use karez_agent::kernel::{Kernel as _, Linux, ServedBy};
use karez_agent::metrics::Metrics;
use karez_agent::proxies::Source;
use karez_agent::record::Openings;
use karez_agent::restore::restore;
use karez_agent::settings::Settings;
use karez_agent::store::Store;
use karez_agent::{api, privilege, proxies};
use karez_handover::stock;
use karez_process::http::{self, Routes};
use karez_process::readiness::Readiness;
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
/// Requests on their way to the owner of all Pods.
const REQUESTS: usize = 64;

fn main() -> anyhow::Result<()> {
    let settings: Settings = settings::parse();
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

/// Runs until SIGTERM or SIGINT. Rules and records stay, so that Pods stay captured and the next agent takes them up.
async fn run(settings: &Settings) -> anyhow::Result<()> {
    let mut signals = Signals::catch()?;
    limits::raise_open_files().context("the limit of open files cannot be raised")?;
    let readiness = Readiness::new();
    let serving = readiness.condition("sockets");
    let (_trigger, drain) = drain::new();
    let mut tasks = Tasks::new();

    let context = Arc::new(context(settings)?);
    let pods = restore(&context)?;
    let (sender, requests) = mpsc::channel(REQUESTS);
    tasks.spawn("pods", pods.run(requests));
    let openings = Openings { ipv6: context.kernel.has_ipv6(), dns: settings.dns_capture };
    let handle = EnrolmentHandle::new(Arc::clone(&context), openings, sender);
    let served = Counter::default();
    serve_proxies(settings, &context, &served, &mut tasks)?;
    let enrol_socket = api::listen(&settings.enrol_socket)?;
    tasks.spawn("enrol socket", api::serve(enrol_socket, geteuid().as_raw(), handle.clone()));
    if let Some(address) = settings.metrics_listen {
        let metrics = Arc::new(Metrics::new(context.repairs.clone(), served));
        let routes = routes(&handle, &metrics, &readiness);
        let ports = vec![(http::listen(address).await?, routes)];
        tasks.spawn("metrics", http::serve_apart(ports, &drain).context("serving metrics")?);
    }
    serving.met();
    tracing::info!(enrol = %settings.enrol_socket.display(), node = %settings.node_socket, "serving");

    tokio::select! {
        received = signals.received() => {
            tracing::info!(?received, "ending; Pods stay captured");
            Ok(())
        }
        ended = tasks.ended() => bail!("a task ended before its time: {ended:?}"),
    }
}

fn context(settings: &Settings) -> anyhow::Result<AgentContext<Linux>> {
    let served_by = match settings.zds_socket {
        None => ServedBy::Karez,
        Some(_) => ServedBy::Ztunnel,
    };
    let kernel = Linux { served_by, probes: settings.probe_address.clone() };
    Ok(AgentContext::new(kernel, Store::open(&settings.state_dir)?, served_by))
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
    let source = Source::new(Arc::clone(context), served.clone());
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
