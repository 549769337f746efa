//! New certificates and a new root while connections live and come.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::{Stage, remark, show as show_text};
use crate::demo::render::table;
use crate::demo::world::{CATALOG, ECHO};
use crate::peers;

/// Longer than half the life of a certificate, at which it is renewed.
const SECONDS: &str = "11";
const LIMIT: Duration = Duration::from_secs(40);

pub(super) fn show(stage: &Stage<'_>) -> Result<()> {
    let world = stage.world;
    remark(&format!(
        "Certificates live 16 s in this demo, so that renewals can be watched; the root is replaced on command. Under\n\
         {SECONDS} s of load: 8 connections that last, and 2 clients that connect, ask and close without end."
    ));
    let before = State::read(stage)?;
    let to = format!("{CATALOG}:{ECHO}");
    let start = |load: &str, connections: &str| {
        let arguments = [load, &to, "--connections", connections, "--seconds", SECONDS];
        peers::load(&world.mesh, &world.web, &arguments)
    };
    let (mut lasting, mut brief) = (start("pingpong", "8")?, start("churn", "2")?);
    stage.karez("ca rotate --wait")?;
    lasting.ensure_running().and_then(|()| brief.ensure_running()).context("the load ended too early")?;
    let (lasting, brief) = (lasting.finish(LIMIT)?, brief.finish(LIMIT)?);
    let after = State::read(stage)?;

    let row = |what: &str, before: &str, after: &str| [what, before, after].map(str::to_owned).to_vec();
    remark("What changed, and whether anybody noticed:");
    show_text(&table(&[
        row("", "BEFORE", "AFTER"),
        row("certificate of shop/web, until", &before.until, &after.until),
        row("root that signs", &before.root, &after.root),
    ]));
    let errors = lasting.errors + brief.errors;
    let summary = format!(
        "{} round trips on lasting connections, {} new connections, {errors} errors",
        lasting.units, brief.units
    );
    show_text(&stage.colour.calm(&summary));
    ensure!(before.until != after.until && before.root != after.root, "nothing was replaced");
    ensure!(errors == 0 && lasting.units > 0 && brief.units > 0, "{lasting:?}, {brief:?}");
    Ok(())
}

/// What is to change.
struct State {
    until: String,
    root: String,
}

impl State {
    fn read(stage: &Stage<'_>) -> Result<Self> {
        let status = stage.world.mesh.status()?;
        let find = |list: &str, key: &str, value: &str, wanted: &str| {
            let items = status.get(list).and_then(Value::as_array)?;
            let item = items.iter().find(|item| item.get(key).and_then(Value::as_str) == Some(value))?;
            item.get(wanted).and_then(Value::as_str).map(str::to_owned)
        };
        let until =
            find("pods", "name", "web", "certificateNotAfter").context("shop/web has no certificate")?;
        let root = find("roots", "phase", "signing", "fingerprint").context("no root signs")?;
        // The beginning is enough to tell two apart, and what `karez status` shows.
        Ok(Self { until, root: root.chars().take(16).collect() })
    }
}
