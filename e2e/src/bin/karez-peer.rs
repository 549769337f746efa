//! `karez-peer`: small servers and load generators for the tests and the bench.

use std::io::Read as _;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::{Args, Parser, Subcommand};
use karez_e2e::peer::grpc;
use karez_e2e::peer::load;
use karez_e2e::peer::serve::{self, Behaviour};
use serde::Serialize;

/// Small servers and load generators.
#[derive(Debug, Parser)]
struct Command {
    #[command(subcommand)]
    work: Work,
}

#[derive(Debug, Subcommand)]
enum Work {
    /// Serves the given behaviours, each on a port of its own.
    Serve(Ports),
    /// Sends for a time.
    Send(Load),
    /// Receives for a time.
    Receive(Load),
    /// Round trips of SIZE bytes for a time.
    Pingpong {
        #[command(flatten)]
        load: Load,
        /// Bytes of a message.
        #[arg(long, default_value_t = 128)]
        size: usize,
    },
    /// Connect, one byte, close; for a time or a number of connections, whichever is first.
    Churn {
        #[command(flatten)]
        load: Load,
        /// At most so many connections.
        #[arg(long, default_value_t = u64::MAX)]
        most: u64,
    },
    /// Opens connections, says `open`, and holds them until its standard input ends.
    Idle(Load),
    /// A gRPC server that echoes.
    GrpcServe {
        /// Its port.
        port: u16,
    },
    /// Calls it, and checks the answers.
    GrpcCall {
        /// Where to.
        to: SocketAddr,
        /// Calls of one message.
        #[arg(long, default_value_t = 100)]
        unary: usize,
        /// Messages of one call that streams.
        #[arg(long, default_value_t = 1000)]
        streamed: usize,
        /// Bytes of a message.
        #[arg(long, default_value_t = 1024)]
        size: usize,
    },
}

#[derive(Debug, Args)]
struct Ports {
    #[arg(long)]
    echo: Option<u16>,
    #[arg(long)]
    sink: Option<u16>,
    #[arg(long)]
    source: Option<u16>,
    #[arg(long)]
    whoami: Option<u16>,
    #[arg(long)]
    silent: Option<u16>,
    #[arg(long)]
    count: Option<u16>,
    #[arg(long)]
    reset: Option<u16>,
}

#[derive(Debug, Args)]
struct Load {
    /// Where to.
    to: SocketAddr,
    /// Connections at a time.
    #[arg(long, default_value_t = 1)]
    connections: usize,
    /// For how long, in seconds.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
}

impl Load {
    fn time(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }
}

fn main() -> ExitCode {
    match start(Command::parse().work) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn start(work: Work) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run(work))
}

async fn run(work: Work) -> Result<()> {
    match work {
        Work::Serve(ports) => serve_all(ports).await,
        Work::Send(load) => print(&load::send(load.to, load.connections, load.time()).await?),
        Work::Receive(load) => print(&load::receive(load.to, load.connections, load.time()).await?),
        Work::Pingpong { load, size } => {
            print(&load::pingpong(load.to, load.connections, size, load.time()).await?)
        }
        Work::Churn { load, most } => {
            print(&load::churn(load.to, load.connections, load.time(), most).await?)
        }
        Work::Idle(load) => hold(&load).await,
        Work::GrpcServe { port } => grpc::serve(port).await,
        Work::GrpcCall { to, unary, streamed, size } => print(&grpc::call(to, unary, streamed, size).await?),
    }
}

async fn serve_all(ports: Ports) -> Result<()> {
    let all = [
        (Behaviour::Echo, ports.echo),
        (Behaviour::Sink, ports.sink),
        (Behaviour::Source, ports.source),
        (Behaviour::Whoami, ports.whoami),
        (Behaviour::Silent, ports.silent),
        (Behaviour::Count, ports.count),
        (Behaviour::Reset, ports.reset),
    ];
    let mut servers = tokio::task::JoinSet::new();
    for (behaviour, port) in all.into_iter().filter_map(|(behaviour, port)| Some((behaviour, port?))) {
        servers.spawn(serve::serve(behaviour, port));
    }
    servers.join_next().await.context("name at least one behaviour: see --help")???;
    Ok(())
}

async fn hold(load: &Load) -> Result<()> {
    let held = load::idle(load.to, load.connections).await?;
    say("open");
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    drop(held);
    Ok(())
}

fn print(found: &impl Serialize) -> Result<()> {
    say(&serde_json::to_string(found)?);
    Ok(())
}

#[allow(clippy::print_stdout, reason = "its output is its result")]
fn say(line: &str) {
    println!("{line}");
}

/// One line, without a backtrace: the bench shows it as the cause.
#[allow(clippy::print_stderr, reason = "it is what a command says errors on")]
fn complain(line: &str) {
    eprintln!("karez-peer: {line}");
}
