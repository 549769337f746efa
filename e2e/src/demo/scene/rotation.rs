//! New certificates and a new root while connections live and come.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::{Stage, say};
use crate::demo::render::table;
use crate::demo::world::ECHO;
use crate::peers;

/// Longer than half the life of a certificate, at which it is renewed.
const SECONDS: &str = "11";
const LIMIT: Duration = Duration::from_secs(40);

pub(super) fn show(stage: &Stage<'_>) -> Result<()> {
    let mesh = &stage.world.mesh;
    let before = State::read(stage)?;
    let to = format!("10.96.0.10:{ECHO}");
    let lasting =
        peers::load(mesh, &stage.world.web, &["pingpong", &to, "--connections", "8", "--seconds", SECONDS])?;
    let brief =
        peers::load(mesh, &stage.world.web, &["churn", &to, "--connections", "2", "--seconds", SECONDS])?;
    stage.remark("Under load: 8 connections that last, 2 clients that connect, ask and close without end.");
    say(&stage.colour.command("operator", "karez ca rotate --wait"));
    say(mesh.karez(&["ca", "rotate", "--wait"])?.trim_end());
    let (lasting, brief) = (lasting.finish(LIMIT)?, brief.finish(LIMIT)?);
    let after = State::read(stage)?;
    say(table(&[
        ["", "BEFORE", "AFTER"].map(str::to_owned).to_vec(),
        vec!["certificate of shop/web, until".to_owned(), before.until.clone(), after.until.clone()],
        vec!["root that signs".to_owned(), short(&before.root), short(&after.root)],
    ])
    .trim_end());
    say(&format!(
        "{} round trips on lasting connections, {} connections made: {} errors.",
        lasting.units,
        brief.units,
        lasting.errors + brief.errors
    ));
    ensure!(before.until != after.until && before.root != after.root, "nothing was replaced");
    ensure!(
        lasting.errors + brief.errors == 0 && lasting.units > 0 && brief.units > 0,
        "{lasting:?}, {brief:?}"
    );
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
        Ok(Self { until, root })
    }
}

/// The beginning of a fingerprint, which is enough to tell two apart.
fn short(fingerprint: &str) -> String {
    fingerprint.chars().take(16).collect()
}
