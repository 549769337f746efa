//! The node proxy's flags, each with a `KAREZ_` twin in the environment.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use karez_process::logs::LogSettings;
use karez_process::{duration, names};

/// The L4 data plane of a node: carries the traffic of enrolled Pods over mTLS tunnels. Needs no privilege.
#[derive(Debug, Clone, Parser)]
#[command(name = "karez-node")]
pub(crate) struct Settings {
    /// Name of this node, as the Pods' `nodeName` has it.
    #[arg(long, value_parser = names::node)]
    pub(crate) node: String,
    /// The controller: delta xDS and the CA.
    #[arg(long, value_name = "https://HOST:PORT")]
    pub(crate) controller: String,
    /// PEM roots that prove the controller, beside the mesh's own once they are known; read again at every connection.
    #[arg(long, value_name = "FILE")]
    pub(crate) controller_ca: PathBuf,
    /// Token that proves this node to the controller; read again at every call.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: PathBuf,
    /// The agent's socket; `@NAME` is an abstract one in this network namespace, which any root process there can take while
    /// the agent is away.
    #[arg(long, default_value = "@karez-agent")]
    pub(crate) agent_socket: String,
    /// Worker threads, each with connections of its own; as many as there are cores, unless told.
    #[arg(long)]
    pub(crate) workers: Option<NonZeroUsize>,
    /// Configuration dump, for people on this node.
    #[arg(long, default_value = "127.0.0.1:15000")]
    pub(crate) admin_listen: SocketAddr,
    /// Prometheus metrics.
    #[arg(long, default_value = "[::]:15020")]
    pub(crate) metrics_listen: SocketAddr,
    /// Readiness.
    #[arg(long, default_value = "[::]:15021")]
    pub(crate) readiness_listen: SocketAddr,
    /// First word of every metric's name; `istio` for dashboards made for Istio.
    #[arg(long, default_value = "karez", value_parser = names::metrics_prefix)]
    pub(crate) metrics_prefix: String,
    /// A line for every connection, on standard output.
    #[arg(long, value_enum, default_value_t = AccessLog::Json)]
    pub(crate) access_log: AccessLog,
    /// How long open connections may go on after SIGTERM.
    #[arg(long, default_value = "10s", value_parser = duration::parse)]
    pub(crate) drain_deadline: Duration,
    /// Connections that one Pod may have open through this proxy; one that no tunnel carries counts twice, as it takes two
    /// descriptors.
    #[arg(long, default_value = "20000")]
    pub(crate) pod_connections: NonZeroUsize,
    /// MiB that may lie unread in this process, a quarter of it for one Pod at most.
    #[arg(long, default_value = "256")]
    pub(crate) unread_mib: NonZeroUsize,
    /// Kubernetes namespace that this node proxy runs in: Istio's control plane compares it with the token's.
    #[arg(long, default_value = "karez-system", value_parser = names::namespace)]
    pub(crate) namespace: String,
    /// Name of the cluster, as the controller has it.
    #[arg(long, default_value = "Kubernetes", value_parser = names::cluster)]
    pub(crate) cluster_id: String,
    #[command(flatten)]
    pub(crate) log: LogSettings,
}

/// Form of the access log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AccessLog {
    /// One JSON object a line.
    Json,
    /// None.
    Off,
}

impl Settings {
    /// Worker threads: the setting, or one a core.
    pub(crate) fn worker_count(&self) -> usize {
        let cores = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        self.workers.unwrap_or_else(cores).get()
    }
}
