//! The L4 data plane of a node: accepts, dials and carries connections by karez-mesh's plan. Holds no privilege.
//!
//! * [`settings`] – flags and environment
//! * [`pods`] – the node's Pods, from the agent; publishes the workers' [`assignment`]
//! * [`pod`], [`stock`] – one Pod, and its ready sockets
//! * [`worker_thread`] – accepts connections
//! * [`connection`], [`dns`] – one connection, from accept to end; the Pod's queries
//! * [`share`], [`worker`] – one thread's state: for one Pod, and for all
//! * [`dial`] – dials TCP with the agent's sockets
//! * [`shares`] – division of descriptors
//! * [`report`], [`admin`], [`metrics`] – its state, for the controller, humans and Prometheus

mod admin;
mod assignment;
mod connection;
mod dial;
mod dns;
#[cfg(test)]
mod fixture;
mod metrics;
mod pod;
mod pods;
mod program;
mod report;
mod settings;
mod share;
mod shares;
mod stock;
mod worker;
mod worker_thread;

use std::process::ExitCode;

use karez_process::{logs, settings as flags};

use crate::settings::Settings;

/// glibc's allocator keeps memory after bulk transfers; see docs/performance.md.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let settings: Settings = flags::parse();
    let _log = match logs::start(&settings.log) {
        Ok(log) => log,
        Err(error) => return fail(&error),
    };
    match program::run(settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

#[allow(clippy::print_stderr, reason = "there is no log to write to")]
fn fail(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("karez-node: {error}");
    ExitCode::FAILURE
}
