//! `karez ca rotate`.

use std::time::Duration;

use karez_api::operator::{RootPhase, RootStatus};
use serde::Serialize;
use tokio::time::Instant;

use crate::controller::Controller;
use crate::failure::Failure;
use crate::output;
use crate::settings::{Format, RotateCommand, WaitFor};
use crate::status::{RootView, roots_table, way_out};

/// How often the controller is asked how far it is.
const INTERVAL: Duration = Duration::from_millis(500);
/// How long it may be unreachable meanwhile: a restart of the controller does not end a rotation.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Serialize)]
struct Rotation {
    roots: Vec<RootView>,
}

/// Begins a rotation, and waits for it if that is asked for.
///
/// # Errors
/// When it cannot begin, or the controller goes away while it is waited for.
pub async fn rotate(command: &RotateCommand, format: Format) -> Result<(), Failure> {
    let mut controller = Controller::connect(&command.controller).await?;
    let before = controller.status().await?.roots;
    let reply = controller.rotate(command.force).await?;
    say_left_behind(&reply.left_behind);
    let begun = reply.roots;
    let new = new_root(&before, &begun).map(str::to_owned);
    let roots = match command.wait {
        None => begun,
        Some(step) => wait(command, controller, begun, new.as_deref(), step).await?,
    };
    match format {
        Format::Json => output::json(&Rotation { roots: roots.iter().map(RootView::of).collect() }),
        Format::Text => output::text(&roots_table(&roots)),
    }
}

async fn wait(
    command: &RotateCommand,
    controller: Controller,
    begun: Vec<RootStatus>,
    new: Option<&str>,
    step: WaitFor,
) -> Result<Vec<RootStatus>, Failure> {
    let mut controller = Some(controller);
    let mut last_heard = Instant::now();
    let mut roots = begun;
    let mut said = String::new();
    loop {
        if is_reached(&roots, new, step) {
            return Ok(roots);
        }
        say(&roots, &mut said);
        tokio::time::sleep(INTERVAL).await;
        match ask(command, &mut controller).await {
            Ok(answer) => {
                roots = answer;
                last_heard = Instant::now();
            }
            Err(Failure::Unreachable(_)) if last_heard.elapsed() < PATIENCE => {}
            Err(failure) => return Err(failure),
        }
    }
}

/// Asks on a new connection when the last one failed: the controller's certificate may have moved to the new root.
async fn ask(
    command: &RotateCommand,
    connection: &mut Option<Controller>,
) -> Result<Vec<RootStatus>, Failure> {
    let mut controller = match connection.take() {
        Some(controller) => controller,
        None => Controller::connect(&command.controller).await?,
    };
    let answer = controller.status().await?;
    *connection = Some(controller);
    Ok(answer.roots)
}

/// Fingerprint of the root that the rotation leads to. Where all nodes are quick it signs already, and is known by not having
/// been there before.
fn new_root<'a>(before: &[RootStatus], begun: &'a [RootStatus]) -> Option<&'a str> {
    let is_new = |root: &&RootStatus| before.iter().all(|known| known.fingerprint != root.fingerprint);
    // One that was forced was there before, and signs now.
    let was_announced = |root: &&RootStatus| {
        before
            .iter()
            .any(|known| known.fingerprint == root.fingerprint && known.phase() == RootPhase::Announced)
    };
    begun
        .iter()
        .find(is_new)
        .or_else(|| begun.iter().find(was_announced))
        .map(|root| root.fingerprint.as_str())
}

/// Whether the root that was announced has come as far as that.
fn is_reached(roots: &[RootStatus], new: Option<&str>, step: WaitFor) -> bool {
    let signs =
        roots.iter().any(|root| root.phase() == RootPhase::Signing && Some(&*root.fingerprint) == new);
    match step {
        WaitFor::Signing => signs,
        WaitFor::Dropped => signs && roots.len() == 1,
    }
}

/// Says who is left behind by force, and how to mend it.
fn say_left_behind(left_behind: &[String]) {
    for wait in left_behind {
        output::progress(&format!("went on without waiting for {wait}"));
    }
    if !left_behind.is_empty() {
        output::progress(
            "until these nodes know the new root, their Pods refuse peers whose certificates are of it: restart karez-node there",
        );
    }
}

/// Says what is waited for, once each, and how to go on.
fn say(roots: &[RootStatus], said: &mut String) {
    let waits: Vec<&str> =
        roots.iter().map(|root| root.waiting_for.as_str()).filter(|wait| !wait.is_empty()).collect();
    let message = waits.join("; ");
    if message != *said && !message.is_empty() {
        output::progress(&format!("waiting for {message}"));
        if let Some(way_out) = way_out(roots) {
            output::progress(way_out);
        }
        *said = message;
    }
}

#[cfg(test)]
mod tests;
