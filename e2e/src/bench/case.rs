//! What is measured: a load between two Pods, on two nodes or on one.

use std::fmt;
use std::io::{BufRead as _, BufReader};
use std::net::{IpAddr, SocketAddr};
use std::process::{Output, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use karez_lab::Namespace;
use karez_lab::mesh::Carrier;

use crate::bench::usage;
use crate::peer::load::Figures;
use crate::peers::peer_program;

/// Ports of the server: `karez-peer serve`.
pub const ECHO: u16 = 7000;
/// Reads everything.
pub const SINK: u16 = 7001;
/// Sends without end.
pub const SOURCE: u16 = 7002;

/// Where the two Pods are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Route {
    /// On two nodes.
    Cross,
    /// On one node.
    Same,
}

/// What crosses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Load {
    /// Bulk from the client on so many connections.
    Throughput(usize),
    /// Bulk towards the client.
    Reverse(usize),
    /// Round trips: connections, bytes of a message.
    Pingpong(usize, usize),
    /// Connect, one byte, close: clients.
    Churn(usize),
    /// So many connections, held open: memory.
    Idle(usize),
    /// Memory 30 s after so many were closed.
    Closed(usize),
}

/// One case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Case {
    /// Where.
    pub route: Route,
    /// What.
    pub load: Load,
}

/// A figure with its name in the JSON.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// `gbit_s`, `per_s`, `p50_us`, `p90_us`, `p99_us`, `p999_us`, or `rss_kib` of the largest proxy on the path.
    pub metric: &'static str,
    /// In the metric's unit.
    pub value: f64,
    /// Work per CPU-second of every process on the path; none for memory, for latencies and without a proxy.
    pub per_cpu_s: Option<f64>,
}

/// What a case runs on: one side's client and server.
#[derive(Debug)]
pub struct Bed<'a> {
    /// The client's namespace.
    pub client: &'a Namespace,
    /// The address that reaches the server through this side.
    pub target: IpAddr,
    /// What is added there to the server's ports.
    pub port_shift: u16,
    /// Every proxy on the path, with its agent.
    pub carriers: &'a [Carrier],
}

impl Bed<'_> {
    /// Where the client dials to reach `port` of the server.
    #[must_use]
    pub fn address(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.target, port.saturating_add(self.port_shift))
    }
}

/// Memory first: the proxies have carried nothing yet.
const LOADS: [Load; 12] = [
    Load::Idle(0),
    Load::Idle(1000),
    Load::Idle(10_000),
    Load::Closed(10_000),
    Load::Throughput(1),
    Load::Throughput(4),
    Load::Reverse(1),
    Load::Reverse(4),
    Load::Pingpong(1, 128),
    Load::Pingpong(16, 128),
    Load::Pingpong(64, 1024),
    Load::Churn(8),
];

/// Connections that one case may make in all: a bound for whatever goes wrong.
const MOST_CONNECTIONS: u64 = 20_000;
/// How long memory has to come back.
const REST: Duration = Duration::from_secs(30);

/// Every case, in the order in which they run.
#[must_use]
pub fn all() -> Vec<Case> {
    LOADS.into_iter().flat_map(|load| [Route::Cross, Route::Same].map(|route| Case { route, load })).collect()
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.route {
            Route::Cross => "cross/",
            Route::Same => "same/",
        })?;
        match self.load {
            Load::Throughput(connections) => write!(f, "throughput-{connections}"),
            Load::Reverse(connections) => write!(f, "reverse-{connections}"),
            Load::Pingpong(connections, _) => write!(f, "pingpong-{connections}"),
            Load::Churn(clients) => write!(f, "churn-{clients}"),
            Load::Idle(connections) => write!(f, "idle-{connections}"),
            Load::Closed(connections) => write!(f, "closed-{connections}"),
        }
    }
}

impl Case {
    /// Whether one run says it all: memory, which hardly varies and takes long.
    #[must_use]
    pub fn is_memory(self) -> bool {
        matches!(self.load, Load::Idle(_) | Load::Closed(_))
    }

    /// Runs it once.
    ///
    /// # Errors
    /// When the load cannot be carried.
    pub fn run(self, bed: &Bed<'_>, seconds: f64) -> Result<Vec<Sample>> {
        match self.load {
            Load::Throughput(connections) => bulk(bed, "send", SINK, connections, seconds),
            Load::Reverse(connections) => bulk(bed, "receive", SOURCE, connections, seconds),
            Load::Pingpong(connections, size) => {
                trips(bed, &["pingpong", "--size", &size.to_string()], connections, seconds)
            }
            Load::Churn(clients) => {
                trips(bed, &["churn", "--most", &MOST_CONNECTIONS.to_string()], clients, seconds)
            }
            Load::Idle(connections) => Ok(vec![resident(bed, connections, Duration::ZERO)?]),
            Load::Closed(connections) => Ok(vec![resident(bed, connections, REST)?]),
        }
    }
}

fn bulk(bed: &Bed<'_>, direction: &str, port: u16, connections: usize, seconds: f64) -> Result<Vec<Sample>> {
    let (figures, cpu) = measure(bed, &[direction], port, connections, seconds)?;
    let gbit = figures.units as f64 * 8.0 / 1e9;
    Ok(vec![Sample { metric: "gbit_s", value: gbit / figures.seconds, per_cpu_s: cpu.map(|cpu| gbit / cpu) }])
}

fn trips(bed: &Bed<'_>, work: &[&str], connections: usize, seconds: f64) -> Result<Vec<Sample>> {
    let (figures, cpu) = measure(bed, work, ECHO, connections, seconds)?;
    ensure!(
        figures.errors == 0,
        "{} of {} connections failed, the first with: {}",
        figures.errors,
        figures.units + figures.errors,
        figures.first_error.as_deref().unwrap_or("no error")
    );
    let units = figures.units as f64;
    let latency = figures.latency.context("karez-peer gave no latencies")?;
    let mut samples = vec![Sample {
        metric: "per_s",
        value: units / figures.seconds,
        per_cpu_s: cpu.map(|cpu| units / cpu),
    }];
    for (metric, value) in [
        ("p50_us", latency.p50_us),
        ("p90_us", latency.p90_us),
        ("p99_us", latency.p99_us),
        ("p999_us", latency.p999_us),
    ] {
        samples.push(Sample { metric, value, per_cpu_s: None });
    }
    Ok(samples)
}

/// Runs the load generator, and gives its figures with the CPU-seconds that the path spent meanwhile.
fn measure(
    bed: &Bed<'_>,
    work: &[&str],
    port: u16,
    connections: usize,
    seconds: f64,
) -> Result<(Figures, Option<f64>)> {
    let to = bed.address(port).to_string();
    let (connections, seconds) = (connections.to_string(), seconds.to_string());
    let mut arguments = work.to_vec();
    arguments.extend([to.as_str(), "--connections", &connections, "--seconds", &seconds]);
    let before = usage::cpu_seconds(bed.carriers)?;
    let output = bed.client.output(&peer_program()?, &arguments)?;
    let spent = usage::cpu_seconds(bed.carriers)? - before;
    ensure!(output.status.success(), "{}", cause(&output));
    let printed = String::from_utf8_lossy(&output.stdout);
    let figures =
        serde_json::from_str(&printed).with_context(|| format!("karez-peer printed {printed:?}"))?;
    Ok((figures, (spent > 0.0).then_some(spent)))
}

/// Why a load generator failed: its last line.
fn cause(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().map(str::trim).rfind(|line| !line.is_empty());
    last.map_or_else(|| format!("karez-peer ended with {} and said nothing", output.status), str::to_owned)
}

/// Memory of the largest proxy while `connections` are held, or `rest` after they were closed.
fn resident(bed: &Bed<'_>, connections: usize, rest: Duration) -> Result<Sample> {
    let kib = if connections == 0 {
        usage::resident_kib(bed.carriers)?
    } else {
        let to = bed.address(ECHO).to_string();
        let mut command = bed.client.command(&peer_program()?);
        command.args(["idle", &to, "--connections", &connections.to_string()]);
        let mut holder =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(holder.stdout.take().context("no standard output")?).read_line(&mut line)?;
        let held = usage::resident_kib(bed.carriers)?;
        drop(holder.stdin.take());
        let ended = holder.wait_with_output()?;
        ensure!(line.trim() == "open", "{connections} connections could not be opened: {}", cause(&ended));
        if rest.is_zero() {
            held
        } else {
            std::thread::sleep(rest);
            usage::resident_kib(bed.carriers)?
        }
    };
    Ok(Sample { metric: "rss_kib", value: kib as f64, per_cpu_s: None })
}
