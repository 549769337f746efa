//! `karez-demo`: the demo, and commands in a running one. Run it by `e2e/demo`.

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use karez_e2e::demo::handle::Handle;
use karez_e2e::demo::render::Colour;
use karez_e2e::demo::scene::Stage;
use karez_e2e::demo::world::World;
use tokio::signal::unix::{SignalKind, signal};

#[derive(Debug, Parser)]
#[command(name = "karez-demo")]
struct Command {
    #[command(subcommand)]
    work: Work,
}

#[derive(Debug, Subcommand)]
enum Work {
    /// Tells the story, then leaves the mesh up until Ctrl-C.
    Run {
        /// Ends after the story.
        #[arg(long)]
        once: bool,
    },
    /// A command in a Pod or on a node of the running demo.
    Exec {
        /// NAMESPACE/NAME of the Pod, or the name of the node.
        pod: String,
        /// The command and its words.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        words: Vec<String>,
    },
    /// The operator's command in the running demo.
    Karez {
        /// Its words.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
}

fn main() -> Result<()> {
    match Command::parse().work {
        Work::Run { once } => run(once),
        Work::Exec { pod, words } => Handle::find()?.exec(&pod, &words),
        Work::Karez { words } => Handle::find()?.karez(&words),
    }
}

fn run(once: bool) -> Result<()> {
    let world = World::open().context("the shop did not open")?;
    Stage::new(&world, Colour::detect()).show_all()?;
    if once {
        return Ok(());
    }
    say(HANDS_ON);
    // Only now: until here Ctrl-C simply ends everything.
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        Ok::<_, std::io::Error>(())
    })?;
    say("\nThe shop is closed.");
    Ok(())
}

const HANDS_ON: &str = "
The mesh stays up until Ctrl-C. From another terminal:

  e2e/demo exec shop/web curl -s http://catalog/prices
  e2e/demo exec shop/guest curl -sS http://catalog/prices          refused, since scene 4
  e2e/demo exec shop/web redis-cli -h cart get saffron
  e2e/demo exec outside/plain curl -s http://10.96.0.10/prices     not in the mesh: there is no such address
  e2e/demo exec shop/web nft list table inet karez                 the rules that capture a Pod
  e2e/demo karez status
  e2e/demo exec n1 curl -s http://127.0.0.1:15000/config_dump     what the node proxy of n1 works with
  e2e/demo exec n1 curl -s http://127.0.0.1:15020/metrics";

#[allow(clippy::print_stdout, reason = "the demo's output is its result")]
fn say(text: &str) {
    println!("{text}");
}
