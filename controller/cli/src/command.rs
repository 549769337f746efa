//! Runs what was asked for.

use crate::failure::Failure;
use crate::settings::{CaCommand, Command, PodCommand, Settings};
use crate::{check, dump, pod, rotation, status, uninstall};

/// Runs the command.
///
/// # Errors
/// With what the process is to exit with.
pub async fn run(settings: Settings) -> Result<(), Failure> {
    let format = settings.output;
    match settings.command {
        Command::Pod(PodCommand::Add(command)) => pod::add(command, format).await,
        Command::Pod(PodCommand::Remove(command)) => pod::remove(&command, format).await,
        Command::Pod(PodCommand::List(agent)) => pod::list(&agent, format).await,
        Command::Check(command) => check::check(&command, format).await,
        Command::Status(command) => status::show(&command.controller, format).await,
        Command::Dump(command) => dump::print(&command).await,
        Command::Ca(CaCommand::Rotate(command)) => rotation::rotate(&command, format).await,
        Command::UninstallNodes(command) => uninstall::uninstall_nodes(&command, format).await,
    }
}
