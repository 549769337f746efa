//! `karez-demo`: the demo, and commands in a running one. Run it by `e2e/demo`.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use karez_e2e::demo::handle::Handle;
use karez_e2e::demo::hints::hints;
use karez_e2e::demo::render::Colour;
use karez_e2e::demo::scene::Stage;
use karez_e2e::demo::world::World;

#[derive(Debug, Parser)]
#[command(name = "karez-demo")]
struct Command {
    #[command(subcommand)]
    work: Work,
}

#[derive(Debug, Subcommand)]
enum Work {
    /// Tells the story, then leaves the mesh up until it is killed.
    Run {
        /// Ends after the story.
        #[arg(long)]
        once: bool,
    },
    /// A command in a Pod or on a node of the running demo.
    #[command(disable_help_flag = true)]
    Exec {
        /// The Pod, or the name of the node.
        place: String,
        /// The command and its words.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        words: Vec<String>,
    },
    /// The operator's command in the running demo.
    #[command(disable_help_flag = true)]
    Karez {
        /// Its words.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
}

fn main() -> ExitCode {
    let done = match Command::parse().work {
        Work::Run { once } => run(once),
        Work::Exec { place, words } => Handle::find().and_then(|handle| handle.exec(&place, &words)),
        Work::Karez { words } => Handle::find().and_then(|handle| handle.karez(&words)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

#[allow(clippy::print_stderr, reason = "the program's last word")]
fn complain(error: &anyhow::Error) {
    eprintln!("\nerror: {error:#}");
}

#[allow(clippy::print_stdout, reason = "the demo's output is its result")]
fn say(text: &str) {
    println!("{text}");
}

fn run(once: bool) -> Result<()> {
    let world = World::open().context("the shop did not open")?;
    Stage::new(&world, Colour::detect()).show_all()?;
    if !once {
        say(&format!(
            "\nThe mesh stays up until Ctrl-C. From another terminal, for example:\n\n{}",
            hints(&world)
        ));
        wait_for_the_end();
    }
    Ok(())
}

/// `e2e/demo` ends the namespaces, and with them this process.
fn wait_for_the_end() -> ! {
    loop {
        std::thread::park();
    }
}
