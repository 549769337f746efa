//! A policy that comes while the shop is open.

use std::time::Duration;

use anyhow::{Result, ensure};
use karez_lab::wait;
use serde_json::json;

use super::{Stage, say};
use crate::access_log;
use crate::demo::world::{NODES, SECRET};

const REQUEST: &str = "curl -sS -m 5 http://catalog/prices";

pub(super) fn show(stage: &Stage<'_>) -> Result<()> {
    let world = stage.world;
    ensure!(
        stage.run(&world.guest, REQUEST)?.contains(SECRET),
        "the guest was refused before there was a policy"
    );
    let spec = json!({
        "selector": {"matchLabels": {"app": "catalog"}},
        "action": "Allow",
        "rules": [{"from": [{"source": {"principals": ["cluster.local/ns/shop/sa/web"]}}]}],
    });
    stage.remark("AuthorizationPolicy shop/only-web: the catalog is for the service account web alone.");
    world.mesh.manifests.policy("shop", "only-web", &spec)?;
    wait::until("the policy to be in force", Duration::from_secs(10), || {
        let answer = world.guest.namespace().output("curl", &["-s", "-m", "2", "http://catalog/prices"])?;
        ensure!(!answer.status.success(), "the guest is served");
        Ok(())
    })?;
    let refused = stage.run(&world.guest, REQUEST)?;
    ensure!(!refused.contains(SECRET) && refused.contains("curl: ("), "curl printed {refused:?}");
    ensure!(stage.run(&world.web, REQUEST)?.contains(SECRET), "web was refused as well");
    let line = access_log::wait_for(&world.mesh, NODES[1], "the refusal", |line| {
        line.text("src.workload") == "guest" && line.is_failure()
    })?;
    stage.remark("Why, in the words of the node proxy beside the catalog:");
    say(&format!("{} -> {}: {}", line.text("src.identity"), line.text("dst.workload"), line.text("error")));
    ensure!(line.text("error").contains("Allow"), "the reason names no policy: {line}");
    Ok(())
}
