//! `karez-bench`: what Karez costs. Run it by `e2e/bench`.

mod l4;
mod output;
mod scale;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What Karez costs.
#[derive(Debug, Parser)]
#[command(name = "e2e/bench")]
struct Command {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Debug, Subcommand)]
enum Bench {
    /// TCP between two Pods: direct, an HAProxy mTLS pair, Karez, and any other node proxy.
    #[command(after_help = l4::peer_help())]
    L4(l4::Options),
    /// Changes of a mesh of 1,000 to 100,000 simulated Pods: CPU, push time and memory of the controller and a node proxy.
    Scale(scale::Options),
}

fn main() -> ExitCode {
    let done = match Command::parse().bench {
        Bench::L4(options) => l4::compare(&options),
        Bench::Scale(options) => scale::measure(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::progress(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
